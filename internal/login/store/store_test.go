package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/login/store"
)

var key = store.Key{Resource: "https://example.com/mcp"}

func record(token string) store.Record {
	return store.Record{Server: "s", Issuer: "https://auth.example.com", Secrets: store.Secrets{AccessToken: store.Secret(token)}}
}

func keep(t *testing.T, s *store.Store, k store.Key, r store.Record) error {
	t.Helper()
	_, err := s.Change(t.Context(), k, func(context.Context, store.Record, error) (store.Record, bool, error) { return r, true, nil })
	return err
}

func fileOf(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("got %v and %v, want one file", paths, err)
	}
	return paths[0]
}

func TestStore_keepsWhatChangeReturns(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "c")
	if err := keep(t, store.Open(dir), key, record("one")); err != nil {
		t.Fatal(err)
	}
	got, err := store.Open(dir).Read(key)
	if err != nil || got.Secrets.AccessToken != "one" {
		t.Errorf("got %v and %v, want the record", got.LoggedIn(), err)
	}
	for path, want := range map[string]fs.FileMode{dir: 0o700, fileOf(t, dir): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("got the mode %v of %s, want %v", info.Mode().Perm(), path, want)
		}
	}
	if other, err := store.Open(dir).Read(store.Key{Resource: key.Resource, Account: "work"}); err != nil || other.LoggedIn() {
		t.Errorf("got %v and %v for another account, want nothing", other.LoggedIn(), err)
	}
}

func TestStore_whatCannotBeTrusted_isUnreadable(t *testing.T) {
	t.Parallel()
	spoil := map[string]func(t *testing.T, dir, path string) error{
		"empty":         func(_ *testing.T, _, path string) error { return os.WriteFile(path, nil, 0o600) },
		"cut":           func(_ *testing.T, _, path string) error { return os.WriteFile(path, []byte(`{"server":"s`), 0o600) },
		"another thing": func(_ *testing.T, _, path string) error { return os.WriteFile(path, []byte(`[1]`), 0o600) },
		"huge":          func(_ *testing.T, _, path string) error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) },
		"writable":      func(_ *testing.T, _, path string) error { return os.Chmod(path, 0o666) },
		"its folder":    func(_ *testing.T, dir, _ string) error { return os.Chmod(dir, 0o777) },
		"a folder": func(_ *testing.T, _, path string) error {
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		},
	}
	for name, spoil := range spoil {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "c")
			s := store.Open(dir)
			if err := keep(t, s, key, record("marked-secret")); err != nil {
				t.Fatal(err)
			}
			if err := spoil(t, dir, fileOf(t, dir)); err != nil {
				t.Fatal(err)
			}
			_, err := s.Read(key)
			if _, ok := errors.AsType[*store.Unreadable](err); !ok || !strings.Contains(err.Error(), "log in again") || strings.Contains(err.Error(), "marked-secret") {
				t.Errorf("got %v, want *store.Unreadable that says what to do, and no secret", err)
			}
		})
	}
}

func TestStore_whereNothingCanBeWritten_theRecordIsReturnedAllTheSame(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "c")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // A file in the place of the folder.
		t.Fatal(err)
	}
	got, err := store.Open(dir).Change(t.Context(), key, func(context.Context, store.Record, error) (store.Record, bool, error) {
		return record("one"), true, nil
	})
	if _, ok := errors.AsType[*store.NotKept](err); !ok || got.Secrets.AccessToken != "one" {
		t.Errorf("got %v and %v, want the record with *store.NotKept", got.LoggedIn(), err)
	}
}

func TestStore_changesOfOneKey_areOneAfterTheOther(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "c")
	done := make(chan error)
	for range 8 {
		go func() { // As many processes: each has a store of its own.
			_, err := store.Open(dir).Change(context.Background(), key, func(_ context.Context, old store.Record, err error) (store.Record, bool, error) {
				return record(string(old.Secrets.AccessToken) + "x"), true, err
			})
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got, err := store.Open(dir).Read(key); err != nil || got.Secrets.AccessToken != "xxxxxxxx" {
		t.Errorf("got %d changes and %v, want all 8", len(got.Secrets.AccessToken), err)
	}
}

// What a process that was killed has left holds nobody up.
func TestStore_lockThatNobodyHolds_blocksNobody(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "c")
	s := store.Open(dir)
	if err := keep(t, s, key, record("one")); err != nil {
		t.Fatal(err)
	}
	lock := strings.TrimSuffix(fileOf(t, dir), ".json") + ".lock"
	if err := os.WriteFile(lock, []byte("1"), 0o400); err != nil { // Nor one that cannot be opened.
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := s.Forget(ctx, key); err != nil || ctx.Err() != nil {
		t.Errorf("got %v and %v, want it forgotten at once", err, ctx.Err())
	}
}

// What is to be kept elsewhere first is not lost if that fails.
func TestForgetAfter_whatIsToBeDoneFirstFails_leavesTheRecord(t *testing.T) {
	t.Parallel()
	s := store.Open(filepath.Join(t.TempDir(), "c"))
	if err := keep(t, s, key, record("one")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("full")
	if _, err := s.ForgetAfter(t.Context(), key, func(store.Record) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
	if r, err := s.Read(key); err != nil || !r.LoggedIn() {
		t.Errorf("got no tokens and %v, want them still there", err)
	}
}

func TestSecret_isNeverPrinted(t *testing.T) {
	t.Parallel()
	r := record("marked-secret")
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(format, r) + fmt.Sprintf(format, r.Secrets.AccessToken); strings.Contains(text, "marked-secret") || strings.Contains(text, "6d61726b6564") {
			t.Errorf("%s shows the secret: got %q, want a placeholder", format, text)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"server":"s","secrets":{"access_token":"a"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := filepath.Join(t.TempDir(), "c")
		s := store.Open(dir)
		if err := keep(t, s, key, record("x")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(fileOf(t, dir), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Read(key); err == nil && r.LoggedIn() && !json.Valid(data) {
			t.Errorf("got a login of %q, want none of what is not JSON", data)
		}
	})
}
