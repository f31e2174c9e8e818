//go:build !windows

package terminal

import "os"

// typedInto reports whether f is a terminal.
func typedInto(f *os.File) bool {
	_, is := size(f)
	return is
}
