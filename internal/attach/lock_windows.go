package attach

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// noFollow is nothing: what is in the folder belongs to the user's profile.
const noFollow = 0

// tryLock locks a file, or returns ErrTaken.
func tryLock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return ErrTaken
	default:
		return &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
}

// vanishing reports whether a file cannot be opened because somebody removes it.
func vanishing(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_DELETE_PENDING)
}

// free ends a lock and removes its file, which no process can do that has it open:
// whoever has opened it meanwhile keeps it.
func free(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name())
}
