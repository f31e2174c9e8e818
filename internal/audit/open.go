package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// Open opens the log at path for appending. Missing folders are made with mode
// 0700 and a missing file with mode 0600; the modes of existing ones are left
// as their owner set them. What is there but is no regular file is refused,
// save the system's null device, with which the log can be turned off.
//
// instance goes into every record. log hears of losses; nil means that nobody
// does. The caller must Close the Log. Errors name the path.
func Open(path, instance string, log *slog.Logger) (*Log, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, cannotOpen(path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|nonblocking, 0o600)
	if err != nil {
		return nil, cannotOpen(path, err)
	}
	torn, err := check(f)
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	var rest []byte
	if torn {
		rest = []byte{'\n'}
	}
	return start(f, rest, instance, log), nil
}

// check refuses what a log cannot be appended to, and reports whether the last
// line lacks its end: a predecessor was killed while it wrote.
func check(f *os.File) (torn bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return false, cannotOpen(f.Name(), err)
	}
	if !info.Mode().IsRegular() {
		if null, err := os.Stat(os.DevNull); err == nil && os.SameFile(null, info) {
			return false, nil
		}
		return false, cannotOpen(f.Name(), errors.New("it is not a regular file"))
	}
	if info.Size() == 0 {
		return false, nil
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil {
		return false, cannotOpen(f.Name(), err)
	}
	return last[0] != '\n', nil
}

// cannotOpen names path once: the errors of package os may name it too.
func cannotOpen(path string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok && pe.Path == path {
		err = pe.Err
	}
	return fmt.Errorf("cannot open audit log %s: %w", path, err)
}
