//go:build unix

package childproc

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
)

// detachVariable makes a program the one that starts a detached one.
const detachVariable = "GATEHOUSE_DETACH"

// Detached says how this very program is started again so that it belongs to
// nobody: in a session of its own, and with the first process as its parent. It
// is not ended with this process, nor with the terminal.
type Detached struct {
	Args   []string // without the name of the program
	Env    []string // the whole environment
	Stderr *os.File
	// Extra is its descriptor 3.
	Extra *os.File
}

// Detach starts the program. It blocks until the system has executed it. Stdin and
// stdout lead to nothing, and its folder is the root.
func Detach(d Detached) error {
	cmd := &exec.Cmd{
		Path: ownProgram(), Args: append([]string{"gatehouse"}, d.Args...), Dir: "/",
		Env: append(slices.Clone(d.Env), detachVariable+"=1"), Stderr: d.Stderr, ExtraFiles: []*os.File{d.Extra},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot start %s in the background: %w", cmd.Path, err)
	}
	return nil
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

// init makes a process that is only to start a detached one do that, before the
// parts of the program that it does not need are set up.
func init() {
	if os.Getenv(detachVariable) != "" {
		os.Exit(runDetacher())
	}
}

// runDetacher starts the program that Detach wants, and returns the exit code. As
// this process ends, that one has no parent that knows of it.
func runDetacher() int {
	_ = os.Unsetenv(detachVariable) // It is set.
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		fmt.Fprintf(os.Stderr, "gatehouse: cannot start in the background: %v\n", err)
		return 1
	}
	p, err := os.StartProcess(ownProgram(), os.Args, &os.ProcAttr{ //nolint:gosec // The arguments are those of this very program.
		Dir: "/", Env: os.Environ(), Files: []*os.File{null, null, os.Stderr, os.NewFile(3, "ready")},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "gatehouse: cannot start in the background: %v\n", err)
		return 1
	}
	_ = p.Release() // It is nobody's.
	return 0
}

// Keep keeps children from getting a descriptor that this process was given.
func Keep(descriptor int) { syscall.CloseOnExec(descriptor) }
