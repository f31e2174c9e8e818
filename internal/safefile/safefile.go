// Package safefile reads a file from a path where anybody may have put anything:
// it never blocks on a FIFO or a device and never reads more than its caller
// asked for.
//
// It is an edge: it touches the file system and nothing else. It keeps no
// state, and its functions may be called from any goroutine.
package safefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"gatehouse/internal/descriptors"
)

// TooLarge means that a file holds more bytes than the limit.
type TooLarge struct {
	Path  string
	Limit int64 // bytes
}

func (e *TooLarge) Error() string {
	return fmt.Sprintf("cannot read %s: it is larger than %d bytes", e.Path, e.Limit)
}

// NotRegular means that a path leads to something that is not a regular file.
type NotRegular struct {
	Path string
	Kind string // "a directory", "a named pipe", ...
}

func (e *NotRegular) Error() string {
	return fmt.Sprintf("cannot read %s: it is %s, not a regular file", e.Path, e.Kind)
}

// Read returns the content of the regular file at path, following symbolic
// links. It reads at most limit+1 bytes (limit is in bytes, a negative one
// counts as 0) and does not wait for anything but the file system: a FIFO or
// a device is refused without waiting for its other end.
//
// Errors name the path. They are *TooLarge, *NotRegular, or wrap the error of
// the operating system, so errors.Is(err, fs.ErrNotExist) works.
//
// It uses a descriptor that is kept back if there is no other one.
func Read(path string, limit int64) (data []byte, err error) {
	err = descriptors.WithSpare(func() error {
		data, err = read(path, max(limit, 0))
		return err
	})
	return data, err
}

func read(path string, limit int64) ([]byte, error) {
	f, err := openNonblocking(path)
	if err != nil {
		return nil, cannotRead(path, err)
	}
	return content(f, path, limit, func(fs.FileInfo) error { return nil })
}

// content returns what is in an open file, which it closes, if that is a regular one
// that may be read.
func content(f *os.File, path string, limit int64, may func(fs.FileInfo) error) ([]byte, error) {
	// Closing a file that was only read loses nothing, so the error does not matter.
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, cannotRead(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, &NotRegular{Path: path, Kind: kind(info.Mode())}
	}
	if err := may(info); err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, &TooLarge{Path: path, Limit: limit}
	}
	// The size is only a hint: the file may grow meanwhile, and files in /proc say 0.
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, cannotRead(path, err)
	}
	if int64(len(data)) > limit {
		return nil, &TooLarge{Path: path, Limit: limit}
	}
	return data, nil
}

// Reason returns in words why a file could not be read, without its path. err is
// an error of Read.
func Reason(err error) string {
	if large, ok := errors.AsType[*TooLarge](err); ok {
		return fmt.Sprintf("it is larger than %d bytes", large.Limit)
	}
	if other, ok := errors.AsType[*NotRegular](err); ok {
		return "it is " + other.Kind + ", not a regular file"
	}
	switch cause := errors.Unwrap(err); {
	case errors.Is(err, fs.ErrNotExist):
		return "the file does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "it may not be read"
	case cause != nil:
		return cause.Error()
	}
	return err.Error()
}

// cannotRead names path once: the errors of package os name it too.
func cannotRead(path string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	return fmt.Errorf("cannot read %s: %w", path, err)
}

// kind puts the type of a file that is not regular in words.
func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	default:
		return "a special file"
	}
}
