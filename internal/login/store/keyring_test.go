package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"gatehouse/internal/login/store"
	"gatehouse/testkit"
)

func placed(token string, p store.Place) store.Record {
	r := record(token)
	r.Place = p
	return r
}

func TestKeyring_thatAnswers_hasTheSecrets_andTheFileHasNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir, ring := filepath.Join(t.TempDir(), "c"), &testkit.Keyring{}
		s := store.Open(dir).WithKeyring(ring)
		if err := keep(t, s, key, placed("marked-secret", store.Auto)); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(fileOf(t, dir))
		if err != nil || strings.Contains(string(data), "marked-secret") {
			t.Errorf("got %s and %v in the file, want no secret", data, err)
		}
		got, err := s.Read(key)
		if err != nil || got.Secrets.AccessToken != "marked-secret" || got.Place != store.InKeyring {
			t.Errorf("got %v in %q and %v, want the secret in the keyring", got.LoggedIn(), got.Place, err)
		}
		if list := s.List(); len(list) != 1 || !list[0].Record.LoggedIn() {
			t.Errorf("got %+v listed, want the login", list)
		}
		if _, err := store.Open(dir).Read(key); err == nil || !strings.Contains(err.Error(), "keyring") {
			t.Errorf("got %v without a keyring, want why it cannot be read", err)
		}
		if _, err := s.Forget(t.Context(), key); err != nil || ring.Len() != 0 {
			t.Errorf("got %d secrets and %v after it was forgotten, want none", ring.Len(), err)
		}
	})
}

func TestKeyring_thatFails_leavesAFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "c")
		s := store.Open(dir).WithKeyring(&testkit.Keyring{Err: errors.New("locked")})
		if err := keep(t, s, key, placed("one", store.Auto)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read(key); err != nil || !got.LoggedIn() || got.Place != store.InFile {
			t.Errorf("got %v in %q and %v, want the login in a file", got.LoggedIn(), got.Place, err)
		}
		err := keep(t, s, key, placed("two", store.InKeyring)) // Who asks for it does not get a file instead.
		if _, ok := errors.AsType[*store.NotKept](err); !ok || !strings.Contains(err.Error(), "locked") {
			t.Errorf("got %v, want *store.NotKept with the reason", err)
		}
		if _, err := s.Forget(t.Context(), key); err != nil {
			t.Errorf("got %v, want it forgotten without the keyring", err)
		}
	})
}

func TestKeyring_thatDoesNotAnswer_isGivenUpAfter2s(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ring := &testkit.Keyring{Hang: make(chan struct{})}
		s := store.Open(filepath.Join(t.TempDir(), "c")).WithKeyring(ring)
		if err := keep(t, s, key, placed("one", store.Auto)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read(key); err != nil || got.Place != store.InFile || !got.LoggedIn() {
			t.Errorf("got %v in %q and %v, want the login in a file", got.LoggedIn(), got.Place, err)
		}
		close(ring.Hang)
		synctest.Wait()
		if ring.Len() != 0 {
			t.Errorf("got %d secrets in the keyring, want the late answer undone", ring.Len())
		}
	})
}

// A keyring that was locked answers when it is unlocked, which may be after the next
// login.
func TestKeyring_thatAnswersLate_leavesTheNewerSecret(t *testing.T) {
	t.Parallel()
	for _, place := range []store.Place{store.Auto, store.InKeyring} {
		synctest.Test(t, func(t *testing.T) {
			ring := &testkit.Keyring{Hang: make(chan struct{})}
			s := store.Open(filepath.Join(t.TempDir(), "c")).WithKeyring(ring)
			_ = keep(t, s, key, placed("one", place)) // It fails where it may not be in a file.
			locked := ring.Unlock()
			if err := keep(t, s, key, placed("two", store.InKeyring)); err != nil {
				t.Fatal(err)
			}
			close(locked)
			synctest.Wait()
			got, err := s.Read(key)
			if err != nil || got.Secrets.AccessToken != "two" || ring.Len() != 1 {
				t.Errorf("%s: got the newer secret: %t, %v and %d in the keyring; want it alone", place, got.Secrets.AccessToken == "two", err, ring.Len())
			}
		})
	}
}

func TestKeyring_ofALoginThatIsRenewed_hasOneItem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ring := &testkit.Keyring{}
		s := store.Open(filepath.Join(t.TempDir(), "c")).WithKeyring(ring)
		for _, token := range []string{"one", "two", "three"} {
			if err := keep(t, s, key, placed(token, store.InKeyring)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.Read(key); err != nil || got.Secrets.AccessToken != "three" || ring.Len() != 1 {
			t.Errorf("got the last secret: %t, %v and %d in the keyring; want it alone", got.Secrets.AccessToken == "three", err, ring.Len())
		}
	})
}

func TestKeyring_ofALoginThatMovesToAFile_forgetsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ring := &testkit.Keyring{}
		s := store.Open(filepath.Join(t.TempDir(), "c")).WithKeyring(ring)
		for _, p := range []store.Place{store.InKeyring, store.InFile} {
			if err := keep(t, s, key, placed("one", p)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.Read(key); err != nil || !got.LoggedIn() || ring.Len() != 0 {
			t.Errorf("got %v, %v and %d secrets in the keyring, want the login in the file alone", got.LoggedIn(), err, ring.Len())
		}
	})
}

