package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"

	"gatehouse/internal/login/store"
	"gatehouse/testkit"
)

// dismissing is a keyring whose owner may dismiss its questions: it does nothing then, and
// the library says nothing of it.
type dismissing struct {
	testkit.Keyring
	on bool
}

func (k *dismissing) Set(user, secret string) error {
	if k.on {
		return nil
	}
	return k.Keyring.Set(user, secret)
}

func (k *dismissing) Get(user string) (string, error) {
	secret, err := k.Keyring.Get(user)
	if err != nil {
		err = keyring.ErrNotFound
	}
	return secret, err
}

func (k *dismissing) Delete(user string) error {
	if k.on {
		return nil
	}
	return k.Keyring.Delete(user)
}

func TestKeyring_questionThatIsDismissed_losesNoLogin(t *testing.T) {
	t.Parallel()
	ring := &dismissing{}
	s := store.Open(filepath.Join(t.TempDir(), "c")).WithKeyring(ring)
	if err := keep(t, s, key, placed("one", store.InKeyring)); err != nil {
		t.Fatal(err)
	}
	ring.on = true
	if err := keep(t, s, key, placed("two", store.InKeyring)); err == nil || !strings.Contains(err.Error(), "dismissed") {
		t.Errorf("got %v from a new login, want that it may have been dismissed", err)
	}
	if got, err := s.Read(key); err != nil || got.Secrets.AccessToken != "one" {
		t.Errorf("got the login: %t and %v, want the one before", got.LoggedIn(), err)
	}
	if _, err := s.Forget(t.Context(), key); err == nil || !strings.Contains(err.Error(), "dismissed") || len(s.List()) != 1 {
		t.Errorf("got %v and %d logins after a logout, want the login, and why it stays", err, len(s.List()))
	}
	ring.on = false
	if _, err := s.Forget(t.Context(), key); err != nil || ring.Len() != 0 || len(s.List()) != 0 {
		t.Errorf("got %v, %d logins and %d in the keyring after another one, want none", err, len(s.List()), ring.Len())
	}
}

// Who does not ask for the keyring gets a file then.
func TestKeyring_firstQuestionIsDismissed_leavesAFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "c")
	s := store.Open(dir).WithKeyring(&dismissing{on: true})
	if err := keep(t, s, key, placed("one", store.Auto)); err != nil {
		t.Fatal(err)
	}
	got, err := s.Read(key)
	if data, unread := os.ReadFile(fileOf(t, dir)); err != nil || unread != nil || got.Secrets.AccessToken != "one" || got.Place != store.InFile || strings.Contains(string(data), "unused") {
		t.Errorf("got the login: %t in %q, %v and %v; want it in a file that names no item", got.LoggedIn(), got.Place, err, unread)
	}
}
