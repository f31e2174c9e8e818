package childproc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// outputGrace is how long the pipes of a dead child are still read, and how
// long Done waits for an OnStderr that does not come back.
const outputGrace = 200 * time.Millisecond

// Command says what to start. Start does not keep or change its slices.
type Command struct {
	// Name is the executable: looked up in the PATH of Env if it has no path
	// separator, else a path, relative to Dir.
	Name string
	// Args are the arguments without the name of the program.
	Args []string
	// Env is the child's whole environment, as KEY=VALUE; of two entries with
	// the same key the last one counts. Empty means an empty environment.
	Env []string
	// Dir is the child's working directory; empty means the gateway's own.
	Dir string
	// Mark, if not empty, identifies the child's processes, also those that
	// leave its group: with a number of the package's own it goes
	// into the environment, as GATEHOUSE_RUN, which descendants inherit.
	Mark string
	// Leased means that the child runs by a lease: see Reaper.Lease. It needs
	// InstanceVariable in Env.
	Leased bool
	// OnStderr, if set, hears the lines of stderr in order, without their line
	// ends and with blank ones left out, at most 200 in a second: of a flood it
	// hears how many were left out. It is called from one goroutine and must
	// not block: while it does, the child blocks as soon as its pipe is full.
	OnStderr func(line string)
	// Redact, if set, is applied to each line of stderr before it is cut and
	// handed out, by OnStderr as by StderrTail. It may be called from any
	// goroutine.
	Redact func(string) string
}

// Process is a child that was started. Its methods may be called from any
// goroutine.
type Process struct {
	cmd    *exec.Cmd
	group  group
	tree   *tree
	stdin  *os.File
	stdout *output
	stderr *stderr

	exited chan struct{} // the child is reaped
	done   chan struct{}

	mu       sync.Mutex // guards what follows
	reaped   bool       // from here on the child's id is somebody else's
	exit     string
	killAt   time.Time // when the earliest Stop kills, or what is left is killed; zero if neither is due
	signaled bool      // by us, while it still ran
}

// Start starts a child. It blocks while the program is looked up and until the
// system has executed it, not longer. The caller owns the Process and must end
// it by Stop or Kill if the child does not end by itself.
//
// The error is a *CannotStart if trying again makes no sense before something
// is changed (not found, not executable, no such folder); any other error may
// pass (no memory, too many open files). Errors name the program and the
// folder as given, never arguments or environment.
func Start(c Command) (*Process, error) {
	path, err := c.resolve()
	if err != nil {
		return nil, err
	}
	in, out, errOut, err := pipes()
	if err != nil {
		return nil, fmt.Errorf("cannot start %q: %w", c.Name, err)
	}
	cmd := &exec.Cmd{
		Path:   path,
		Args:   append([]string{c.Name}, c.Args...),
		Env:    append([]string{}, c.Env...), // never nil: that would inherit the gateway's
		Dir:    c.Dir,
		Stdin:  in.child,
		Stdout: out.child,
		Stderr: errOut.child,
	}
	entry := c.runEntry()
	if entry != "" {
		cmd.Env = append(cmd.Env, entry)
	}
	cmd.SysProcAttr = sysProcAttr()
	if leased := c.leasedEntry(); leased != "" {
		cmd.Env = append(cmd.Env, leased)
	}
	group, err := spawn(cmd, c.Leased)
	closeAll(in.child, out.child, errOut.child)
	if err != nil {
		closeAll(in.ours, out.ours, errOut.ours)
		return nil, c.startError(path, err)
	}
	p := &Process{
		cmd:    cmd,
		group:  group,
		tree:   newTree(cmd.Process.Pid, entry),
		stdin:  in.ours,
		stdout: newOutput(out.ours),
		stderr: newStderr(errOut.ours, c.OnStderr, c.Redact),
		exited: make(chan struct{}),
		done:   make(chan struct{}),
	}
	go p.stderr.read()
	go p.watch()
	return p, nil
}

// Stdin is the write end of the child's stdin, for the caller to write to and
// to close. On unix its SetWriteDeadline works, so a write to a child that
// does not read can be bounded. It is closed when the child has ended.
func (p *Process) Stdin() *os.File { return p.stdin }

