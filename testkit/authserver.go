package testkit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// AuthServer is a fake authorization server with an MCP server behind it, on one
// origin: what is at /mcp wants a token. Its fields are set before it is used, by the
// test, and may be changed under Change later.
type AuthServer struct {
	*httptest.Server

	mu sync.Mutex
	// Metadata and Resource may change what the two say of themselves.
	Metadata, Resource func(map[string]any)
	// Handle takes the place of what is at a path.
	Handle map[string]http.HandlerFunc
	// Lifetime of access tokens in seconds; 0 says nothing. Default 3600.
	Lifetime int
	// Scope is what /mcp wants of a token; empty is anything.
	Scope string
	// NoRefresh has no refresh tokens.
	NoRefresh bool
	// Rotate makes each refresh token good for one use.
	Rotate bool
	// TokenStatus, unless 0, is how the token endpoint answers, with TokenBody.
	TokenStatus int
	TokenBody   string
	// FreeStart lets everything through but tools/call.
	FreeStart bool

	clients  map[string]url.Values // by id: redirect_uri, secret, method
	codes    map[string]url.Values
	access   map[string]string // token → scope
	refresh  map[string]string
	requests []AuthRequest
}

// AuthRequest is one that came to the authorization server, or a call of the MCP
// server.
type AuthRequest struct {
	Path   string
	Form   url.Values
	Header http.Header
	Body   string
}

// StartAuthServer starts one. It is closed with the test.
func StartAuthServer(t testing.TB) *AuthServer {
	t.Helper()
	a := &AuthServer{
		Lifetime: 3600, Handle: map[string]http.HandlerFunc{}, clients: map[string]url.Values{}, codes: map[string]url.Values{}, access: map[string]string{}, refresh: map[string]string{},
	}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

// MCP is the address of the server that wants a token.
func (a *AuthServer) MCP() string { return a.URL + "/mcp" }

// Change changes fields while requests are answered.
func (a *AuthServer) Change(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

// Add makes a client known that did not register itself.
func (a *AuthServer) Add(id, secret, method, redirect string) {
	a.Change(func() {
		a.clients[id] = url.Values{"redirect_uri": {redirect}, "secret": {secret}, "method": {method}}
	})
}

// Requests lists what came to a path.
func (a *AuthServer) Requests(path string) []AuthRequest {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.requests), func(r AuthRequest) bool { return r.Path != path })
}

// Grants counts the requests for tokens of one type.
func (a *AuthServer) Grants(grant string) int {
	n := 0
	for _, r := range a.Requests("/token") {
		if r.Form.Get("grant_type") == grant {
			n++
		}
	}
	return n
}

// Expire forgets all access tokens, and with refresh the refresh tokens too.
func (a *AuthServer) Expire(refresh bool) {
	a.Change(func() {
		clear(a.access)
		if refresh {
			clear(a.refresh)
		}
	})
}

// Tokens lists all that was issued and is a secret.
func (a *AuthServer) Tokens() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []string
	for _, m := range []map[string]string{a.access, a.refresh} {
		for token := range m {
			list = append(list, token)
		}
	}
	for _, c := range a.clients {
		if c.Get("secret") != "" {
			list = append(list, c.Get("secret"))
		}
	}
	return list
}

// ServeHTTP implements http.Handler.
func (a *AuthServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form := r.URL.Query()
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, _ = url.ParseQuery(string(body))
	}
	a.mu.Lock()
	a.requests = append(a.requests, AuthRequest{r.URL.Path, form, r.Header.Clone(), string(body)})
	handle := a.Handle[r.URL.Path]
	a.mu.Unlock()
	if handle != nil {
		handle(w, r)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/oauth-protected-resource/mcp":
		a.describe(w, map[string]any{"resource": a.URL + "/mcp", "authorization_servers": []string{a.URL}, "scopes_supported": []string{"mcp"}}, a.Resource)
	case "/.well-known/oauth-authorization-server":
		a.describe(w, a.metadata(), a.Metadata)
	case "/register":
		a.register(w, body)
	case "/authorize":
		a.agree(w, r, true)
	case "/device":
		a.device(w, form)
	case "/token":
		a.token(w, r, form)
	case "/revoke":
		delete(a.access, form.Get("token"))
		delete(a.refresh, form.Get("token"))
	case "/mcp":
		a.mcp(w, r, body)
	default:
		http.NotFound(w, r)
	}
}

