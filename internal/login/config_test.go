package login_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"gatehouse/internal/login"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

// freePort is a port that the system gives to nobody meanwhile.
func freePort(t *testing.T) int {
	t.Helper()
	return int(netip.MustParseAddrPort(testkit.FreeAddress(t)).Port())
}

// What an entry says of its login overrules what discovery finds.
func TestLogin_asTheEntrySays(t *testing.T) {
	t.Parallel()
	empty := ""
	cases := map[string]struct {
		prepare func(t *testing.T, a *testkit.AuthServer, auth *serversfile.Auth)
		check   func(t *testing.T, a *testkit.AuthServer, ask map[string]string)
	}{
		"a registered client": {
			func(t *testing.T, a *testkit.AuthServer, auth *serversfile.Auth) {
				t.Helper()
				port := freePort(t)
				a.Add("app", "top+secret", "client_secret_basic", fmt.Sprintf("http://127.0.0.1:%d/callback", port))
				a.Metadata = func(m map[string]any) {
					delete(m, "registration_endpoint")
					m["token_endpoint_auth_methods_supported"] = []string{"client_secret_basic"}
				}
				*auth = serversfile.Auth{ClientID: "app", ClientSecret: "top+secret", CallbackPort: port}
			},
			func(t *testing.T, a *testkit.AuthServer, ask map[string]string) {
				t.Helper()
				if n := len(a.Requests("/register")); n != 0 || ask["client_id"] != "app" {
					t.Errorf("got %d registrations and the client %q, want none and app", n, ask["client_id"])
				}
			},
		},
		"a redirect address": {
			func(t *testing.T, a *testkit.AuthServer, auth *serversfile.Auth) {
				t.Helper()
				redirect := fmt.Sprintf("http://localhost:%d/oauth/cb", freePort(t))
				a.Add("app", "", "none", redirect)
				*auth = serversfile.Auth{ClientID: "app", RedirectURI: redirect}
			},
			func(t *testing.T, _ *testkit.AuthServer, ask map[string]string) {
				t.Helper()
				if !strings.HasPrefix(ask["redirect_uri"], "http://localhost:") {
					t.Errorf("got the redirect address %q, want it as it was registered", ask["redirect_uri"])
				}
			},
		},
		"no resource": {
			func(_ *testing.T, _ *testkit.AuthServer, auth *serversfile.Auth) { auth.Resource = &empty },
			func(t *testing.T, a *testkit.AuthServer, ask map[string]string) {
				t.Helper()
				if _, sent := a.Requests("/token")[0].Form["resource"]; sent || ask["resource"] != "" {
					t.Errorf("got the resource %q in the request, want none", ask["resource"])
				}
			},
		},
		"another issuer": {
			func(_ *testing.T, a *testkit.AuthServer, auth *serversfile.Auth) {
				auth.Issuer = "https://accounts.example.com"
				a.Metadata = func(m map[string]any) {
					m["issuer"] = auth.Issuer
					m["authorization_response_iss_parameter_supported"] = false
				}
				a.Handle["/authorize"] = func(w http.ResponseWriter, r *http.Request) {
					a.Agree(w, r, false)
				}
			},
			func(*testing.T, *testkit.AuthServer, map[string]string) {},
		},
		"scopes and parameters": {
			func(_ *testing.T, _ *testkit.AuthServer, auth *serversfile.Auth) {
				auth.Scopes, auth.Params = []string{"write"}, map[string]string{"access_type": "offline"}
			},
			func(t *testing.T, _ *testkit.AuthServer, ask map[string]string) {
				t.Helper()
				if ask["scope"] != "write" || ask["access_type"] != "offline" || ask["prompt"] != "" {
					t.Errorf("got %v, want the scope write, access_type, and no prompt", ask)
				}
			},
		},
		"a client that describes itself": {
			func(t *testing.T, a *testkit.AuthServer, auth *serversfile.Auth) {
				t.Helper()
				auth.ClientMetadataURL, auth.CallbackPort = "https://me.example.com/client.json", freePort(t)
				a.Metadata = func(m map[string]any) { m["client_id_metadata_document_supported"] = true }
				a.Add(auth.ClientMetadataURL, "", "none", fmt.Sprintf("http://127.0.0.1:%d/callback", auth.CallbackPort))
			},
			func(t *testing.T, a *testkit.AuthServer, ask map[string]string) {
				t.Helper()
				if n := len(a.Requests("/register")); n != 0 || ask["client_id"] != "https://me.example.com/client.json" {
					t.Errorf("got %d registrations and the client %q, want none and the address", n, ask["client_id"])
				}
			},
		},
		"a server that describes itself nowhere": {
			func(_ *testing.T, a *testkit.AuthServer, _ *serversfile.Auth) {
				a.Handle["/.well-known/oauth-protected-resource/mcp"] = nowhere
			},
			func(t *testing.T, a *testkit.AuthServer, ask map[string]string) {
				t.Helper()
				if ask["resource"] != a.MCP() {
					t.Errorf("got the resource %q, want its address", ask["resource"])
				}
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s, p := testkit.StartAuthServer(t), newStore(t), &person{}
			tg := target(a)
			c.prepare(t, a, &tg.Auth)
			if _, err := login.Login(within(t), tg, p.options(s)); err != nil {
				t.Fatal(err)
			}
			ask := map[string]string{}
			for name, values := range query(t, p.opened) {
				ask[name] = values[0]
			}
			c.check(t, a, ask)
		})
	}
}