// Stdout is the read end of the child's stdout. Close it only to give up on
// what the child still says. See the package comment for its end.
func (p *Process) Stdout() io.ReadCloser { return p.stdout }

// PID is the child's process id, which is also the id of its group on unix.
// After Done it may belong to somebody else.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the child itself has ended and is reaped; Done follows.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Done is closed when nothing is left of the child: see the package comment.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit returns how the child ended, in words: "exit status 3", "signal:
// killed". It is empty before Done is closed.
func (p *Process) Exit() string {
	select {
	case <-p.done:
	default:
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit
}

// Stopped reports whether the child was asked to end by a signal of ours, and not
// by the end of its stdin alone, while it still ran.
func (p *Process) Stopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.signaled
}

// StderrTail returns the last lines of stderr, at most 50, oldest first, each
// redacted and at most 8 KiB.
func (p *Process) StderrTail() []string { return p.stderr.tail() }

// watch waits for the child's end, and ends what it left.
func (p *Process) watch() {
	p.reap()
	close(p.exited)
	closeAll(p.stdin) // a write that still hangs comes back
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		p.tree.end(p.due)
	}()
	p.readOn(gone)

	timeout := time.NewTimer(outputGrace)
	defer timeout.Stop()
	over := wait(p.stdout.ended, timeout.C, false)
	p.stdout.cutOff()
	wait(p.stderr.ended, timeout.C, over)
	p.stderr.cutOff()
	timeout.Reset(outputGrace)
	wait(p.stderr.ended, timeout.C, false)
	<-gone
	close(p.done)
}

// readOn waits until those that were asked to end have ended, or are to be killed.
// They may write meanwhile: a cut pipe would end them by SIGPIPE.
func (p *Process) readOn(gone <-chan struct{}) {
	for left := time.Until(p.due()); left > 0; left = time.Until(p.due()) {
		timer := time.NewTimer(min(left, outputGrace)) // A Kill may have come meanwhile.
		select {
		case <-gone:
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// due returns when what is left of a child that has ended is to be killed.
func (p *Process) due() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killAt
}

// reap waits for the child's exit, kills what is left of its group, and
// fetches the exit status.
func (p *Process) reap() {
	defer release(p.cmd.Process.Pid)
	early := waitExited(p.cmd.Process.Pid)
	if !early {
		// The child can only be awaited by reaping it. It is not done under
		// the lock, or no signal could be sent meanwhile.
		_ = p.cmd.Wait()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.group.kill()
	if early {
		// The error of Wait is the exit status over again: the pipes are ours.
		_ = p.cmd.Wait()
	}
	p.group.close()
	p.reaped = true
	if p.killAt.IsZero() {
		p.killAt = time.Now()
	}
	p.exit = exitText(p.cmd.ProcessState)
}

func exitText(s *os.ProcessState) string {
	if s == nil { // Somebody else has reaped the child.
		return "exit status unknown"
	}
	return s.String()
}

// wait waits for ended or timeout, and not at all if the time was over already.
// It reports whether the time is over.
func wait(ended <-chan struct{}, timeout <-chan time.Time, over bool) bool {
	if over {
		return true
	}
	select {
	case <-ended:
		return false
	case <-timeout:
		return true
	}
}

// pipe is a pipe between the child and us.
type pipe struct{ child, ours *os.File }

// pipes makes the three pipes of a child, or none.
func pipes() (in, out, errOut pipe, err error) {
	var errs [3]error
	in.child, in.ours, errs[0] = os.Pipe()
	out.ours, out.child, errs[1] = os.Pipe()
	errOut.ours, errOut.child, errs[2] = os.Pipe()
	if err = errors.Join(errs[:]...); err != nil {
		closeAll(in.child, in.ours, out.child, out.ours, errOut.child, errOut.ours)
	} else {
		widen(out.ours)
	}
	return in, out, errOut, err
}

// closeAll closes files that may be nil or closed already. Nothing is lost by
// an error: pipes have no buffers of ours.
func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}
