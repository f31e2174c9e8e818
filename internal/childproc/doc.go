// Package childproc starts child processes and owns each, with all that it
// starts in turn, until nothing of it is left. It is the only home of os/exec.
//
// # What it promises, in order
//
//   - The child gets exactly the environment (and GATEHOUSE_RUN, if it has a
//     mark), arguments and folder that it was given, three pipes, and a process
//     group of its own. Nothing else is inherited.
//   - When the child ends, for whatever reason, what is left of its group is
//     killed, and the child is reaped: it is never left as a zombie. On Linux
//     the group is killed before the child is reaped, so its id cannot belong
//     to anybody else; elsewhere on unix it is killed right after, which
//     leaves a moment in which an id could in theory have been given anew.
//   - What the child wrote to stdout before it ended can be read to its end,
//     for 200 ms after the exit; then the pipe is cut, because a helper that
//     left the group may keep it open for ever. After the cut reads give
//     io.EOF.
//   - On Linux those of its descendants that left the group are ended as well,
//     by what was below the child when it was stopped, and by its mark: asked
//     by TERM, if a Stop leaves time for that, and killed. They are signalled
//     through a pidfd, so never somebody else who was given their pid.
//   - Done is closed once the child is reaped, all of those are gone (or have
//     not died of KILL for 3 s), its stdout has been read to the
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
// # The Keeper
//
// A process that starts children should Keep them, too. On Linux the Keeper
// adopts orphans among the descendants and reaps them; runs a guard, a small
// process that ends what is left when this one dies, however it dies; keeps a
// record in a file, by which the next start ends what is left when the guard
// died as well; and restarts the guard. Elsewhere it does nothing.
//
// # What it does not promise
//
// A descendant that left the group and hides its environment (it was started
// with another one, has overwritten it, or forbids others to read it) is found
// if it is below the child when that is stopped. If its parent is gone, too,
// it is ended when the Keeper is closed, and survives if this process is
// killed. A process that hangs in the kernel cannot be killed by anyone, and
// Done waits for it if it is the child. On systems other than Linux
// descendants that leave the group are not found.
//
// # Goroutines
//
// Each process has two, and a third for a moment after its end, which end by
// the time Done is closed (but for an OnStderr that blocks), and one for each
// Stop that is under way. On Linux one more, shared by all, holds the thread
// that starts children; it ends when the last child is reaped. A Keeper has
// some of its own; they end with Close, but for a sweep that is stuck.
package childproc
