package attach

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"gatehouse/internal/ownsocket"
)

// Lock is a lock of this process, which ends with it however it ends.
type Lock struct{ file *os.File }

// ErrTaken means that another process holds a lock.
var ErrTaken = errors.New("another process holds the lock")

// lockPause is how often somebody who waits for a lock tries again.
const lockPause = 20 * time.Millisecond

// sweepPatience is how long a lock may be held by somebody who only looks whether
// it is: see Sweep.
const sweepPatience = time.Second

// LockLife takes the lock that a gateway holds for as long as it lives. The error is
// ErrTaken if there is one. It blocks for a second at most.
func (p Place) LockLife() (*Lock, error) {
	ctx, cancel := context.WithTimeout(context.Background(), sweepPatience)
	defer cancel()
	return p.AwaitLife(ctx, func(ctx context.Context) bool { return Present(ctx, p) })
}

// LockStart takes the lock of whoever starts a gateway. The error is ErrTaken if
// somebody does.
func (p Place) LockStart() (*Lock, error) { return lock(p.startLock()) }

// AwaitStart is LockStart that waits, until ctx ends.
func (p Place) AwaitStart(ctx context.Context) (*Lock, error) {
	return AwaitLock(ctx, p.startLock())
}

// AwaitLock takes the lock of a file of this user's, which serves no other purpose, and
// waits for it until ctx ends. The error is ErrTaken if another process has it then.
func AwaitLock(ctx context.Context, path string) (*Lock, error) {
	return await(ctx, path, func(context.Context) bool { return false })
}

// AwaitLife is LockLife that waits, until ctx ends, for a gateway that ends. If one
// listens meanwhile the error is ErrTaken.
func (p Place) AwaitLife(ctx context.Context, listens func(context.Context) bool) (*Lock, error) {
	return await(ctx, p.lifeLock(), listens)
}

func await(ctx context.Context, path string, needless func(context.Context) bool) (*Lock, error) {
	for {
		l, err := lock(path)
		if !errors.Is(err, ErrTaken) || ctx.Err() != nil || needless(ctx) {
			return l, err
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
		}
	}
}

// lockTries is how often lock begins anew, as the file was removed between its opening and
// its locking: whoever removes it so often is at work.
const lockTries = 10

// lock takes the lock of a file. The file is removed when the lock is released, so
// whoever has waited for it looks whether it is still the one at the path.
func lock(path string) (*Lock, error) {
	for range lockTries {
		f, err := open(path)
		if err != nil {
			return nil, err
		}
		ours, err := lockOpen(f, path)
		if ours {
			return &Lock{f}, nil
		}
		_ = f.Close()
		if err != nil {
			return nil, err
		}
	}
	return nil, ErrTaken
}

// errNoFile means that something else than a file has the name of a lock.
var errNoFile = errors.New("it is not a regular file; remove it")

// open opens the file of a lock, and makes it if there is none. It follows no link that
// somebody has put there. The folder may have been swept since the caller made it; then
// it is made again.
func open(path string) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "lock", Path: path, Err: errNoFile}
	}
	const how = os.O_CREATE | os.O_RDWR | noFollow
	f, err := os.OpenFile(path, how, 0o600)
	if errors.Is(err, fs.ErrNotExist) && ownsocket.PrivateDir(filepath.Dir(path)) == nil {
		f, err = os.OpenFile(path, how, 0o600)
	}
	if vanishing(err) {
		return nil, ErrTaken
	}
	return f, err
}

// lockOpen locks a file that is open, and reports whether it is the one at the path.
func lockOpen(f *os.File, path string) (ours bool, err error) {
	if err := tryLock(f); err != nil {
		return false, err
	}
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(mine, now), err
}

// NoLocks reports whether an error of a lock means that its file system has no locks.
func NoLocks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOLCK)
}

// Release ends the lock and removes its file.
func (l *Lock) Release() { free(l.file) }
