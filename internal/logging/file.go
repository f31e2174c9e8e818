package logging

import (
	"errors"
	"io"
	"os"
	"runtime"
)

// maxFile is how large a log file gets, in bytes.
const maxFile = 10 << 20

// File is a log file of bounded size: one that has reached 10 MiB is renamed to one
// with .1 at its end, which replaces the one before. It is for one goroutine.
type File struct {
	path string
	f    *os.File
	size int64
}

// OpenFile opens a log file, and makes it, mode 0600, if it is not there. The caller
// must close it.
func OpenFile(path string) (*File, error) {
	l := &File{path: path}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, l.makeRoom(0)
}

func (l *File) open() error {
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return err
	}
	l.f, l.size = f, info.Size()
	return nil
}

// makeRoom renames the file if it would get too large. One that cannot be renamed
// goes on.
func (l *File) makeRoom(n int) error {
	if l.size == 0 || l.size+int64(n) <= maxFile {
		return nil
	}
	if runtime.GOOS == "windows" { // It does not rename what is open.
		l.empty()
		return nil
	}
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		return nil //nolint:nilerr // Better one that is too large than none.
	}
	old := l.f
	if err := l.open(); err != nil {
		return err
	}
	return old.Close()
}

// empty copies the file to the one that renaming would make, and empties it. Where that
// fails it goes on. What somebody else writes meanwhile may be lost.
func (l *File) empty() {
	if copyFile(l.path, l.path+".1") == nil && os.Truncate(l.path, 0) == nil {
		l.size = 0
	}
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }() // It was only read.
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}

// Write implements io.Writer.
func (l *File) Write(p []byte) (int, error) {
	if err := l.makeRoom(len(p)); err != nil {
		return 0, err
	}
	n, err := l.f.Write(p)
	l.size += int64(n)
	return n, err
}

// Close closes the file.
func (l *File) Close() error { return l.f.Close() }

var _ io.WriteCloser = (*File)(nil)
