//go:build unix

package childproc

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
)

// extraDescriptor is where a detached program has its Extra.
const extraDescriptor = 3

// Detach starts the program. It blocks until the system has executed it. Stdin and
// stdout lead to nothing, and its folder is the root. bound is false: the program
// stays when whoever started this process ends all that it has started.
func Detach(d Detached) (bound bool, err error) {
	cmd := &exec.Cmd{
		Path: ownProgram(), Args: append([]string{"gatehouse"}, d.Args...), Dir: "/",
		Env: append(slices.Clone(d.Env), detachVariable+"=1"), Stderr: d.Stderr, ExtraFiles: []*os.File{d.Extra},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Run(); err != nil {
		return false, fmt.Errorf("cannot start %s in the background: %w", cmd.Path, err)
	}
	return false, nil
}

// ownProgram is the file of this program, which may be a newer version by now; the
// program itself where the file is gone.
func ownProgram() string {
	path, err := os.Executable()
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return "/proc/self/exe"
	}
	return path
}

// detachedAttr is how the detacher starts the program: in a session of its own.
func detachedAttr(null *os.File) *os.ProcAttr {
	return &os.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: []*os.File{null, null, os.Stderr, Extra()},
		Sys: &syscall.SysProcAttr{Setsid: true},
	}
}

// Extra is what Detach gave a program that it started.
func Extra() *os.File { return os.NewFile(extraDescriptor, "extra") }

// KeepExtra keeps children from getting it.
func KeepExtra() { syscall.CloseOnExec(extraDescriptor) }
