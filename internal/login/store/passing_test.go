package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/login/store"
	"gatehouse/internal/safefile"
	"gatehouse/testkit"
)

// shaky is a store whose files cannot be read at one moment: all descriptors are in use,
// for example.
type shaky struct {
	*store.Store
	ring  *testkit.Keyring
	reads int
	fails int // which read
}

// onceKept is a shaky store with a login in a place.
func onceKept(t *testing.T, place store.Place) *shaky {
	t.Helper()
	s := &shaky{ring: &testkit.Keyring{}}
	s.Store = store.Open(filepath.Join(t.TempDir(), "c")).WithKeyring(s.ring).WithRead(func(path string, limit int64) ([]byte, error) {
		if s.reads++; s.reads == s.fails {
			return nil, errors.New("too many open files")
		}
		return safefile.ReadOwn(path, limit)
	})
	if err := keep(t, s.Store, key, placed("one", place)); err != nil {
		t.Fatal(err)
	}
	return s
}

// What cannot be read for a moment may be a login, and name what the keyring has of it.
func TestStore_aFileThatCannotBeReadForAMoment_losesNothing(t *testing.T) {
	t.Parallel()
	works := map[string]func(t *testing.T, s *shaky) error{
		"a login": func(t *testing.T, s *shaky) error {
			t.Helper()
			return keep(t, s.Store, key, placed("two", store.InKeyring))
		},
		"a login that the keyring does not take": func(t *testing.T, s *shaky) error {
			t.Helper()
			s.ring.Err = errors.New("locked")
			defer func() { s.ring.Err = nil }()
			return keep(t, s.Store, key, placed("two", store.InKeyring))
		},
		"a login in a file": func(t *testing.T, s *shaky) error {
			t.Helper()
			return keep(t, s.Store, key, placed("two", store.InFile))
		},
		"a logout": func(t *testing.T, s *shaky) error {
			t.Helper()
			last, err := s.Forget(t.Context(), key)
			if err == nil && !last.LoggedIn() {
				t.Error("got nothing of what is forgotten, want its tokens, to revoke them")
			}
			return err
		},
		"a logout of what was listed": func(t *testing.T, s *shaky) error {
			t.Helper()
			list := s.List()
			if len(list) != 1 {
				return errors.New("nothing is listed")
			}
			if list[0].Err != nil {
				return list[0].Err
			}
			return list[0].Remove(t.Context())
		},
	}
	for what, work := range works {
		for _, place := range []store.Place{store.InKeyring, store.InFile} {
			for n := 1; n <= 3; n++ {
				t.Run(fmt.Sprintf("%s, %s, read %d", what, place, n), func(t *testing.T) {
					t.Parallel()
					s := onceKept(t, place)
					s.fails = s.reads + n
					err := work(t, s)
					s.fails = 0
					got, again := s.Read(key)
					if again != nil || err != nil && got.Secrets.AccessToken != "one" {
						t.Errorf("got %v, then the login: %t and %v; want it as long as there is an error", err, got.LoggedIn(), again)
					}
					if _, err := s.Forget(t.Context(), key); err != nil || s.ring.Len() != 0 {
						t.Errorf("got %d items in the keyring and %v after a logout, want none that no file names", s.ring.Len(), err)
					}
				})
			}
		}
	}
}

// Tokens that are forgotten before they could be read are tokens that nobody revokes.
func TestForget_theKeyringAnswersTooLateToBeRead_leavesTheLogin(t *testing.T) {
	t.Parallel()
	ring := &unread{}
	s := store.Open(filepath.Join(t.TempDir(), "c")).WithKeyring(ring)
	if err := keep(t, s, key, placed("one", store.InKeyring)); err != nil {
		t.Fatal(err)
	}
	ring.locked = true
	if _, err := s.Forget(t.Context(), key); err == nil {
		t.Error("got no error, want that it cannot be forgotten yet")
	}
	ring.locked = false
	if last, err := s.Forget(t.Context(), key); err != nil || !last.LoggedIn() {
		t.Errorf("got tokens: %t and %v once it is unlocked, want them, to revoke them", last.LoggedIn(), err)
	}
}

// unread is a keyring that can be locked for reading.
type unread struct {
	testkit.Keyring
	locked bool
}

func (k *unread) Get(user string) (string, error) {
	if k.locked {
		return "", errors.New("locked")
	}
	return k.Keyring.Get(user)
}

// What was listed may be another login by the time it is to go.
func TestKept_whoseTokensAreOthersByNow_stays(t *testing.T) {
	t.Parallel()
	s := store.Open(filepath.Join(t.TempDir(), "c"))
	if err := keep(t, s, key, record("one")); err != nil {
		t.Fatal(err)
	}
	list := s.Under([]string{"s"})
	if len(list) != 1 || len(s.Under([]string{"other"})) != 0 {
		t.Fatalf("got %d under its name and %d under another, want one and none", len(list), len(s.Under([]string{"other"})))
	}
	if err := keep(t, s, key, record("two")); err != nil {
		t.Fatal(err)
	}
	if err := list[0].Remove(t.Context()); err == nil {
		t.Error("got no error, want that it has changed")
	}
	if got, err := s.Read(key); err != nil || got.Secrets.AccessToken != "two" {
		t.Errorf("got the new login: %t and %v, want it", got.LoggedIn(), err)
	}
	if err := s.List()[0].Remove(t.Context()); err != nil || len(s.List()) != 0 {
		t.Errorf("got %d and %v, want it gone", len(s.List()), err)
	}
}

// Whoever removes the file of a login in a keyring that is locked loses the names of what
// the keyring has, and nobody revokes that.
func TestUnreadable_theKeyringIsLocked_doesNotSayToRemoveTheFile(t *testing.T) {
	t.Parallel()
	s := onceKept(t, store.InKeyring)
	s.ring.Err = errors.New("it is locked")
	_, err := s.Read(key)
	if err == nil || strings.Contains(err.Error(), "remove") || !strings.Contains(err.Error(), "locked; it serves again once that works") {
		t.Errorf("got %v, want that it serves again once it is unlocked, and nothing of removing", err)
	}
}
