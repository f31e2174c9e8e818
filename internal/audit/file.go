package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
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
	last    linkHash // of the last line as far as this process knows
	chained bool     // last is known
	sealed  []byte   // of the current batch
	rotated uint64
	drops   []dropped // files that were deleted, and that no line tells of yet
	young   uint64    // those of all that were deleted that should have been kept
	cut     uint64    // how often the end of the log was missing
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
	if f.lock, err = openLock(real+lockEnd, o.patience.lock, o.Log); err != nil {
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

// write seals the lines of a batch and appends them with one write. It returns
// what of them is in the file, whole lines only; the bytes are good until the
// next write.
func (f *file) write(b *batch) ([]byte, error) {
	if f.lock == nil { // The null device.
		f.sealed = b.seal(f.sealed[:0], f.last)
		n, err := f.f.Write(f.sealed)
		f.keep(b, n)
		return f.sealed[:n], err //nolint:wrapcheck // Never fails.
	}
	locked := f.lock.take()
	if locked {
		defer f.lock.release()
	}
	size, err := f.follow()
	if err != nil {
		return nil, err
	}
	prev := f.before(size, locked)
	if locked && size > 0 && size+int64(b.sealedSize()) > f.opt.MaxBytes && !time.Now().Before(f.patient) {
		if size, err = f.rotate(); err != nil {
			return nil, err
		}
	}
	f.sealed = b.seal(f.sealed[:0], prev)
	n, err := f.append(f.sealed, size, locked)
	if f.keep(b, n) && locked {
		writeState(f.lock.f, f.last)
	}
	return f.sealed[:n], err
}

// keep remembers the last line of a batch that is in the file, and reports
// whether there is one.
func (f *file) keep(b *batch, n int) bool {
	last, ok := b.last(n)
	if ok {
		f.last, f.chained = last, true
	}
	return ok
}

// before returns the hash of the last line of the log, which the next one names.
// With the lock it is what was written beside it last, by whichever gateway. If
// that line is gone, the next one names it all the same, so that Verify sees where
// something is missing.
func (f *file) before(size int64, locked bool) linkHash {
	ours := f.chained && size == f.end
	state, known := linkHash{}, false
	if locked {
		state, known = readState(f.lock.f)
	}
	if ours && (!known || state == f.last) {
		return f.last
	}
	last, found, err := f.lastOf(size)
	switch {
	case err != nil, !known && !found:
		return f.last // Nothing better is known.
	case !known || found && last == state:
		return last
	}
	if last, ok := followed(f.f, size, state); ok {
		return last
	}
	if size > 0 || f.end > 0 { // Else it is a new file, as somebody rotated the log.
		f.cut++
		f.opt.Log.Error("the last lines of the audit log are missing", slog.String("file", f.path),
			slog.String("do", "look at what audit verify says, and who may write to that folder"))
	}
	return state
}

// lastOf returns the hash of the last line.
func (f *file) lastOf(size int64) (linkHash, bool, error) {
	if size == 0 {
		return linkHash{}, false, nil
	}
	return lastLine(f.f, size)
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
