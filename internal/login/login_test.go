package login_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/login"
	"gatehouse/internal/login/store"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

// person is somebody who logs in: what they are shown, and what their browser does.
type person struct {
	opened string
	said   []string
	browse func(address string) error
}

func (p *person) options(s *store.Store) login.Options {
	return login.Options{
		Store: s, Agent: "gatehouse/test", Now: time.Now, Say: func(text string) { p.said = append(p.said, text) },
		Open: func(address string) error {
			p.opened = address
			if p.browse == nil {
				p.browse = func(address string) error { _, err := testkit.Browse(address); return err }
			}
			go func() { _ = p.browse(address) }()
			return nil
		},
	}
}

func newStore(t *testing.T) *store.Store {
	t.Helper()
	return store.Open(filepath.Join(t.TempDir(), "credentials"))
}

func target(a *testkit.AuthServer) login.Target {
	return login.Target{Name: "guarded", URL: a.MCP()}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestLogin_toAnAddressInClear_warnsBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // Nobody is asked.
	for address, want := range map[string]bool{
		"http://mcp.example.com/mcp?key=s3cr3t": true, "http://192.0.2.1:8000/mcp": true, "HTTP://localhost.example.com/": true,
		"https://mcp.example.com/mcp": false, "http://localhost:8000/mcp": false, "http://127.0.0.2/mcp": false, "http://[::1]/mcp": false,
	} {
		p := &person{}
		if _, err := login.Login(ctx, login.Target{Name: "far", URL: address}, p.options(newStore(t))); err == nil {
			t.Errorf("%s: got no error, want that of the context", address)
		}
		said := strings.Join(p.said, "\n")
		if got := strings.Contains(said, `"far"`) && strings.Contains(said, "can read the tokens"); got != want || strings.Contains(said, "s3cr3t") {
			t.Errorf("%s: got %q, want a warning: %t, without the query", address, said, want)
		}
	}
}

func TestLogin_byBrowser_keepsTokens(t *testing.T) {
	t.Parallel()
	a, s, p := testkit.StartAuthServer(t), newStore(t), &person{}
	r, err := login.Login(within(t), target(a), p.options(s))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := s.Read(target(a).Key())
	if err != nil || !kept.LoggedIn() || !kept.Renews() || !kept.Equal(r) {
		t.Errorf("got %+v and %v kept, want the login that was returned, with a refresh token", kept, err)
	}
	if strings.Join(r.Scopes, " ") != "mcp offline_access" || r.Issuer != a.URL {
		t.Errorf("got scopes %v of %s, want mcp offline_access of %s", r.Scopes, r.Issuer, a.URL)
	}
	q := query(t, p.opened)
	for name, want := range map[string]string{"resource": a.MCP(), "code_challenge_method": "S256", "prompt": "consent", "response_type": "code"} {
		if q.Get(name) != want {
			t.Errorf("the authorization request has %s=%q, want %q", name, q.Get(name), want)
		}
	}
	for _, form := range []url.Values{a.Requests("/token")[0].Form} {
		if form.Get("resource") != a.MCP() || form.Get("code_verifier") == "" {
			t.Errorf("the token request is %v, want one with the resource and the verifier", form)
		}
	}
	if got := a.Requests("/token")[0].Header.Get("Accept"); got != "application/json" {
		t.Errorf("the token request accepts %q, want application/json", got)
	}
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestLogin_manually_takesTheAddressThatTheBrowserEndedAt(t *testing.T) {
	t.Parallel()
	a, s, p := testkit.StartAuthServer(t), newStore(t), &person{}
	o := p.options(s)
	input, pasted, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pasted.Close()
	o.Manual, o.Input = true, input
	o.Say = func(text string) {
		p.said = append(p.said, text)
		if strings.HasPrefix(text, a.URL) {
			end, err := testkit.Answered(text)
			if err != nil {
				t.Error(err)
			}
			_, _ = pasted.WriteString("http://127.0.0.1/callback?code=x&state=other\n" + end + "\n")
		}
	}
	if _, err := login.Login(within(t), target(a), o); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(p.said, "\n"), "its state is another one") {
		t.Errorf("got %q, want the first address refused in words", p.said)
	}
}

func TestLogin_answersThatAreNotOurs_doNotEndTheWaiting(t *testing.T) {
	t.Parallel()
	a, s, p := testkit.StartAuthServer(t), newStore(t), &person{}
	p.browse = func(address string) error {
		redirect := query(t, address).Get("redirect_uri")
		u, err := url.Parse(redirect)
		if err != nil {
			return err
		}
		for _, guess := range []string{redirect + "?error=access_denied&state=guessed", redirect + "?code=theirs", "http://" + u.Host + "/favicon.ico", redirect + "?error=access_denied&state="} {
			if _, err := testkit.Browse(guess); err != nil {
				t.Error(err)
			}
		}
		if _, err := testkit.Browse(address); err != nil {
			return err
		}
		_, _ = testkit.Browse(redirect + "?error=access_denied&state=" + query(t, address).Get("state")) // It may be gone by now.
		return nil
	}
	if _, err := login.Login(within(t), target(a), p.options(s)); err != nil {
		t.Errorf("got %v, want a login", err)
	}
}

func TestLogin_whereNobodyLogsIn_isUnfit(t *testing.T) {
	t.Parallel()
	open := testkit.StartAuthServer(t)
	open.FreeStart = true
	open.Handle["/.well-known/oauth-protected-resource/mcp"] = nowhere
	open.Handle["/.well-known/oauth-authorization-server"] = nowhere
	cases := map[string]struct {
		target login.Target
		want   string
	}{
		"an open server":    {target(open), "wants no login"},
		"a header":          {login.Target{Name: "x", URL: open.MCP(), Headers: map[string]string{"authorization": "Bearer x"}}, "Authorization header"},
		"type none":         {login.Target{Name: "x", URL: open.MCP(), Auth: serversfile.Auth{Type: serversfile.AuthNone}}, `"none"`},
		"a user in the url": {login.Target{Name: "x", URL: "http://u:p@127.0.0.1/mcp"}, "user name"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := login.Login(within(t), c.target, (&person{}).options(newStore(t)))
			if _, unfit := errors.AsType[*login.Unfit](err); !unfit || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want *login.Unfit with %q", err, c.want)
			}
		})
	}
}
