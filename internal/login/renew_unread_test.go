package login_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/login/store"
	"gatehouse/testkit"
)

// inKeyring is a store with a login, whose token has ended, in a keyring.
func inKeyring(t *testing.T, a *testkit.AuthServer) (s *store.Store, ring *testkit.Keyring, was store.Record) {
	t.Helper()
	ring = &testkit.Keyring{}
	files, was := loggedIn(t, a, -time.Second)
	s, was.Place = files.WithKeyring(ring), store.InKeyring
	if _, err := s.Change(t.Context(), target(a).Key(), func(context.Context, store.Record, error) (store.Record, bool, error) { return was, true, nil }); err != nil {
		t.Fatal(err)
	}
	return s, ring, was
}

// Another process may have renewed the login and kept it in a keyring that is locked now.
// A refusal of the refresh token which that has used up does not end the login.
func TestHeader_renewedElsewhereAndTheKeyringIsLocked_leavesTheLogin(t *testing.T) {
	t.Parallel()
	a := testkit.StartAuthServer(t)
	s, ring, was := inKeyring(t, a)
	c := keeper(s).Of(target(a))
	if header, err := keeper(s).Of(target(a)).Header(within(t)); err != nil || header == headerOf(was) {
		t.Fatalf("got %q and %v, want another token", header, err)
	}
	a.Change(func() { a.TokenStatus, a.TokenBody = 400, `{"error":"invalid_grant"}` })
	ring.Err = errors.New("locked")
	if _, err := c.Header(within(t)); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("got %v, want that the keyring is locked", err)
	}
	ring.Err = nil
	now, err := s.Read(target(a).Key())
	if err != nil || !now.LoggedIn() || now.Equal(was) {
		t.Errorf("got a login: %t and %v once it is unlocked, want what the other process has kept", now.LoggedIn(), err)
	}
}

// A gateway that could not keep what it has renewed goes on with it, but not after a
// logout.
func TestHeader_renewedWhileTheKeyringWasLocked_endsWithALogout(t *testing.T) {
	t.Parallel()
	for _, left := range []time.Duration{-time.Second, time.Hour} { // The new token has ended by then, or not.
		a := testkit.StartAuthServer(t)
		s, ring, was := inKeyring(t, a)
		k := keeper(s)
		c := k.Of(target(a))
		ring.Err = errors.New("locked")
		header, err := c.Header(within(t))
		if err != nil || header == "" || header == headerOf(was) {
			t.Fatalf("got %q and %v, want another token", header, err)
		}
		ring.Err = nil
		if k.Of(target(a)); left > 0 {
			if again, err := c.Header(within(t)); err != nil || again != header {
				t.Errorf("got another token: %t and %v before the logout, want the one that could not be kept", again != header, err)
			}
		}
		if _, err := s.Forget(t.Context(), target(a).Key()); err != nil {
			t.Fatal(err)
		}
		if left > 0 {
			k.Of(target(a)) // As the restart by a logout does.
		} else {
			c.Refused(within(t), header, 401, nil)
		}
		if got, err := c.Header(within(t)); err != nil || got != "" {
			t.Errorf("got a token: %t and %v after the logout, want none", got != "", err)
		}
		if now, err := s.Read(target(a).Key()); err != nil || now.LoggedIn() {
			t.Errorf("got a login: %t and %v stored after the logout, want none", now.LoggedIn(), err)
		}
	}
}
