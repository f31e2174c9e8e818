//go:build unix

package e2e_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestLogin_serverThatWantsOne_saysSo(t *testing.T) {
	h := host(t, nil, nil)
	h.Await(t, "server needs auth", "server", "notes")
	h.wantsLogin(t)
}

func TestLogin_findsTheAuthorizationServer_whereverItIsNamed(t *testing.T) {
	for name, options := range map[string]worldOptions{
		"the challenge names it":                      {"discovery": "challenge"},
		"metadata beside the server's path":           {"discovery": "path"},
		"metadata at the root":                        {"discovery": "root"},
		"a 401 without WWW-Authenticate":              {"discovery": "bare"},
		"no metadata: the server's own origin":        {"discovery": "origin"},
		"401 at tools/call only":                      {"late": true},
		"an issuer with a path, RFC 8414":             {"issuerPath": "/tenant", "metadata": "oauth"},
		"an issuer with a path, OpenID, inserted":     {"issuerPath": "/tenant", "metadata": "openid"},
		"an issuer with a path, OpenID, at its end":   {"issuerPath": "/tenant", "metadata": "appended"},
		"the servers' clock is ten minutes ahead":     {"clock": 600},
		"the servers' clock is ten minutes behind us": {"clock": -600},
	} {
		t.Run(name, func(t *testing.T) {
			h := host(t, options, nil)
			if options["late"] == true {
				h.Await(t, "server ready", "server", "notes")
			}
			h.wantsLogin(t)
			h.logIn(t, "ada")
			h.is(t, "ada")
		})
	}
}

// TestLogin_asksAsTheSpecificationWants looks at the requests of a whole life:
// login, renewal, logout.
func TestLogin_asksAsTheSpecificationWants(t *testing.T) {
	h := host(t, nil, nil)
	h.logIn(t, "ada")
	h.order(t, "expire", nil)
	h.is(t, "ada")
	registrations := h.seen(t, route("registration"))
	if len(registrations) != 1 || registrations[0].Application != "native" {
		t.Errorf("got the registrations %+v, want one native application", registrations)
	}
	tokens := h.seen(t, route("token"))
	if len(tokens) != 2 || tokens[0].Grant != "authorization_code" || tokens[1].Grant != "refresh_token" {
		t.Errorf("got the token requests %+v, want a code and a refresh", tokens)
	}
	for _, request := range append(h.seen(t, route("authorization")), tokens...) {
		if request.Resource != h.Resource {
			t.Errorf("a request to %s names the resource %q, want %q", request.Route, request.Resource, h.Resource)
		}
	}
	for _, request := range h.seen(t, route("authorization")) {
		if !strings.Contains(request.Scope, "notes:read") || !strings.Contains(request.Scope, "offline_access") || request.Prompt != "consent" {
			t.Errorf("asked for %q with prompt %q, want notes:read, offline_access and consent", request.Scope, request.Prompt)
		}
	}
}

func TestLogin_statusSaysForWhomAndUntilWhen(t *testing.T) {
	h := host(t, nil, nil)
	h.wantsLogin(t)
	if got := h.auth(t); got.State != "needs-auth" && got.State != "none" {
		t.Errorf("before the login the status says %+v, want that there is none", got)
	}
	h.logIn(t, "ada")
	got := h.auth(t)
	if got.Issuer != h.Issuer || got.Expires == "" || !got.Renews {
		t.Errorf("after the login the status says %+v, want the issuer %s, an end, and that it renews by itself", got, h.Issuer)
	}
}

func TestLogin_withoutARefreshToken_doesNotPromiseToRenew(t *testing.T) {
	h := host(t, worldOptions{"refresh": false}, nil)
	h.logIn(t, "ada")
	if got := h.auth(t); got.Renews {
		t.Errorf("the status says %+v, want that it does not renew by itself", got)
	}
	h.order(t, "expire", nil)
	h.wantsLogin(t)
	h.logIn(t, "ada")
	h.is(t, "ada")
}

func TestLogout_revokesAndForgets(t *testing.T) {
	h := host(t, nil, nil)
	h.logIn(t, "ada")
	h.run(t, "logout", "notes").ends(0)
	h.wantsLogin(t)
	revoked := h.seen(t, route("revocation"))
	if len(revoked) == 0 || revoked[0].Status != 200 || revoked[0].Hint == "access_token" {
		t.Errorf("got the revocations %+v, want the refresh token's first", revoked)
	}
	if list := h.run(t, "login", "--list").ends(0); strings.Contains(list, h.Issuer) {
		t.Errorf("after the logout the list is %q, want nothing of %s", list, h.Issuer)
	}
	h.logIn(t, "grace")
	h.is(t, "grace")
}

