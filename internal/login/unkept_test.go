package login_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/login"
	"gatehouse/internal/login/store"
	"gatehouse/internal/redact"
	"gatehouse/testkit"
)

// unkept is a login that was renewed while its keyring was locked. The keyring has the
// one before, whose refresh token is used up, and can be read again.
type unkept struct {
	server *testkit.AuthServer
	ring   *testkit.Keyring
	store  *store.Store
	keeper *login.Keeper
	*login.Credential

	was    store.Record
	header string
}

// renewUnkept makes one. noted hears what the keeper logs.
func renewUnkept(t *testing.T, noted func(u *unkept)) *unkept {
	t.Helper()
	u := &unkept{server: testkit.StartAuthServer(t)}
	u.server.Rotate = true
	u.store, u.ring, u.was = inKeyring(t, u.server)
	u.keeper = login.NewKeeper(u.store, "gatehouse/test", &redact.Live{}, slog.New(noting{func() { noted(u) }}))
	u.Credential = u.keeper.Of(target(u.server))
	u.ring.Err = errors.New("locked")
	var err error
	if u.header, err = u.Header(within(t)); err != nil || u.header == "" || u.header == headerOf(u.was) {
		t.Fatalf("got the token before: %t and %v, want another one", u.header == headerOf(u.was), err)
	}
	u.ring.Err = nil
	return u
}

func (u *unkept) keep(t *testing.T, r store.Record) {
	t.Helper()
	if _, err := u.store.Change(t.Context(), target(u.server).Key(), func(context.Context, store.Record, error) (store.Record, bool, error) { return r, true, nil }); err != nil {
		t.Fatal(err)
	}
}

// noting is a log that tells of each line.
type noting struct{ hear func() }

func (noting) Enabled(context.Context, slog.Level) bool    { return true }
func (n noting) Handle(context.Context, slog.Record) error { n.hear(); return nil }
func (n noting) WithAttrs([]slog.Attr) slog.Handler        { return n }
func (n noting) WithGroup(string) slog.Handler             { return n }

func TestRefused_aTokenThatCouldNotBeKept_isRenewedFromThat(t *testing.T) {
	t.Parallel()
	u := renewUnkept(t, func(*unkept) {})
	if !u.Refused(within(t), u.header, 401, nil) {
		t.Error("got no other try, want one with a new token")
	}
	if got, err := u.Header(within(t)); err != nil || got == "" || got == u.header || got == headerOf(u.was) {
		t.Errorf("got a new token: %t and %v, want one", got != "" && got != u.header && got != headerOf(u.was), err)
	}
	if now, err := u.store.Read(target(u.server).Key()); err != nil || now.Ended != "" {
		t.Errorf("got a login that has ended: %q and %v, want it to go on", now.Ended, err)
	}
}

func TestRefused_forMoreScopes_leavesWhatCouldNotBeKept(t *testing.T) {
	t.Parallel()
	u := renewUnkept(t, func(*unkept) {})
	if u.Refused(within(t), u.header, 403, []string{`Bearer error="insufficient_scope", scope="more"`}) {
		t.Error("got another try, want none: there is no other token")
	}
	u.keeper.Of(target(u.server)) // As a new run does.
	if got, err := u.Header(within(t)); err != nil || got != u.header {
		t.Errorf("got another token: %t and %v, want the one that could not be kept", got != u.header, err)
	}
}

// A run that begins while a renewal ends reads what is stored.
func TestHeader_readAgainAsSoonAsItCouldNotBeKept_goesOn(t *testing.T) {
	t.Parallel()
	u := renewUnkept(t, func(u *unkept) {
		u.ring.Err = nil
		u.keeper.Of(target(u.server))
	})
	if got, err := u.Header(within(t)); err != nil || got != u.header {
		t.Errorf("got another token: %t and %v, want the one that could not be kept", got != u.header, err)
	}
}

// Another process, with the tokens before, has ended the login. Once that is gone from
// the store somebody has logged out.
func TestHeader_renewedBesideALoginThatHasEnded_endsWithALogout(t *testing.T) {
	t.Parallel()
	u := renewUnkept(t, func(*unkept) {})
	u.keep(t, store.Record{Server: "guarded", Ended: "it is used up", Place: store.InFile})
	u.ring.Err = errors.New("locked")
	if !u.Refused(within(t), u.header, 401, nil) {
		t.Error("got no other try, want one with a new token")
	}
	u.ring.Err = nil
	u.keeper.Of(target(u.server))
	if got, err := u.Header(within(t)); err != nil || got == "" || got == u.header {
		t.Errorf("got a new token: %t and %v before the logout, want one", got != "" && got != u.header, err)
	}
	if _, err := u.store.Forget(t.Context(), target(u.server).Key()); err != nil {
		t.Fatal(err)
	}
	u.keeper.Of(target(u.server)) // As the restart by a logout does.
	if got, err := u.Header(within(t)); err != nil || got != "" {
		t.Errorf("got a token: %t and %v after the logout, want none", got != "", err)
	}
}

// Only this process has what could not be kept, so no logout can revoke it.
func TestLogout_ofWhatCouldNotBeKept_hasItRevoked(t *testing.T) {
	t.Parallel()
	u := renewUnkept(t, func(*unkept) {})
	if _, err := u.store.Forget(t.Context(), target(u.server).Key()); err != nil {
		t.Fatal(err)
	}
	u.keeper.Of(target(u.server)) // As the restart by a logout does.
	testkit.Eventually(t, "the revocation of both tokens", func() bool { return len(u.server.Requests("/revoke")) == 2 })
	if got := "Bearer " + u.server.Requests("/revoke")[1].Form.Get("token"); got != u.header {
		t.Error("got another token revoked, want the one that could not be kept")
	}
}

// A newer login may be of the same grant, which a revocation would end.
func TestLogin_afterWhatCouldNotBeKept_revokesNothing(t *testing.T) {
	t.Parallel()
	u := renewUnkept(t, func(*unkept) {})
	next := u.was
	next.Issued, next.Expires, next.Secrets.AccessToken = time.Now().Add(time.Minute), time.Now().Add(time.Hour), "next"
	u.keep(t, next)
	dropped := 0
	u.keeper.OnDrop(func(store.Record) { dropped++ })
	again := func() {
		synctest.Test(t, func(*testing.T) {
			u.keeper.Of(target(u.server))
			synctest.Wait()
		})
	}
	again()
	if got, err := u.Header(within(t)); err != nil || got != "Bearer next" {
		t.Errorf("got another token: %t and %v, want the newer one", got != "Bearer next", err)
	}
	if _, err := u.store.Forget(t.Context(), target(u.server).Key()); err != nil {
		t.Fatal(err)
	}
	again()
	if dropped != 0 {
		t.Errorf("got %d revocations, want none: a logout revokes what is kept", dropped)
	}
}
