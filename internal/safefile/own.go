package safefile

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// NotOwn means that others may have put something into a file, or can.
type NotOwn struct {
	Path string
	Why  string // what is wrong, and with which path
}

func (e *NotOwn) Error() string { return fmt.Sprintf("cannot trust %s: %s", e.Path, e.Why) }

// ReadOwn returns the content of a file that only this user can have written:
// a regular file that is no link, of this user, that nobody else may write,
// in a folder of the same kind (which may be behind a symbolic link). Where
// that is not so the error is *NotOwn; else the errors are those of Read.
func ReadOwn(path string, limit int64) ([]byte, error) {
	if err := ownFolder(filepath.Dir(path)); err != nil {
		return nil, cannotRead(path, err)
	}
	f, err := openOwn(path)
	if err != nil {
		return nil, cannotRead(path, err)
	}
	return content(f, path, limit, func(info fs.FileInfo) error {
		if why := notOwn(info, true); why != "" {
			return &NotOwn{Path: path, Why: why}
		}
		return nil
	})
}

// WriteOwn replaces the file at path in one step by one with mode 0600, and
// makes its folder, mode 0700, if there is none. It refuses a folder that
// others may write to. What was there before is neither read nor followed.
func WriteOwn(path string, data []byte) error {
	if err := makeOwnFolder(path); err != nil {
		return err
	}
	return replace(path, data, (*os.File).Sync)
}

// ReplaceOwn is WriteOwn for what may be lost with the machine's power: nothing
// waits until the disk has it.
func ReplaceOwn(path string, data []byte) error {
	if err := makeOwnFolder(path); err != nil {
		return err
	}
	return replace(path, data, func(*os.File) error { return nil })
}

// CreateOwn is WriteOwn for a file that nobody may have made before, or make at
// the same time: the error is fs.ErrExist then. Others may see it before all of
// it is there.
func CreateOwn(path string, data []byte) error {
	if err := makeOwnFolder(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("cannot make %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err = cmp.Or(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

func makeOwnFolder(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make a folder for %s: %w", path, err)
	}
	if err := ownFolder(dir); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

// ownFolder returns an error unless only this user can put files there.
func ownFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if why := notOwn(info, false); why != "" {
		return &NotOwn{Path: dir, Why: why}
	}
	return nil
}
