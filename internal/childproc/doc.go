// Package childproc starts child processes and owns each, with all that it
// starts in turn, until nothing of it is left. It is the only home of os/exec.
//
// # What it promises, in order
//
//   - The child gets exactly the environment (and GATEHOUSE_RUN, if it has a
//     mark), arguments and folder that it was given, three pipes, and a process
//     group of its own. Nothing else is inherited.
//   - When the child ends, for whatever reason, the rest of its group is killed,
//     and the child is reaped: it never stays a zombie. On Linux
//     the group is killed before the child is reaped, so its id cannot belong
//     to another process; elsewhere on unix it is killed right after, which
//     leaves a moment in which an id could in theory have been reused.
//   - What the child wrote to stdout before it ended can be read to its end,
//     for 200 ms after the exit, or after the end or the time of those whom a
//     Stop has asked to end; then the pipe is cut, because a helper that
//     left the group may keep it open for ever. After the cut reads return
//     io.EOF.
//   - On Linux the whole tree is ended, also descendants that left the group.
//     They are known from a look at the tree when the child was stopped, and by
//     their mark: asked by TERM, if a Stop leaves time for that, and killed.
//     They are signalled through a pidfd, so never somebody else who was given
//     their pid.
//   - What an end costs grows with the tree, not with the machine, where the
//     kernel lists the children of a process (Linux 4.2, CONFIG_PROC_CHILDREN)
//     and a Reaper runs. Elsewhere all processes have to be read; ends at the
//     same time share that.
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
// # The Reaper
//
// A process that starts children should run a Reaper, too. On systems other
// than Linux it does nothing. The words here, one meaning each:
//
//   - tree: a child and all its descendants.
//   - mark: an entry of their environments. GATEHOUSE_RUN names the child,
//     GATEHOUSE_INSTANCE the gateway.
//   - orphan: a descendant whose parent has ended. The gateway becomes its
//     parent (it is a subreaper) and reaps it.
//   - stray: a marked process outside the groups of living children: a daemon,
//     or what an ended child left.
//   - guard: a small process that ends what is left when the gateway dies,
//     however it dies. The Reaper starts it again if it dies first.
//     What runs by a lease it kills as well when the time it was told is over,
//     as the gateway may be frozen by then.
//   - record: a file that names the gateway and its children.
//   - sweep: the end, at the next start, of what gateway and guard left, by
//     their record.
//
// # What it does not promise
//
// A descendant that left the group and hides its environment (it was started
// with another one, has overwritten it, or forbids others to read it) is found
// if it is below the child when that is stopped. If its parent is gone, too,
// it is ended when the Reaper is closed, and survives if this process is
// killed. A process that hangs in the kernel cannot be killed by anyone, and
// Done waits for it if it is the child. On systems other than Linux
// descendants that leave the group are not found.
//
// # Goroutines
//
// Each process has two, and a third for a moment after its end, which end by
// the time Done is closed (but for an OnStderr that blocks), and one for each
// Stop that is under way. On Linux one more, shared by all, holds the thread
// that starts children; it ends when the last child is reaped. A Reaper has
// some of its own; they end with Close, but for a sweep that is stuck.
package childproc
