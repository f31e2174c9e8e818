package login_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/internal/login"
	"gatehouse/testkit"
)

func nowhere(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// answerWith sends the browser back with an answer made of the right one.
func answerWith(change func(url.Values)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		answer := url.Values{"state": {q.Get("state")}, "iss": {"http://" + r.Host}, "code": {"code-x"}}
		change(answer)
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+answer.Encode(), http.StatusFound)
	}
}

// Each of these lies about itself, or about others. The login ends with a sentence, and
// nothing is kept of it.
func TestLogin_withAServerThatLies_endsInASentence(t *testing.T) {
	t.Parallel()
	metadata := func(key string, value any) func(*testkit.AuthServer) {
		return func(a *testkit.AuthServer) { a.Metadata = func(m map[string]any) { m[key] = value } }
	}
	answer := func(change func(url.Values)) func(*testkit.AuthServer) {
		return func(a *testkit.AuthServer) { a.Handle["/authorize"] = answerWith(change) }
	}
	token := func(status int, body string) func(*testkit.AuthServer) {
		return func(a *testkit.AuthServer) { a.TokenStatus, a.TokenBody = status, body }
	}
	at := func(path string, handle http.HandlerFunc) func(*testkit.AuthServer) {
		return func(a *testkit.AuthServer) { a.Handle[path] = handle }
	}
	const serverPlace, resourcePlace = "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/mcp"
	cases := map[string]struct {
		lie  func(*testkit.AuthServer)
		want string
	}{
		"another issuer in the metadata": {metadata("issuer", "https://evil.example.com"), "set gateway.auth.issuer"},
		"no issuer":                      {metadata("issuer", nil), "name no issuer"},
		"no PKCE":                        {metadata("code_challenge_methods_supported", nil), "PKCE"},
		"only plain PKCE":                {metadata("code_challenge_methods_supported", []string{"plain"}), "PKCE"},
		"a token endpoint of a cloud":    {metadata("token_endpoint", "https://169.254.169.254/latest"), "169.254.169.254"},
		"the same, as a number in IPv6":  {metadata("token_endpoint", "https://[::ffff:a9fe:a9fe]/latest"), "reserved"},
		"a token endpoint in a network":  {metadata("token_endpoint", "https://10.0.0.1/token"), "private"},
		"a token endpoint without TLS":   {metadata("token_endpoint", "http://auth.example.com/token"), "https://"},
		"a page that is a file":          {metadata("authorization_endpoint", "file:///etc/passwd"), "not a url"},
		"a page that is an option":       {metadata("authorization_endpoint", "--proxy-server=evil"), "not a url"},
		"a page in a network":            {metadata("authorization_endpoint", "https://192.168.1.1/admin"), "private"},
		"a registration in a network":    {metadata("registration_endpoint", "https://[fd00::1]/r"), "private"},
		"no token endpoint":              {metadata("token_endpoint", ""), "no token endpoint"},
		"no registration":                {metadata("registration_endpoint", ""), "gateway.auth.client_id"},
		"metadata of 10 MB":              {at(serverPlace, flood), "longer than 1 MiB"},
		"a resource of 10 MB":            {at(resourcePlace, flood), "longer than 1 MiB"},
		"endless redirects": {at(serverPlace, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"?again", http.StatusFound)
		}), "302"},
		"a redirect into a network": {at(serverPlace, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://10.1.2.3/", http.StatusFound)
		}), "private"},
		"metadata that break off":   {at(serverPlace, cut), "cannot read the metadata"},
		"metadata that are no JSON": {at(serverPlace, text(200, "{nonsense")), "not valid JSON"},
		"metadata that fail":        {at(serverPlace, text(503, "")), "503"},
		"another resource": {func(a *testkit.AuthServer) {
			a.Resource = func(m map[string]any) { m["resource"] = "https://other.example.com/mcp" }
		}, "another resource"},
		"a server without TLS elsewhere": {func(a *testkit.AuthServer) {
			a.Resource = func(m map[string]any) { m["authorization_servers"] = []string{"http://10.0.0.9"} }
		}, "https://"},
		"an answer of another issuer": {answer(func(q url.Values) { q.Set("iss", "https://evil.example.com") }), "another authorization server"},
		"an error of another issuer":  {answer(func(q url.Values) { q.Set("iss", "x"); q.Set("error", "SHOWN-NEVER") }), "another authorization server"},
		"an answer of no issuer":      {answer(func(q url.Values) { q.Del("iss") }), "does not say who sends it"},
		"access denied":               {answer(func(q url.Values) { q.Set("error", "access_denied"); q.Set("error_description", "no\x1b[31m way") }), "refused on the page"},
		"an answer without a code":    {answer(func(q url.Values) { q.Del("code") }), "no code"},
		"a code for somebody else":    {answer(func(url.Values) {}), "invalid_grant"},
		"tokens that are no JSON":     {token(200, "<html>"), "something else than tokens"},
		"no token":                    {token(200, "{}"), "something else than tokens"},
		"a token with a line end":     {token(200, `{"access_token":"a\r\nX: y","token_type":"Bearer"}`), "fits no header"},
		"a token that is too long":    {token(200, `{"access_token":"`+strings.Repeat("a", 50<<10)+`","token_type":"Bearer"}`), "fits no header"},
		"a token of another type":     {token(200, `{"access_token":"a","token_type":"mac"}`), `"MAC"`},
		"a token endpoint that redirects": {at("/token", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example.com/", http.StatusTemporaryRedirect)
		}), "redirects"},
		"a registration without an id": {at("/register", text(201, "{}")), "refuses to register"},
		"a registration that fails":    {at("/register", text(400, `{"error":"invalid_client_metadata","error_description":"no"}`)), "invalid_client_metadata (no)"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s, p := testkit.StartAuthServer(t), newStore(t), &person{}
			c.lie(a)
			_, err := login.Login(within(t), target(a), p.options(s))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
			if strings.Contains(err.Error(), "SHOWN-NEVER") || strings.ContainsAny(err.Error(), "\x1b\r\n") {
				t.Errorf("got %q, want one line of nothing but what may be shown", err)
			}
			if list := s.List(); len(list) != 0 {
				t.Errorf("got %d credentials kept, want none", len(list))
			}
		})
	}
}

func flood(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"issuer":"`)
	for range 10 {
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	}
}

func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, "{")
}

func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}
}

// A server may repeat what it was sent. It is not shown.
func TestLogin_withAServerThatRepeatsSecrets_showsNone(t *testing.T) {
	t.Parallel()
	a, s, p := testkit.StartAuthServer(t), newStore(t), &person{}
	var sent url.Values
	a.Handle["/token"] = func(w http.ResponseWriter, _ *http.Request) {
		requests := a.Requests("/token")
		sent = requests[len(requests)-1].Form
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"%s and %s"}`, sent.Get("code"), sent.Get("code_verifier"))
	}
	_, err := login.Login(within(t), target(a), p.options(s))
	if err == nil || !strings.Contains(err.Error(), "[redacted") {
		t.Fatalf("got %v, want a refusal with what it repeats taken out", err)
	}
	for _, name := range []string{"code", "code_verifier"} {
		if strings.Contains(err.Error(), sent.Get(name)) {
			t.Errorf("got %v, want it without the %s", err, name)
		}
	}
}
