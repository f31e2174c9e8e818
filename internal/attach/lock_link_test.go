//go:build unix

package attach_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/attach"
)

// Where others may write to the folder, they may have put something else in place of a
// lock. Nobody waits for that.
func TestLock_whatIsNoFile_isRefusedAtOnce(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "made")
	for what, put := range map[string]func(path string) error{
		"a link to nothing": func(path string) error { return os.Symlink(elsewhere, path) },
		"a link to a file":  func(path string) error { return os.Symlink(file(t), path) },
		"a loop of links":   func(path string) error { return os.Symlink(path, path) },
		"a folder":          func(path string) error { return os.Mkdir(path, 0o700) },
		"a pipe":            func(path string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		t.Run(what, func(t *testing.T) {
			p := attach.PlaceOf(folder(t), attach.Files{Servers: "/a"})
			own := filepath.Join(p.Dir, "own")
			for _, path := range []string{own, filepath.Join(p.Dir, p.Name+".lock"), filepath.Join(p.Dir, p.Name+".start")} {
				if err := put(path); err != nil {
					t.Fatal(err)
				}
			}
			for which, take := range map[string]func(ctx context.Context) (*attach.Lock, error){
				"own":   func(ctx context.Context) (*attach.Lock, error) { return attach.AwaitLock(ctx, own) },
				"life":  func(context.Context) (*attach.Lock, error) { return p.LockLife() },
				"start": p.AwaitStart,
			} {
				if err := endsSoon(t, take); err == nil || errors.Is(err, attach.ErrTaken) || attach.NoLocks(err) {
					t.Errorf("the lock %q: got %v, want that it is not a file", which, err)
				}
			}
		})
	}
	if _, err := os.Lstat(elsewhere); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want no file behind the link", err)
	}
}

// file makes a file.
func file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// endsSoon returns why a lock is not taken. It fails if that takes longer than anybody
// has patience.
func endsSoon(t *testing.T, take func(ctx context.Context) (*attach.Lock, error)) error {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		l, err := take(t.Context())
		if l != nil {
			l.Release()
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("it never ends")
		return nil
	}
}
