package audit

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"
)

// lockPatience is how long one attempt to take the lock may take: its holder
// writes a batch or renames some files.
const lockPatience = time.Second

// lockEnd is what the name of a log's lock ends in.
const lockEnd = ".lock"

var errLocked = errors.New("another process holds it")

// lock is a lock between processes, on a file that holds the hash of the log's last
// line and serves no other purpose.
// A nil lock cannot be taken.
type lock struct {
	path     string
	log      *slog.Logger
	f        *os.File
	usual    time.Duration // how long an attempt takes
	patience time.Duration // how long the next one does
}

func openLock(path string, patience time.Duration, log *slog.Logger) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|nonblocking|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	if err := fitForLock(f); err != nil {
		_ = f.Close() // Nothing was written.
		return nil, fmt.Errorf("its lock %s cannot be used: %w", path, err)
	}
	return &lock{path: path, log: log, f: f, usual: patience, patience: patience}, nil
}

// fitForLock returns an error unless what was opened is a file of this user's
// alone: what is written to another name's file is lost to that, and somebody
// else could hold the lock for good.
func fitForLock(f *os.File) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file")
	default:
		return ownAlone(info)
	}
}

// take waits until the lock is ours, but not for long: a process that is stopped
// while it holds the lock must not stop others. After one failure it does not wait at all
// until it succeeds again.
func (l *lock) take() bool {
	deadline := time.Now().Add(l.patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 16*time.Millisecond) {
		err := l.try()
		if err == nil {
			l.patience = l.usual
			return true
		}
		if !errors.Is(err, errLocked) || !time.Now().Before(deadline) {
			if l.patience > 0 {
				l.log.Warn("audit log is written without its lock and not rotated", slog.String("file", l.path), slog.Any("err", err))
			}
			l.patience = 0
			return false
		}
		time.Sleep(pause)
	}
}

// try takes the lock if it is free. A lock on a file that is no longer under
// its name excludes nobody, so it does not count.
func (l *lock) try() error {
	if l.f == nil {
		next, err := openLock(l.path, l.usual, l.log)
		if err != nil {
			return err
		}
		l.f = next.f
	}
	if err := tryLock(l.f); err != nil {
		return err
	}
	here, err := l.f.Stat()
	there, errThere := os.Stat(l.path)
	if err == nil && errThere == nil && os.SameFile(here, there) {
		return nil
	}
	l.close()
	return errLocked
}

func (l *lock) release() {
	if err := unlock(l.f); err != nil {
		l.close() // That releases it as well.
	}
}

// close lets go of the file; the next try opens it again.
func (l *lock) close() {
	if l != nil && l.f != nil {
		_ = l.f.Close() // Nothing is written to it.
		l.f = nil
	}
}
