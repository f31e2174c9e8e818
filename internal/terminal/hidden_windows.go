package terminal

import (
	"os"

	"golang.org/x/sys/windows"
)

// MaxLine is how long a line that is read from a console may be, in bytes: it may have been
// cut there, silently.
const MaxLine = 4000

// hide has the console echo nothing.
func hide(f *os.File) (restore func(), err error) {
	console := windows.Handle(f.Fd())
	var before uint32
	if err := windows.GetConsoleMode(console, &before); err != nil {
		return nil, err
	}
	if err := windows.SetConsoleMode(console, before&^windows.ENABLE_ECHO_INPUT|windows.ENABLE_LINE_INPUT|windows.ENABLE_PROCESSED_INPUT); err != nil {
		return nil, err
	}
	return func() { // Nobody is left to be told.
		discard(f)
		_ = windows.SetConsoleMode(console, before)
	}, nil
}

// discard has the console forget what it has. Whether that is more than that a key has been
// let go is not known.
func discard(f *os.File) (more bool) {
	_ = windows.FlushConsoleInputBuffer(windows.Handle(f.Fd())) // Nobody is left to be told.
	return false
}

// typedInto reports whether f is a console.
func typedInto(f *os.File) bool {
	var mode uint32
	return windows.GetConsoleMode(windows.Handle(f.Fd()), &mode) == nil
}
