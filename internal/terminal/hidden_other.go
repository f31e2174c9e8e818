//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd && !windows

package terminal

import (
	"errors"
	"os"
)

// MaxLine is how long a line that is read from a terminal may be, in bytes.
const MaxLine = 1023

func hide(*os.File) (restore func(), err error) { return nil, errors.ErrUnsupported }

func discard(*os.File) (more bool) { return false }
