package terminal

import (
	"io"
	"os"
)

// Input returns the terminal that r is, and whether it is one.
func Input(r io.Reader) (*os.File, bool) {
	f, ok := r.(*os.File)
	return f, ok && typedInto(f)
}

// Hide keeps what is typed into a terminal from being shown, until restore is called.
// It is read a line at a time.
func Hide(f *os.File) (restore func(), err error) { return hide(f) }
