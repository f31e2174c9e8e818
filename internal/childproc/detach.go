package childproc

import (
	"fmt"
	"os"
)

// detachVariable makes a program the one that starts a detached one.
const detachVariable = "GATEHOUSE_DETACH"

// Detached says how this very program is started again so that it belongs to
// nobody: without a terminal, and with a parent that has ended. It is not ended with
// this process, nor with the terminal.
type Detached struct {
	Args   []string // without the name of the program
	Env    []string // the whole environment
	Stderr *os.File
	// Extra is what it has by the function of that name.
	Extra *os.File
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
	if err == nil {
		var p *os.Process
		if p, err = os.StartProcess(ownProgram(), os.Args, detachedAttr(null)); err == nil { // The arguments are those of this very program.
			_ = p.Release() // It is nobody's.
			return 0
		}
	}
	fmt.Fprintf(os.Stderr, "gatehouse: cannot start in the background: %v\n", err)
	return 1
}
