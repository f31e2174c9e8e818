package login_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/login"
	"gatehouse/internal/login/store"
	"gatehouse/internal/redact"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

// loggedIn is a login whose token has so long to live.
func loggedIn(t *testing.T, a *testkit.AuthServer, left time.Duration) (*store.Store, store.Record) {
	t.Helper()
	s := newStore(t)
	if _, err := login.Login(within(t), target(a), (&person{}).options(s)); err != nil {
		t.Fatal(err)
	}
	r, err := s.Change(t.Context(), target(a).Key(), func(_ context.Context, r store.Record, err error) (store.Record, bool, error) {
		r.Issued, r.Expires = time.Now().Add(-time.Hour), time.Now().Add(left)
		return r, true, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

func keeper(s *store.Store) *login.Keeper {
	return login.NewKeeper(s, "gatehouse/test", &redact.Live{}, slog.New(slog.DiscardHandler))
}

func headerOf(r store.Record) string { return "Bearer " + string(r.Secrets.AccessToken) }

func TestHeader_ofATokenThatEndsSoon_isRenewedOnce_alsoByTwoProcesses(t *testing.T) {
	t.Parallel()
	a := testkit.StartAuthServer(t)
	a.Rotate = true
	s, was := loggedIn(t, a, 30*time.Second)
	var all sync.WaitGroup
	headers := make(chan string, 40)
	for range 2 { // Each has a keeper of its own.
		c := keeper(store.Open(s.Dir())).Of(target(a))
		for range 20 {
			all.Go(func() {
				header, err := c.Header(within(t))
				if err != nil {
					t.Error(err)
				}
				headers <- header
			})
		}
	}
	all.Wait()
	close(headers)
	now, err := s.Read(target(a).Key())
	if err != nil || now.Equal(was) || !now.LoggedIn() {
		t.Fatalf("got the same tokens and %v, want new ones", err)
	}
	for header := range headers {
		if header != headerOf(now) {
			t.Error("got another header, want the new token's")
		}
	}
	if n := a.Grants("refresh_token"); n != 1 {
		t.Errorf("got %d renewals, want 1", n)
	}
	if form := a.Requests("/token")[1].Form; form.Get("resource") != a.MCP() || form.Get("client_id") == "" {
		t.Errorf("the renewal is %v, want one with the resource and the client", form)
	}
}

func TestHeader_whereTheServerFails_theTokenGoesOnToItsEnd(t *testing.T) {
	t.Parallel()
	for body, status := range map[string]int{"": 503, `{"error":"invalid_grant"}`: 500, "<html>": 200, `{"error":"temporarily_unavailable"}`: 400, `{"error":"slow_down"}`: 429} {
		a := testkit.StartAuthServer(t)
		s, r := loggedIn(t, a, 30*time.Second)
		a.Change(func() { a.TokenStatus, a.TokenBody = status, body })
		if got, err := keeper(s).Of(target(a)).Header(within(t)); err != nil || got != headerOf(r) {
			t.Errorf("%d %s: got %q and %v, want the token that still serves", status, body, got, err)
		}
	}
}

func TestHeader_ofATokenThatHasEnded_whereTheServerFails_isAnErrorThatPasses(t *testing.T) {
	t.Parallel()
	a := testkit.StartAuthServer(t)
	s, _ := loggedIn(t, a, -time.Second)
	a.Change(func() { a.TokenStatus = 503 })
	if _, err := keeper(s).Of(target(a)).Header(within(t)); err == nil || !strings.Contains(err.Error(), "cannot renew the login at") || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v, want why it cannot be renewed", err)
	}
	a.Change(func() { a.TokenStatus = 0 })
	if got, err := keeper(s).Of(target(a)).Header(within(t)); err != nil || got == "" {
		t.Errorf("got %q and %v once the server does well, want a token", got, err)
	}
}

func TestHeader_afterAFinalRefusal_isEmpty(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"invalid_grant", "invalid_client", "unauthorized_client"} {
		a := testkit.StartAuthServer(t)
		s, _ := loggedIn(t, a, 30*time.Second)
		a.Change(func() { a.TokenStatus, a.TokenBody = 400, `{"error":"`+code+`"}` })
		k := keeper(s)
		got, err := k.Of(target(a)).Header(within(t))
		st, known := k.State("guarded")
		if err != nil || got != "" || !known || !st.NeedsLogin || !strings.Contains(st.Trouble, code) {
			t.Errorf("%s: got %q, %v and %+v, want no token, and a person asked to log in", code, got, err, st)
		}
		if kept, err := s.Read(target(a).Key()); err != nil || kept.LoggedIn() || kept.ClientID != "" || kept.Ended == "" {
			t.Errorf("%s: got %+v and %v kept, want an ended login without client", code, kept, err)
		}
	}
}

func TestHeader_whereNothingCanBeKept_goesOnInMemory(t *testing.T) {
	t.Parallel()
	a := testkit.StartAuthServer(t)
	a.Rotate = true
	s, was := loggedIn(t, a, 30*time.Second)
	k := keeper(s)
	c := k.Of(target(a))
	if err := os.RemoveAll(s.Dir()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Dir(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := c.Header(within(t))
	if err != nil || got == "" || got == headerOf(was) {
		t.Errorf("got %v, want a new token", err)
	}
	again, err := k.Of(target(a)).Header(within(t)) // A run that begins now has it too.
	if st, _ := k.State("guarded"); err != nil || again != got || !strings.Contains(st.Trouble, "cannot") {
		t.Errorf("got the same token: %v, %v and %+v, want it, and the trouble said", again == got, err, st)
	}
}

func TestRefused_renewsOnce_andThenAsksForAPerson(t *testing.T) {
	t.Parallel()
	a := testkit.StartAuthServer(t)
	s, r := loggedIn(t, a, time.Hour)
	k := keeper(s)
	c := k.Of(target(a))
	if !c.Refused(within(t), headerOf(r), 401, []string{`Bearer error="invalid_token"`}) {
		t.Error("got no other try, want one with a new token")
	}
	now, err := c.Header(within(t))
	if err != nil || now == headerOf(r) {
		t.Errorf("got the same token and %v, want a new one", err)
	}
	if c.Refused(within(t), now, 401, nil) {
		t.Error("got another try though the new token is refused too, want none")
	}
	if n := a.Grants("refresh_token"); n != 1 {
		t.Errorf("got %d renewals, want 1", n)
	}
	if st, _ := k.State("guarded"); !st.NeedsLogin {
		t.Errorf("got %+v, want a person asked to log in", st)
	}
	if c.Refused(within(t), now, 403, nil) || c.Refused(within(t), now, 500, nil) {
		t.Error("got another try for what no token mends, want none")
	}
}

func TestRefused_afterSomebodyElseHasLoggedIn_triesWithThat(t *testing.T) {
	t.Parallel()
	a := testkit.StartAuthServer(t)
	s, r := loggedIn(t, a, time.Hour)
	c := keeper(s).Of(target(a))
	if _, err := login.Login(within(t), target(a), (&person{}).options(s)); err != nil {
		t.Fatal(err)
	}
	if !c.Refused(within(t), headerOf(r), 403, []string{`Bearer error="insufficient_scope", scope="mcp"`}) {
		t.Error("got no other try, want one with the login of somebody else")
	}
	if n := a.Grants("refresh_token"); n != 0 {
		t.Errorf("got %d renewals, want none", n)
	}
	if _, err := s.Forget(t.Context(), target(a).Key()); err != nil {
		t.Fatal(err)
	}
	now, _ := c.Header(within(t))
	if c.Refused(within(t), now, 401, nil) {
		t.Error("got another try after a logout, want none")
	}
	if header, err := c.Header(within(t)); header != "" || err != nil {
		t.Errorf("got a token and %v after a logout, want none", err)
	}
}

func TestHeader_ofClientCredentials_needsNoPerson(t *testing.T) {
	t.Parallel()
	a := testkit.StartAuthServer(t)
	a.Add("robot", "s3cr+t:/?", "client_secret_basic", "")
	tg := target(a)
	tg.Auth = serversfile.Auth{Type: serversfile.AuthClientCredentials, ClientID: "robot", ClientSecret: "s3cr+t:/?", Method: "client_secret_basic"}
	s := newStore(t)
	k := keeper(s)
	got, err := k.Of(tg).Header(within(t))
	if err != nil || got == "" {
		t.Fatalf("got %v, want a token", err)
	}
	again, err := keeper(s).Of(tg).Header(within(t)) // The next gateway finds it.
	if n := a.Grants("client_credentials"); err != nil || again != got || n != 1 {
		t.Errorf("got %d requests and %v, want one", n, err)
	}
	if form := a.Requests("/token")[0].Form; form.Get("scope") != "mcp" || form.Get("resource") != a.MCP() || form.Get("client_secret") != "" {
		t.Errorf("got the form %v, want scope and resource, and the secret in the header alone", form)
	}
	tg.Auth.ClientSecret = "wrong"
	if _, err := keeper(newStore(t)).Of(tg).Header(within(t)); err == nil || !strings.Contains(err.Error(), "client_secret right?") {
		t.Errorf("got %v, want what to look at", err)
	}
}
