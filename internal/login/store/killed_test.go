package store_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/zalando/go-keyring"

	"gatehouse/internal/login/store"
)

// moment is what a kill would leave: the files and the items of the keyring.
type moment struct {
	dir   string
	items map[string]string
}

// filmed is a keyring that keeps what a kill before and after each change would leave. That
// takes a while, but no time of a bubble.
type filmed struct {
	t       *testing.T
	dir     string
	items   map[string]string
	moments []moment
}

func (f *filmed) film() {
	dir := f.t.TempDir()
	if _, err := os.Stat(f.dir); err == nil {
		if err := os.CopyFS(dir, os.DirFS(f.dir)); err != nil {
			f.t.Error(err)
		}
	}
	_ = os.Chmod(dir, 0o700)
	paths, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, path := range paths {
		_ = os.Chmod(path, 0o600)
	}
	f.moments = append(f.moments, moment{dir, maps.Clone(f.items)})
}

func (f *filmed) Set(user, secret string) error {
	f.film()
	f.items[user] = secret
	f.film()
	return nil
}

func (f *filmed) Get(user string) (string, error) {
	if secret, ok := f.items[user]; ok {
		return secret, nil
	}
	return "", keyring.ErrNotFound
}

func (f *filmed) Delete(user string) error {
	f.film()
	defer f.film()
	if _, ok := f.items[user]; !ok {
		return keyring.ErrNotFound
	}
	delete(f.items, user)
	return nil
}

// filmLogins logs in, renews twice, moves to a file and back, and returns the moments.
func filmLogins(t *testing.T) []moment {
	t.Helper()
	f := &filmed{t: t, dir: filepath.Join(t.TempDir(), "c"), items: map[string]string{}}
	s := store.Open(f.dir).WithKeyring(f)
	for _, p := range []store.Place{store.Auto, store.InKeyring, store.InKeyring, store.InFile, store.InKeyring} {
		if err := keep(t, s, key, placed("marked-secret", p)); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.moments) < 14 {
		t.Fatalf("got %d moments, want those of four new items and three that went", len(f.moments))
	}
	return f.moments
}

func TestKeyring_ofALoginThatIsKilled_hasNothingThatNobodyNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for i, m := range filmLogins(t) {
			var files strings.Builder
			paths, _ := filepath.Glob(filepath.Join(m.dir, "*.json"))
			for _, path := range paths {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				files.Write(data)
			}
			for name := range m.items {
				if !strings.Contains(files.String(), `"`+name+`"`) {
					t.Errorf("moment %d: got %s in the keyring and %s in the files, want it named", i, name, files.String())
				}
			}
		}
	})
}

func TestKeyring_ofALoginThatIsKilled_isCleanAfterTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for i, m := range filmLogins(t) {
			ring := &filmed{t: t, dir: m.dir, items: maps.Clone(m.items)}
			s := store.Open(m.dir).WithKeyring(ring)
			if _, err := s.Read(key); err != nil {
				t.Errorf("moment %d: got %v, want what was there before or after", i, err)
			}
			if err := keep(t, s, key, placed("next", store.InKeyring)); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Read(key); err != nil || got.Secrets.AccessToken != "next" || len(ring.items) != 1 {
				t.Errorf("moment %d: got the next secret: %t, %v and %d in the keyring; want it alone", i, got.Secrets.AccessToken == "next", err, len(ring.items))
			}
		}
	})
}

func TestKeyring_ofALoginThatIsKilled_isEmptyAfterALogout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for i, m := range filmLogins(t) {
			ring := &filmed{t: t, dir: m.dir, items: maps.Clone(m.items)}
			if _, err := store.Open(m.dir).WithKeyring(ring).Forget(t.Context(), key); err != nil || len(ring.items) != 0 {
				t.Errorf("moment %d: got %d in the keyring and %v, want none", i, len(ring.items), err)
			}
		}
	})
}