func TestForget_theKeyringKeepsTheSecrets_leavesTheLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ring := &testkit.Keyring{}
		s := store.Open(filepath.Join(t.TempDir(), "c")).WithKeyring(ring)
		if err := keep(t, s, key, placed("one", store.InKeyring)); err != nil {
			t.Fatal(err)
		}
		ring.Err = errors.New("locked")
		if _, err := s.Forget(t.Context(), key); err == nil || !strings.Contains(err.Error(), "locked") {
			t.Errorf("got %v, want the reason", err)
		}
		ring.Err = nil
		if got, err := s.Read(key); err != nil || !got.LoggedIn() {
			t.Errorf("got %v and %v once it is unlocked, want the login", got.LoggedIn(), err)
		}
		if _, err := s.Forget(t.Context(), key); err != nil || ring.Len() != 0 || len(s.List()) != 0 {
			t.Errorf("got %d secrets, %d records and %v, want none", ring.Len(), len(s.List()), err)
		}
	})
}

// An item that the keyring may have taken, although it did not answer, is named until it
// is gone, also after the login.
func TestForget_theKeyringKeepsAnItemOfNoUse_leavesItsName(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir, ring := filepath.Join(t.TempDir(), "c"), &testkit.Keyring{Hang: make(chan struct{})}
		s := store.Open(dir).WithKeyring(ring)
		if err := keep(t, s, key, placed("marked-secret", store.Auto)); err != nil {
			t.Fatal(err)
		}
		kept, err := s.Read(key)
		if err != nil || len(kept.Unused) != 1 {
			t.Fatalf("got the items %q of no use and %v, want one", kept.Unused, err)
		}
		if last, err := s.Forget(t.Context(), key); err != nil || !last.LoggedIn() {
			t.Errorf("got %v and %v, want the login forgotten", last.LoggedIn(), err)
		}
		data, err := os.ReadFile(fileOf(t, dir))
		if err != nil || strings.Contains(string(data), "marked-secret") || !strings.Contains(string(data), kept.Unused[0]) {
			t.Errorf("got %s and %v in the file, want the item's name alone", data, err)
		}
		close(ring.Unlock())
		synctest.Wait()
		if _, err := s.Forget(t.Context(), key); err != nil || len(s.List()) != 0 {
			t.Errorf("got %d records and %v once it is unlocked, want none", len(s.List()), err)
		}
	})
}

// A name that is forgotten is a secret that stays in the keyring for ever.
func TestKeyring_thatNeverAnswers_hasEachItemNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ring := &testkit.Keyring{Hang: make(chan struct{})}
		s := store.Open(filepath.Join(t.TempDir(), "c")).WithKeyring(ring)
		for range 40 {
			if err := keep(t, s, key, placed("one", store.Auto)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.Read(key); err != nil || len(got.Unused) != 40 {
			t.Errorf("got %d items of no use and %v, want all 40 that it may have", len(got.Unused), err)
		}
		close(ring.Unlock())
	})
}

// A keyring that lets go of nothing gets no more at some point, as the file cannot name
// any number; none of those that it names is forgotten.
func TestKeyring_thatKeepsAllThatItWasToRemove_getsNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir, ring := filepath.Join(t.TempDir(), "c"), &testkit.Keyring{}
		s := store.Open(dir).WithKeyring(ring)
		r := record("one")
		if err := keep(t, s, key, r); err != nil {
			t.Fatal(err)
		}
		for i := range store.MaxUnused {
			r.Unused = append(r.Unused, fmt.Sprint("item", i))
		}
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(fileOf(t, dir), data, 0o600); err != nil {
			t.Fatal(err)
		}
		ring.Err = errors.New("locked")
		err = keep(t, s, key, placed("two", store.InKeyring))
		if _, ok := errors.AsType[*store.NotKept](err); !ok || !strings.Contains(err.Error(), "still has 1000 earlier ones") {
			t.Errorf("got %v, want *store.NotKept with the reason", err)
		}
		if err := keep(t, s, key, placed("two", store.Auto)); err != nil {
			t.Fatal(err)
		}
		got, err := s.Read(key)
		if err != nil || got.Secrets.AccessToken != "two" || got.Place != store.InFile || len(got.Unused) != store.MaxUnused {
			t.Errorf("got the new login: %t, in %q, %d items named and %v; want it in the file, and all named", got.Secrets.AccessToken == "two", got.Place, len(got.Unused), err)
		}
		ring.Err = nil
		if err := keep(t, s, key, placed("three", store.InKeyring)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read(key); err != nil || len(got.Unused) != 0 || ring.Len() != 1 {
			t.Errorf("got %d items named, %d in the keyring and %v once it is unlocked; want the login alone", len(got.Unused), ring.Len(), err)
		}
	})
}

// sticky is a keyring that never lets go of one item.
type sticky struct {
	testkit.Keyring
	stuck string
}

func (k *sticky) Delete(user string) error {
	if k.stuck == "" {
		k.stuck = user
	}
	if user == k.stuck {
		return errors.New("denied")
	}
	return k.Keyring.Delete(user)
}

// One item that stays in the keyring does not hold up the others, and is not forgotten
// over them.
func TestKeyring_thatKeepsOneItem_letsGoOfTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ring := &sticky{}
		s := store.Open(filepath.Join(t.TempDir(), "c")).WithKeyring(ring)
		for i := range 50 {
			if err := keep(t, s, key, placed(fmt.Sprint(i), store.InKeyring)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Read(key)
		if err != nil || len(got.Unused) > 2 || !slices.Contains(got.Unused, ring.stuck) || ring.Len() != 2 {
			t.Errorf("got %d items named, the stuck one: %t, %d in the keyring and %v; want it beside the login", len(got.Unused), slices.Contains(got.Unused, ring.stuck), ring.Len(), err)
		}
	})
}
