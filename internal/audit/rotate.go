package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// rotateAgain is how long after a rotation that failed the next is tried.
const rotateAgain = time.Minute

// The space that is left free on the disk: what is smaller of a fixed size, in bytes, and a
// part of the whole.
const (
	reserveBytes = 1 << 30
	reservePart  = 20
)

// The reasons why a file is deleted.
const (
	droppedOld  = "age"
	droppedFull = "disk"
)

// rotate renames the file, its predecessors before it, and begins a new one.
// The caller holds the lock. A file that cannot be renamed keeps growing, and
// that is logged; an error means that no file can be written to.
func (f *file) rotate() (size int64, err error) {
	if err := f.shift(); err != nil {
		f.patient = time.Now().Add(rotateAgain)
		f.opt.Log.Warn("audit log cannot be rotated", slog.Any("err", err))
	} else {
		f.rotated++
	}
	return f.follow()
}

// shift renames the files, and deletes the oldest ones that need not be kept.
func (f *file) shift() error {
	numbers, err := rotatedNumbers(f.path)
	if err != nil {
		return err
	}
	for len(numbers)+2 > max(f.opt.Files, 2) && len(numbers) > 0 && f.drop(rotatedName(f.path, numbers[0])) {
		numbers = numbers[1:]
	}
	for _, n := range numbers {
		if err := os.Rename(rotatedName(f.path, n), rotatedName(f.path, n+1)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	f.retire()
	if runtime.GOOS == "windows" { // It does not rename what is open.
		if err := f.sync(); err != nil {
			f.opt.Log.Warn("audit log cannot be synced", slog.String("file", f.path), slog.Any("err", err))
		}
	}
	return os.Rename(f.path, rotatedName(f.path, 1))
}

// drop deletes the oldest file unless it has to be kept. It reports whether it did.
func (f *file) drop(name string) bool {
	info, err := os.Lstat(name)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	d := dropped{File: filepath.Base(name), Reason: droppedOld}
	until := info.ModTime().UTC()
	d.Until = &until
	switch {
	case time.Since(until) >= f.opt.Keep:
	case f.diskLow():
		d.Reason = droppedFull
	default:
		return false
	}
	if old, err := os.Open(name); err == nil {
		if h, ok, err := lastLine(old, info.Size()); ok && err == nil {
			d.Last = h.String()
		}
		_ = old.Close() // It was only read.
	}
	if err := os.Remove(name); err != nil {
		f.opt.Log.Warn("an old file of the audit log cannot be deleted", slog.Any("err", err))
		return false
	}
	f.drops = append(f.drops, d)
	if d.Reason == droppedFull {
		f.young++
		f.opt.Log.Error("the disk is nearly full: lines of the audit log are deleted that should have been kept",
			slog.String("file", name), slog.Duration("keep", f.opt.Keep), slog.Time("written_until", until))
	}
	return true
}

// diskLow reports whether less than the reserve is free. Where nobody knows, it is not.
func (f *file) diskLow() bool {
	free, total, err := f.opt.space(filepath.Dir(f.path))
	return err == nil && free < min(reserveBytes, total/reservePart)
}

// rotatedName is the name of the n-th newest rotated file.
func rotatedName(path string, n int) string { return fmt.Sprintf("%s.%d", path, n) }

// rotatedNumbers lists the numbers of the rotated files, the oldest's first. What is
// not a regular file does not count.
func rotatedNumbers(path string) ([]int, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("cannot look for rotated files of %s: %w", path, err)
	}
	var numbers []int
	for _, e := range entries {
		if n, ok := rotatedNumber(e.Name(), filepath.Base(path)); ok && e.Type().IsRegular() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	return numbers, nil
}
