//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd && !windows

package terminal

import (
	"errors"
	"os"
)

func hide(*os.File) (restore func(), err error) { return nil, errors.ErrUnsupported }

// typedInto reports whether f is a terminal.
func typedInto(f *os.File) bool {
	_, is := size(f)
	return is
}
