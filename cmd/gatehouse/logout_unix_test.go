//go:build unix

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/login/store"
	"gatehouse/testkit"
)

// killed starts a logout and kills it once it is where it waits.
func killed(t *testing.T, g *testkit.Gateway, what string, waits func() bool) {
	t.Helper()
	cmd := command(t, operatorEnv(g), "logout", "guarded")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, what, waits)
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // It was killed.
}

// Where a logout is killed, the next one does what is left: nothing goes on being used,
// and no token stays good that nobody can revoke any more.
func TestLogout_killed_isEndedByTheNextOne(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"before it has forgotten", "before it has revoked"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			a, g, agent := beginGuarded(t, nil)
			runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
			agent.Execute(t, "guarded", "hello", nil).Good(t)
			if when == "before it has forgotten" {
				lock, err := os.OpenFile(credentialFiles(t, g, "lock")[0], os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
					t.Fatal(err)
				}
				killed(t, g, "a copy of the tokens", func() bool { return len(credentialFiles(t, g, "json")) == 2 })
				_ = lock.Close()
				agent.Execute(t, "guarded", "hello", nil).Good(t)
			} else {
				stoppedWhileItRevokes(t, a, g, os.Kill)
				agent.Execute(t, "guarded", "hello", nil).Failed(t, "SERVER_UNAVAILABLE")
			}
			operate(t, g, "login", "--list").want(t, exitFine, "the tokens are not revoked yet; run again: gatehouse logout guarded")
			revokes(t, a, g, 2)
			agent.Execute(t, "guarded", "hello", nil).Failed(t, "SERVER_UNAVAILABLE")
			operate(t, g, "logout", "guarded").want(t, exitUsage, "nobody is logged in")
		})
	}
}

// What cannot be read can be forgotten, and that is what was asked for.
func TestLogout_ofWhatCannotBeRead_forgetsItAndSaysSo(t *testing.T) {
	t.Parallel()
	_, g, _ := beginGuarded(t, nil)
	runIn(t, browserOf(t, g), "login", "guarded").want(t, exitFine)
	paths, err := filepath.Glob(filepath.Join(g.Dir, "state", "gatehouse", "credentials", "*.json"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("got %v and %v, want one file", paths, err)
	}
	if err := os.WriteFile(paths[0], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := operate(t, g, "logout", "guarded").want(t, exitFine, `logged out of "guarded"`, "its tokens are not revoked")
	if strings.Contains(r.err, "log in again") {
		t.Errorf("got %q, want no advice about a login that is gone", r.err)
	}
	if exists(paths[0]) && readText(t, paths[0]) == "{" { // The gateway may have noted what the next login should ask for.
		t.Errorf("got %s as it was, want it gone", paths[0])
	}
}

// lockedOnce is a keyring that fails the first time that it is to remove something.
type lockedOnce struct {
	testkit.Keyring
	failed bool
}

func (k *lockedOnce) Delete(user string) error {
	if !k.failed {
		k.failed = true
		return errors.New("locked")
	}
	return k.Keyring.Delete(user)
}

// partingOf is a logout that has kept its copy, of a login in a keyring, and what changes
// that login.
func partingOf(t *testing.T, ring store.Keyring) (l *parting, renew func(token string)) {
	t.Helper()
	kept := store.Open(filepath.Join(t.TempDir(), "c")).WithKeyring(ring)
	l = &parting{store: kept, key: store.Key{Resource: "https://a"}}
	renew = func(token string) {
		t.Helper()
		r := store.Record{Server: "s", Revocation: "https://a/revoke", Place: store.InKeyring, Secrets: store.Secrets{AccessToken: store.Secret(token)}}
		if _, err := kept.Change(t.Context(), l.key, func(context.Context, store.Record, error) (store.Record, bool, error) { return r, true, nil }); err != nil {
			t.Fatal(err)
		}
	}
	renew("one")
	r, err := kept.Read(l.key)
	if err != nil {
		t.Fatal(err)
	}
	l.logins = []store.Record{r}
	if err := l.keep(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return l, renew
}

// A keyring that is locked may still let the login go, once it is unlocked.
func TestLogout_theKeyringIsLocked_leavesTheLoginAndTheCopy(t *testing.T) {
	t.Parallel()
	l, _ := partingOf(t, &lockedOnce{})
	if err := l.forget(t.Context()); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("got %v, want that the keyring is locked", err)
	}
	for what, key := range map[string]store.Key{"login": l.key, "copy": l.copies[0]} {
		if r, err := l.store.Read(key); err != nil || !r.LoggedIn() {
			t.Errorf("got no tokens of the %s and %v, want them for the next logout", what, err)
		}
	}
}

func TestLogout_ofALoginThatIsRenewedMeanwhile_revokesBoth(t *testing.T) {
	t.Parallel()
	l, renew := partingOf(t, &testkit.Keyring{})
	renew("two")
	if err := l.forget(t.Context()); err != nil || len(l.logins) != 2 || l.logins[1].Secrets.AccessToken != "two" {
		t.Errorf("got %d logins to revoke and %v, want the old one and the new one", len(l.logins), err)
	}
}

// Where nothing more could be written, the tokens of this logout are lost to the next one,
// which revokes those of an earlier one all the same.
func TestLogout_interrupted_namesWhatNoOtherOneCanRevoke(t *testing.T) {
	t.Parallel()
	ring := &testkit.Keyring{}
	l, _ := partingOf(t, ring)
	l.names = []string{"s"}
	now := l.logins[0]
	now.Issuer, now.Secrets.AccessToken = "https://now", "two"
	l.logins = append(l.logins, now)
	ring.Err = errors.New("full")
	if err := l.keep(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	ring.Err = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	said := errors.Join(l.revoke(ctx)...).Error()
	for _, want := range []string{`"https://now" was not told`, "no other logout can revoke them", "run again: gatehouse logout s"} {
		if n := strings.Count(said, want); n != 1 {
			t.Errorf("got\n%s\nwith %q %d times, want it once", said, want, n)
		}
	}
	if r, err := l.store.Read(l.copies[0]); err != nil || !r.LoggedIn() {
		t.Errorf("got no copy and %v, want it for the next logout", err)
	}
}

// What cannot be revoked any more is no reason to run another logout.
func TestLogout_interrupted_andNothingIsKept_doesNotAskToRunAgain(t *testing.T) {
	t.Parallel()
	l := &parting{names: []string{"s"}, logins: []store.Record{{Revocation: "https://a/revoke", Issuer: "https://a", Secrets: store.Secrets{AccessToken: "one"}}}}
	l.unkept = l.logins
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	said := errors.Join(l.revoke(ctx)...).Error()
	if !strings.Contains(said, "no other logout can revoke them") || strings.Contains(said, "run again") {
		t.Errorf("got\n%s\nwant that nothing can revoke them, and not to run again", said)
	}
}

func TestUnrevoked_quotesTheNameForAShell(t *testing.T) {
	t.Parallel()
	if got, want := unrevoked("my server"), "gatehouse logout 'my server'"; !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want it to end in %q", got, want)
	}
}
