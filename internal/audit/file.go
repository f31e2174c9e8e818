package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"time"
)

// osFile is what is needed of an *os.File.
type osFile interface {
	io.WriteCloser
	io.ReaderAt
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
	Sync() error
}

// file is the file behind its name, whatever happens to that name. One
// goroutine uses it.
type file struct {
	path string
	opt  Options
	lock *lock // nil for the null device

	f       osFile   // nil if it has to be opened first
	old     []osFile // to be synced and closed, which may take long
	end     int64    // its size when a line of ours was its last; -1 if unknown
	rotated uint64
	patient time.Time // no attempt to rotate before this, after one that failed
}

// newFile opens the file at path and its lock.
func newFile(path string, o Options) (*file, error) {
	real, err := makeFolder(path)
	if err != nil {
		return nil, cannotOpen(path, err)
	}
	f := &file{path: real, opt: o}
	null, err := f.open()
	if err != nil {
		return nil, cannotOpen(path, withoutPath(real, err))
	}
	if null {
		return f, nil
	}
	if f.lock, err = openLock(real+".lock", o.Log); err != nil {
		_ = f.f.Close() // Nothing was written.
		return nil, cannotOpen(path, err)
	}
	return f, nil
}

// open opens what the name leads to now, and retires what was open.
func (f *file) open() (null bool, err error) {
	next, err := f.opt.openFile(f.path)
	if err != nil {
		return false, err
	}
	info, err := next.Stat()
	if err == nil {
		null, err = isNull(info)
	}
	switch {
	case err != nil:
	case null && f.lock != nil:
		err = errors.New("it has become the null device")
	case !null:
		err = ownAlone(info)
	}
	if err != nil {
		_ = next.Close() // Nothing was written.
		return null, err
	}
	f.retire()
	f.f, f.end = next, -1
	return null, nil
}

// retire takes the file out of use. It is closed with the next sync, not now:
// the lock may be held, and others wait for it.
func (f *file) retire() {
	if f.f != nil {
		f.old = append(f.old, f.f)
		f.f = nil
	}
}

// reopen is open for a file that was not the null device.
func (f *file) reopen() error {
	if _, err := f.open(); err != nil {
		return fmt.Errorf("cannot open %s: %w", f.path, withoutPath(f.path, err))
	}
	return nil
}

// write appends whole lines with one write. It returns how many bytes of them
// are in the file, whole lines only.
func (f *file) write(lines []byte) (int, error) {
	if f.lock == nil { // The null device.
		return f.f.Write(lines) //nolint:wrapcheck // Never fails.
	}
	locked := f.lock.take()
	if locked {
		defer f.lock.release()
	}
	size, err := f.follow()
	if err != nil {
		return 0, err
	}
	if locked && size > 0 && size+int64(len(lines)) > f.opt.MaxBytes && !time.Now().Before(f.patient) {
		if size, err = f.rotate(); err != nil {
			return 0, err
		}
	}
	return f.append(lines, size, locked)
}

// follow opens the file again if its name leads elsewhere by now, and returns
// its size.
func (f *file) follow() (size int64, err error) {
	if f.f != nil {
		here, err := f.f.Stat()
		there, errThere := os.Lstat(f.path)
		if err == nil && errThere == nil && os.SameFile(here, there) {
			return here.Size(), nil
		}
	}
	if err := f.reopen(); err != nil {
		return 0, err
	}
	info, err := f.f.Stat()
	if err != nil {
		return 0, fmt.Errorf("cannot open %s: %w", f.path, withoutPath(f.path, err))
	}
	return info.Size(), nil
}

// append writes the lines at the end of the file. If the disk takes only part of
// them, the file is cut back to the last whole line, which only the holder of
// the lock may do.
func (f *file) append(lines []byte, size int64, locked bool) (int, error) {
	data, mend := lines, 0
	if f.torn(size) {
		data, mend = append([]byte{'\n'}, lines...), 1
	}
	f.end = -1
	n, err := f.f.Write(data)
	n = max(0, min(n, len(data)))
	if n == len(data) {
		f.end = size + int64(n)
		return len(lines), nil
	}
	if err == nil {
		err = io.ErrShortWrite
	}
	whole := n
	for whole > 0 && data[whole-1] != '\n' {
		whole--
	}
	if locked && whole < n {
		f.cutBack(size+int64(n), size+int64(whole))
	}
	return max(0, whole-mend), fmt.Errorf("cannot write %s: %w", f.path, withoutPath(f.path, err))
}

// torn reports whether the last line lacks its end: somebody was killed, or
// ran out of disk, while writing it. It may be wrong while somebody writes
// without the lock; that costs an empty line.
func (f *file) torn(size int64) bool {
	if size == 0 || size == f.end {
		return false
	}
	last := make([]byte, 1)
	_, err := f.f.ReadAt(last, size-1)
	return err == nil && last[0] != '\n'
}

// cutBack removes part of a line, unless others have written meanwhile without
// the lock. If it fails, the next write ends that line.
func (f *file) cutBack(from, to int64) {
	if info, err := f.f.Stat(); err == nil && info.Size() == from {
		_ = f.f.Truncate(to) // See above.
	}
}

// sync waits until what was written is on the disk, and closes retired files.
func (f *file) sync() error {
	var err error
	if f.f != nil && f.lock != nil { // The null device cannot be synced.
		err = f.f.Sync()
	}
	for _, old := range f.old {
		if f.lock != nil {
			err = errors.Join(err, old.Sync())
		}
		err = errors.Join(err, old.Close())
	}
	f.old = nil
	if err != nil {
		return fmt.Errorf("cannot sync %s: %w", f.path, withoutPath(f.path, err))
	}
	return nil
}

// close closes the file and its lock.
func (f *file) close() error {
	f.retire()
	err := f.sync()
	f.lock.close()
	return err
}

// rotateAgain is how long after a rotation that failed the next is tried.
const rotateAgain = time.Minute

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

// shift renames the files. The oldest is written over.
func (f *file) shift() error {
	for n := max(f.opt.Files, 2) - 2; n > 0; n-- {
		err := os.Rename(rotatedName(f.path, n), rotatedName(f.path, n+1))
		if err != nil && !os.IsNotExist(err) {
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

// rotatedName is the name of the n-th newest rotated file.
func rotatedName(path string, n int) string { return fmt.Sprintf("%s.%d", path, n) }