func (a *AuthServer) metadata() map[string]any {
	return map[string]any{
		"issuer": a.URL, "authorization_endpoint": a.URL + "/authorize", "token_endpoint": a.URL + "/token",
		"registration_endpoint": a.URL + "/register", "device_authorization_endpoint": a.URL + "/device", "revocation_endpoint": a.URL + "/revoke",
		"code_challenge_methods_supported": []string{"S256"}, "response_types_supported": []string{"code"},
		"token_endpoint_auth_methods_supported": []string{"none", "client_secret_basic", "client_secret_post"},
		"scopes_supported":                      []string{"mcp", "write", "offline_access"}, "authorization_response_iss_parameter_supported": true,
	}
}

func (a *AuthServer) describe(w http.ResponseWriter, m map[string]any, change func(map[string]any)) {
	if change != nil {
		change(m)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(m)
}

func (a *AuthServer) register(w http.ResponseWriter, body []byte) {
	var ask struct {
		Redirects []string `json:"redirect_uris"`
		Method    string   `json:"token_endpoint_auth_method"`
	}
	if json.Unmarshal(body, &ask) != nil || len(ask.Redirects) != 1 {
		refuse(w, http.StatusBadRequest, "invalid_redirect_uri")
		return
	}
	id := "client-" + rand.Text()
	answer := map[string]any{"client_id": id, "redirect_uris": ask.Redirects, "token_endpoint_auth_method": ask.Method}
	c := url.Values{"redirect_uri": ask.Redirects, "method": {ask.Method}}
	if ask.Method != "none" {
		c.Set("secret", "secret-"+rand.Text())
		answer["client_secret"] = c.Get("secret")
	}
	a.clients[id] = c
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(answer)
}

// Agree is the page on which a person agrees, at once, for what a test puts in its
// place. iss says who answers.
func (a *AuthServer) Agree(w http.ResponseWriter, r *http.Request, iss bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.agree(w, r, iss)
}

func (a *AuthServer) agree(w http.ResponseWriter, r *http.Request, iss bool) {
	q := r.URL.Query()
	c, known := a.clients[q.Get("client_id")]
	if !known || c.Get("redirect_uri") != q.Get("redirect_uri") || q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" {
		http.Error(w, "no such client, or another redirect address", http.StatusBadRequest)
		return
	}
	code := "code-" + rand.Text()
	a.codes[code] = q
	to, _ := url.Parse(q.Get("redirect_uri"))
	answer := url.Values{"code": {code}, "state": {q.Get("state")}}
	if iss {
		answer.Set("iss", a.URL)
	}
	to.RawQuery = answer.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}

// device answers a device with a code. The person agrees after the first question.
func (a *AuthServer) device(w http.ResponseWriter, form url.Values) {
	if _, known := a.clients[form.Get("client_id")]; !known {
		refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	code := "device-" + rand.Text()
	a.codes[code] = url.Values{"scope": {form.Get("scope")}, "resource": {form.Get("resource")}}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"device_code": code, "user_code": "WDJB-MJHT", "verification_uri": a.URL + "/device-page", "expires_in": 60, "interval": 1,
	})
}

