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
// It is read a line at a time. What has not been read by then is forgotten.
func Hide(f *os.File) (restore func(), err error) { return hide(f) }

// Discard forgets what was typed or pasted into a terminal and has not been read, so that
// the next program does not get it. more reports whether there was something, as far as
// the system says so.
func Discard(f *os.File) (more bool) { return discard(f) }
