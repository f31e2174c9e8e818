package childproc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"golang.org/x/sys/windows"
)

// Detach starts the program. It blocks until the system has executed it. Stdin leads
// to nothing, and its folder is that of Windows. Clients end the job of what they
// have started, so it leaves this process's job; bound is set if it may not, so that
// it is ended with the job.
func Detach(d Detached) (bound bool, err error) {
	err = d.start(windows.CREATE_BREAKAWAY_FROM_JOB)
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		err = d.start(0)
		return err == nil, err
	}
	return false, err
}

// start starts the detacher, and waits for its end. As that is the parent of the
// program, who ends a tree of processes by their parents does not reach it either.
func (d Detached) start(flags uint32) error {
	cmd := &exec.Cmd{
		Path: ownProgram(), Args: append([]string{"gatehouse"}, d.Args...), Dir: windowsFolder(),
		Env: append(slices.Clone(d.Env), detachVariable+"=1"), Stdout: d.Extra, Stderr: d.Stderr,
		SysProcAttr: &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW | flags},
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot start %s in the background: %w", cmd.Path, err)
	}
	return nil
}

// ownProgram is the file of this program: it cannot be removed while it runs.
func ownProgram() string {
	path, _ := os.Executable() // It fails nowhere where the program runs.
	return path
}

// windowsFolder is one that stays.
func windowsFolder() string {
	dir, _ := windows.GetSystemWindowsDirectory() // Without it, the folder is that of this process.
	return dir
}

// detachedAttr is how the detacher starts the program: with a console of its own that
// nobody sees, which its servers share. So no window opens, no Ctrl-C of the client's
// comes there, and its end does not end them.
func detachedAttr(null *os.File) *os.ProcAttr {
	return &os.ProcAttr{
		Dir: windowsFolder(), Env: os.Environ(), Files: []*os.File{null, Extra(), os.Stderr},
		Sys: &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW},
	}
}

// Extra is what Detach gave a program that it started: its stdout.
func Extra() *os.File { return os.Stdout }

// KeepExtra does nothing: children get only what they are given.
func KeepExtra() {}
