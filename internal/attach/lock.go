package attach

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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

// lock takes the lock of a file. The file is removed when the lock is released, so
// whoever has waited for it looks whether it is still the one at the path. Its folder
// may have been swept since the caller made it; then it is made again.
func lock(path string) (*Lock, error) {
	for made := false; ; {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if errors.Is(err, fs.ErrNotExist) && !made {
			if made = true; ownsocket.PrivateDir(filepath.Dir(path)) == nil {
				continue
			}
		}
		if vanishing(err) {
			return nil, ErrTaken
		}
		if err != nil {
			return nil, err
		}
		if err := tryLock(f); err != nil {
			_ = f.Close()
			return nil, err
		}
		mine, err := f.Stat()
		if err != nil {
			_ = f.Close()
			return nil, err
		}
		now, err := os.Lstat(path)
		if err == nil && os.SameFile(mine, now) {
			return &Lock{f}, nil
		}
		_ = f.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// Release ends the lock and removes its file.
func (l *Lock) Release() { free(l.file) }