func (a *AuthServer) token(w http.ResponseWriter, r *http.Request, form url.Values) {
	if a.TokenStatus != 0 {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.TokenStatus)
		_, _ = io.WriteString(w, a.TokenBody)
		return
	}
	if !a.knows(r, form) {
		refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	scope := form.Get("scope")
	switch form.Get("grant_type") {
	case "authorization_code":
		asked, ok := a.codes[form.Get("code")]
		sum := sha256.Sum256([]byte(form.Get("code_verifier")))
		if !ok || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") || asked.Get("redirect_uri") != form.Get("redirect_uri") || asked.Get("resource") != form.Get("resource") {
			refuse(w, http.StatusBadRequest, "invalid_grant")
			return
		}
		delete(a.codes, form.Get("code"))
		scope = asked.Get("scope")
	case "refresh_token":
		was, ok := a.refresh[form.Get("refresh_token")]
		if !ok {
			refuse(w, http.StatusBadRequest, "invalid_grant")
			return
		}
		scope = was
		if a.Rotate {
			delete(a.refresh, form.Get("refresh_token"))
		}
	case "client_credentials":
	case "urn:ietf:params:oauth:grant-type:device_code":
		asked, ok := a.codes[form.Get("device_code")]
		switch {
		case !ok || asked.Get("resource") != form.Get("resource"):
			refuse(w, http.StatusBadRequest, "expired_token")
			return
		case !asked.Has("agreed"): // The person needs a moment.
			asked.Set("agreed", "")
			refuse(w, http.StatusBadRequest, "authorization_pending")
			return
		}
		scope = asked.Get("scope")
	default:
		refuse(w, http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	a.issue(w, form.Get("grant_type"), scope)
}

func (a *AuthServer) issue(w http.ResponseWriter, grant, scope string) {
	access := "access-" + rand.Text()
	a.access[access] = scope
	answer := map[string]any{"access_token": access, "token_type": "Bearer", "scope": scope}
	if a.Lifetime != 0 {
		answer["expires_in"] = a.Lifetime
	}
	if !a.NoRefresh && grant != "client_credentials" && (grant != "refresh_token" || a.Rotate) {
		refresh := "refresh-" + rand.Text()
		a.refresh[refresh] = scope
		answer["refresh_token"] = refresh
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// knows reports whether a client shows itself as it should.
func (a *AuthServer) knows(r *http.Request, form url.Values) bool {
	id, secret, basic := r.BasicAuth()
	method := "client_secret_basic"
	if basic {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret, method = form.Get("client_id"), form.Get("client_secret"), "client_secret_post"
	}
	c, known := a.clients[id]
	return known && c.Get("secret") == secret && (secret == "" || c.Get("method") == method)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":%q}`, code)
}

// mcp is a small MCP server whose one tool says that it was called.
func (a *AuthServer) mcp(w http.ResponseWriter, r *http.Request, body []byte) {
	var m struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
	}
	_ = json.Unmarshal(body, &m)
	scope, known := a.access[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	free := a.FreeStart && m.Method != "tools/call"
	challenge := fmt.Sprintf(`Bearer resource_metadata="%s/.well-known/oauth-protected-resource/mcp"`, a.URL)
	switch {
	case free:
	case !known:
		w.Header().Set("WWW-Authenticate", challenge)
		http.Error(w, "no such token: "+r.Header.Get("Authorization"), http.StatusUnauthorized)
		return
	case a.Scope != "" && m.Method == "tools/call" && !slices.Contains(strings.Fields(scope), a.Scope):
		w.Header().Set("WWW-Authenticate", challenge+fmt.Sprintf(`, error="insufficient_scope", scope=%q`, a.Scope))
		http.Error(w, "more scopes", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	result := ""
	switch m.Method {
	case "initialize":
		result = `{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"guarded","version":"1"}}`
	case "tools/list":
		result = `{"tools":[{"name":"hello","inputSchema":{"type":"object"}}]}`
	case "tools/call":
		result = `{"content":[{"type":"text","text":"called"}]}`
	case "ping":
		result = `{}`
	}
	switch {
	case m.ID == nil:
		w.WriteHeader(http.StatusAccepted)
		return
	case result == "":
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}`, m.ID)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)
}

// Browse does what a browser does with an address: it goes there and follows where it
// is sent. It returns the address at which it ends.
func Browse(address string) (end string, err error) {
	resp, err := http.Get(address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Request.URL.String(), nil
}

// Answered returns the address to which an authorization server sends the browser,
// which does not go there.
func Answered(address string) (string, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	return resp.Header.Get("Location"), nil
}