func TestLogin_ofARegisteredClient(t *testing.T) {
	client := map[string]any{
		"client_id": "gatehouse-of-the-test", "application_type": "native", "token_endpoint_auth_method": "none",
		"redirect_uris": []string{"http://127.0.0.1:14533/callback"}, "grant_types": []string{"authorization_code", "refresh_token"},
	}
	secret := map[string]any{
		"client_id": "with-a-secret", "client_secret": "the client's, not the person's", "application_type": "native",
		"token_endpoint_auth_method": "client_secret_basic",
		"redirect_uris":              []string{"http://127.0.0.1:14533/callback"}, "grant_types": []string{"authorization_code", "refresh_token"},
	}
	options := worldOptions{"registration": false, "clients": []any{client, secret}}
	t.Run("nobody has registered one", func(t *testing.T) {
		h := host(t, options, nil)
		if said := h.run(t, "login", "notes").ends(1); !strings.Contains(said, "client_id") {
			t.Errorf("the login says %q, want the key client_id", said)
		}
		h.wantsLogin(t)
	})
	t.Run("a public one", func(t *testing.T) {
		h := host(t, options, map[string]any{"client_id": "gatehouse-of-the-test"})
		h.logIn(t, "ada")
		h.order(t, "expire", nil)
		h.is(t, "ada")
	})
	t.Run("one with a secret, which comes by a variable", func(t *testing.T) {
		h := newWorld(t, options).host(t, map[string]any{"client_id": "with-a-secret", "client_secret": "${NOTES_SECRET}"},
			"NOTES_SECRET=the client's, not the person's")
		h.logIn(t, "ada")
		h.order(t, "expire", nil)
		h.is(t, "ada")
	})
}

// TestLogin_twoAccountsOfOneServer has two entries with one address, each with a
// name for its account.
func TestLogin_twoAccountsOfOneServer(t *testing.T) {
	w := newWorld(t, nil)
	h := w.hostWith(t, testkit.Servers{
		"notes": withAuth(w.Resource, map[string]any{"account": "mine"}),
		"ours":  withAuth(w.Resource, map[string]any{"account": "the team's"}),
	})
	people := map[string]string{"notes": "ada", "ours": "grace"}
	for server, name := range people {
		login := h.run(t, "login", server)
		newPerson(t, name, false).agrees(t, h.desk.opened(t, login))
		login.ends(0)
	}
	for server, name := range people {
		if got := whoami(t, h.agent(t), server); got != name {
			t.Errorf("%s serves %q, want %q", server, got, name)
		}
	}
}

// address is one that a command prints for a person to open.
var address = regexp.MustCompile(`(?m)(http://127\.0\.0\.1:\d+/\S+)`)

func TestLogin_manual_takesTheAddressWhereTheBrowserEnded(t *testing.T) {
	h := host(t, nil, nil)
	login := h.run(t, "login", "notes", "--manual")
	end, _ := newPerson(t, "ada", true).agrees(t, login.await("an address", address))
	login.says(end)
	login.ends(0)
	h.is(t, "ada")
}

func TestLogin_manual_anotherState_isRefused(t *testing.T) {
	h := host(t, nil, nil)
	login := h.run(t, "login", "notes", "--manual")
	end, _ := newPerson(t, "ada", true).agrees(t, login.await("an address", address))
	u, err := url.Parse(end)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("state", "somebody else's")
	u.RawQuery = q.Encode()
	login.says(u.String())
	login.hangsUp()
	login.ends(1)
	if got := h.seen(t, route("token")); len(got) > 0 {
		t.Errorf("got the token requests %+v, want none", got)
	}
	h.wantsLogin(t)
}

func TestLogin_device(t *testing.T) {
	h := host(t, nil, nil)
	login := h.run(t, "login", "notes", "--device")
	newPerson(t, "ada", false).agrees(t, login.await("an address", address))
	login.ends(0)
	h.is(t, "ada")
	h.order(t, "expire", nil)
	h.is(t, "ada")
}

// TestLogin_killedBetweenCodeAndToken_canBeDoneAgain ends a login at its worst
// moment: the code is used up, and the tokens have not come.
func TestLogin_killedBetweenCodeAndToken_canBeDoneAgain(t *testing.T) {
	h := host(t, nil, nil)
	h.order(t, "hold", nil)
	login := h.run(t, "login", "notes")
	opened := h.desk.opened(t, login)
	person, agreed := newPerson(t, "ada", false), make(chan struct{})
	go func() {
		defer close(agreed)
		_, _ = person.visits(opened) // The login dies under it.
	}()
	testkit.Eventually(t, "the code is exchanged", func() bool {
		return len(h.seen(t, func(a asked) bool { return a.Held })) > 0
	})
	login.kill()
	<-agreed
	h.order(t, "release", nil)
	h.wantsLogin(t)
	h.logIn(t, "ada")
	h.is(t, "ada")
}

func TestLogin_clientCredentials_needsNoPerson(t *testing.T) {
	client := map[string]any{
		"client_id": "machine", "client_secret": "of the machine", "token_endpoint_auth_method": "client_secret_basic",
		"redirect_uris": []string{}, "response_types": []string{}, "grant_types": []string{"client_credentials"},
	}
	w := newWorld(t, worldOptions{"registration": false, "clients": []any{client}})
	h := w.host(t, map[string]any{"type": "client_credentials", "client_id": "machine", "client_secret": "of the machine"})
	h.Await(t, "server ready", "server", "notes")
	var v struct{ Client string }
	text := h.agent(t).Execute(t, "notes", "whoami", map[string]any{}).Good(t).Text
	if err := json.Unmarshal([]byte(text), &v); err != nil || v.Client != "machine" {
		t.Errorf("the server serves %s, want the client \"machine\"", text)
	}
}
