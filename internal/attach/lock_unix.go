//go:build unix

package attach

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// tryLock locks a file, or returns ErrTaken.
func tryLock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		return ErrTaken
	default:
		return fmt.Errorf("cannot lock %s: %w", f.Name(), err)
	}
}
