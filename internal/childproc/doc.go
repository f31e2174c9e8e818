// Package childproc starts one child process and owns it, with its whole
// process group, until nothing of it is left. It is the only home of os/exec.
//
// # What it promises, in order
//
//   - The child gets exactly the environment, arguments and folder that it was
//     given, three pipes, and a process group of its own. Nothing else is
//     inherited.
//   - When the child ends, for whatever reason, what is left of its group is
//     killed, and the child is reaped: it is never left as a zombie. On Linux
//     the group is killed before the child is reaped, so its id cannot belong
//     to anybody else; elsewhere on unix it is killed right after, which
//     leaves a moment in which an id could in theory have been given anew.
//   - What the child wrote to stdout before it ended can be read to its end,
//     for 200 ms after the exit; then the pipe is cut, because a helper that
//     left the group may keep it open for ever. After the cut reads give
//     io.EOF.
//   - Done is closed once the child is reaped, its stdout has been read to the
//     end (or was closed by the owner, or was cut), and its stderr has been
//     taken in. So an owner that reads stdout in one goroutine and waits for
//     Done in another has seen every complete answer when Done closes. An
//     owner that does not read loses the 200 ms and what was in the pipe.
//   - However much the child writes to stderr, memory stays bounded: lines are
//     cut, only the last ones are kept, and a flood is thinned out.
//
// On Linux the child gets SIGKILL when the gateway dies, even by SIGKILL. On
// Windows the child and its descendants live in a job object, which the system
// ends with the gateway; the group is the job.
//
// # What it does not promise
//
// Descendants that leave the group (setsid) are not found here. A process that
// hangs in the kernel cannot be killed by anyone, and Done waits for it.
//
// # Goroutines
//
// Each process has two, which end by the time Done is closed (but for an
// OnStderr that blocks), and one for each Stop that is under way. On Linux one
// more, shared by all, holds the thread that starts children; it ends when the
// last child is reaped.
package childproc
