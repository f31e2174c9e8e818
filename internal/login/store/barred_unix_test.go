//go:build unix

package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/login/store"
	"gatehouse/internal/safefile"
)

// A login with sudo leaves a file in the user's folder that the user cannot read. A new
// login replaces it, and a logout removes it.
func TestStore_aFileThatOnlyAnotherUserCanRead_isReplaced(t *testing.T) {
	t.Parallel()
	barred := true
	s := store.Open(filepath.Join(t.TempDir(), "c")).WithRead(func(path string, limit int64) ([]byte, error) {
		if barred {
			return nil, fmt.Errorf("cannot read %s: %w", path, fs.ErrPermission)
		}
		return safefile.ReadOwn(path, limit)
	})
	_, err := s.Read(key)
	if bad, ok := errors.AsType[*store.Unreadable](err); !ok || bad.Passing() || !strings.Contains(err.Error(), "sudo") || !strings.Contains(err.Error(), "log in again") {
		t.Errorf("got %v, want that it does not pass, whose it may be, and what to do", err)
	}
	if err := keep(t, s, key, record("one")); err != nil {
		t.Errorf("got %v from a new login, want it kept", err)
	}
	barred = false
	if got, err := s.Read(key); err != nil || got.Secrets.AccessToken != "one" {
		t.Errorf("got a login: %t and %v, want the new one", got.LoggedIn(), err)
	}
	barred = true
	if _, err := s.Forget(t.Context(), key); err != nil || len(s.List()) != 0 {
		t.Errorf("got %v and %d files after a logout, want none", err, len(s.List()))
	}
}

// A keyring that refuses its bus may be reached later.
func TestRead_theKeyringCannotBeReached_mayPass(t *testing.T) {
	t.Parallel()
	s := onceKept(t, store.InKeyring)
	s.ring.Err = fmt.Errorf("dial: %w", fs.ErrPermission)
	_, err := s.Read(key)
	if bad, ok := errors.AsType[*store.Unreadable](err); !ok || !bad.Passing() {
		t.Errorf("got %v, want that it may pass", err)
	}
}
