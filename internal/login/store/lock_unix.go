//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// noFollow keeps a link that somebody has put in place of a lock from being followed.
const noFollow = syscall.O_NOFOLLOW

// tryLock locks a file, or reports that another one has. The lock ends with the
// file, and so with the process.
func tryLock(f *os.File) (taken bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot lock %s: %w", f.Name(), err)
	}
	return false, nil
}
