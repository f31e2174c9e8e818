package login_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/login"
	"gatehouse/internal/login/store"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

// A server that names another authorization server than before would have it get the
// secret that the entry has for the first one.
func TestClientOfTheEntry_isShownToTheFirstAuthorizationServerAlone(t *testing.T) {
	t.Parallel()
	a, evil, s := testkit.StartAuthServer(t), testkit.StartAuthServer(t), newStore(t)
	a.Add("robot", "s3cr3t-of-robot", "client_secret_post", "")
	tg := target(a)
	tg.Auth = serversfile.Auth{Type: serversfile.AuthClientCredentials, ClientID: "robot", ClientSecret: "s3cr3t-of-robot"}
	o := (&person{}).options(s)
	if _, err := login.Login(within(t), tg, o); err != nil {
		t.Fatal(err)
	}
	_, err := s.Change(t.Context(), tg.Key(), func(_ context.Context, r store.Record, err error) (store.Record, bool, error) {
		r.Issued, r.Expires = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
		return r, true, err
	})
	if err != nil {
		t.Fatal(err)
	}
	a.Change(func() {
		a.Resource = func(m map[string]any) { m["authorization_servers"] = []string{evil.URL} }
	})
	_, renewed := keeper(s).Of(tg).Header(within(t))
	_, again := login.Login(within(t), tg, o)
	for what, err := range map[string]error{"a renewal": renewed, "a login": again} {
		if err == nil || !strings.Contains(err.Error(), "set gateway.auth.issuer") || !strings.Contains(err.Error(), evil.URL) {
			t.Errorf("%s: got %v, want that the authorization server has changed", what, err)
		}
	}
	if got := evil.Requests("/token"); len(got) != 0 {
		t.Errorf("the other one was sent %v, want nothing", got)
	}
	tg.Auth.Issuer = evil.URL
	evil.Add("robot", "s3cr3t-of-robot", "client_secret_post", "")
	if _, err := login.Login(within(t), tg, o); err != nil {
		t.Errorf("with the issuer in the entry: got %v, want a login", err)
	}
}

func TestLogin_whereThePageIsNotTheAuthorizationServers_saysWhoGetsTheLogin(t *testing.T) {
	t.Parallel()
	for promised, want := range map[bool]bool{true: false, false: true} {
		a, p := testkit.StartAuthServer(t), &person{}
		a.Metadata = func(m map[string]any) {
			m["authorization_endpoint"] = strings.Replace(a.URL, "127.0.0.1", "localhost", 1) + "/authorize"
			m["authorization_response_iss_parameter_supported"] = promised
		}
		_, _ = login.Login(within(t), target(a), p.options(newStore(t)))
		warned := slices.IndexFunc(p.said, func(text string) bool { return strings.Contains(text, a.URL) && strings.Contains(text, "do not agree") })
		if (warned >= 0) != want {
			t.Errorf("iss promised: %t: got %q, want a word of who gets the login: %t", promised, p.said, want)
		}
	}
}
