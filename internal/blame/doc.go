// Package blame finds out whose calls end a server, so that they are refused and
// the server is not lost to the others.
//
// It is pure: the supervisor hands a Book one crash after the other, and does
// what the Verdict says. What counts, all of it within Memory:
//
//   - A crash is a caller's own if only its calls were running. If none was, its
//     call was answered last a moment before: such crashes need to be three.
//   - A tool that ran at two crashes of a caller's own is blocked for that caller;
//     at three crashes over several tools the whole server is.
//   - Four crashes from one origin, by several names that are not blocked, block
//     the origin, and so does the third name of it that is to be blocked.
//   - If calls of several callers ran at two crashes, the origins that ran at both
//     are suspects: for a while their calls run one at a time. So the next crash
//     shows whose it is, and counts with the ones before.
//   - A caller whose single call was the last one answered before three crashes of
//     three others has spoilt the server for them: it is blocked, they are not.
//
// A server that is killed by a signal from outside (SIGKILL, SIGTERM) may be
// another's doing: the first four such ends say nothing of the calls that ran.
//
// A crash whose origin has ended the server before does not count against the
// server.
package blame
