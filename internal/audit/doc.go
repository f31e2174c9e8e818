// Package audit writes who asked for what, and what was decided, as one JSON
// object per line, and checks such files afterwards.
//
// # What it promises, in order
//
//   - Append never waits for the disk: a record goes into a bounded queue, from
//     which one goroutine writes. Begin waits, but for at most BeginWait.
//   - Lines are written whole, many with one appending write. If the disk takes
//     only part of it, the file is cut back to its last whole line, and the
//     records are kept and tried again until the disk takes them or the queue is
//     full.
//   - The lines of an instance are numbered ("seq") without gaps, its first is
//     a "start" line and, after Close, its last a "stop" line. A gap, or an end
//     without a stop line, means that somebody removed lines or killed the
//     process.
//   - Loss is never silent. Records that find the queue full, that come after
//     Close, or that still cannot be written at the end are counted by Stats
//     and logged, at most once a second (and a last time by Close). A "lost"
//     line says in the file itself how many are missing since the last such
//     line, as soon as the disk takes one.
//   - What was written is synced to disk at most a second later.
//   - Each line names the one before it by its SHA-256 ("prev"), over rotations,
//     restarts and gateways; the very first one names 64 zeros. Verify says where
//     lines were changed, taken out or put in. The hash of the last line is kept
//     in FILE.lock as well, so that a missing end is found too: by Verify, and by
//     a gateway when it writes its next line, which is logged and counted.
//   - At MaxBytes the file becomes FILE.1, FILE.1 becomes FILE.2, and so on. The
//     oldest one is deleted when there are more than Files and its lines are older
//     than Keep, or the disk is nearly full; a "dropped" line tells which it
//     was, and its last line. When somebody else moved or removed the file, the next
//     write goes to a new one.
//   - Nobody floods it: beyond a rate, calls of one agent that are refused are
//     counted in one line a second, with a hash of what they asked for, and leave
//     half the queue to others.
//   - Every line is valid JSON, whatever agents put into a text: texts are cut
//     at 256 bytes, with a hash, and control characters escaped.
//
// Several gateways may append to the same file; "instance" tells them apart. A
// lock on FILE.lock is held while lines are written and files renamed. Who
// can't get it within a second writes without it, and then neither renames nor
// cuts anything; two who do that at the same time break the chain.
//
// # What it does not promise
//
// What was written within the last second may be lost if the machine fails,
// and what is still queued if the process is killed. Whoever may write to the
// file and to FILE.lock may compute all hashes anew: only lines that were sent
// elsewhere show that. Lines come in the order of Append, not of Timestamp.
package audit
