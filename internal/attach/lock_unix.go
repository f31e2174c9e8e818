//go:build unix

package attach

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// noFollow keeps a link that somebody has put in place of a lock from being followed.
const noFollow = syscall.O_NOFOLLOW

// tryLock locks a file, or returns ErrTaken.
func tryLock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		return ErrTaken
	default:
		return &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
}

// vanishing reports false: a file that is removed can be opened, or is not there.
func vanishing(error) bool { return false }

// free ends a lock and removes its file.
func free(f *os.File) {
	_ = os.Remove(f.Name()) // Before it is free: the next one makes its own.
	_ = f.Close()
}
