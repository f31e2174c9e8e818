package serversfile

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
)

// AuthType says who logs in to a url server.
type AuthType string

// The types of "gateway.auth". The zero value is AuthOAuth, once somebody has logged
// in.
const (
	// AuthOAuth is a person, by "gatehouse login".
	AuthOAuth AuthType = "oauth"
	// AuthClientCredentials is the gateway by itself, with a client of its own.
	AuthClientCredentials AuthType = "client_credentials"
	// AuthNone is nobody: what the server refuses is refused.
	AuthNone AuthType = "none"
)

// Auth is the "gateway.auth" object of an entry: what discovery cannot find out.
type Auth struct {
	Type AuthType
	// ClientID and ClientSecret are of a client that was registered by hand; both may
	// have variables.
	ClientID, ClientSecret string
	// ClientMetadataURL is where a client describes itself, in place of an id.
	ClientMetadataURL string
	Scopes            []string // overrule all that servers ask for
	Issuer            string   // the authorization server to insist on
	Resource          *string  // the resource parameter; empty sends none, nil what discovery says
	Account           string   // tells two logins for one address apart
	Method            string   // how the secret is shown at the token endpoint
	// Params are more parameters of the authorization request.
	Params map[string]string
	// RedirectURI and CallbackPort are of a registered client's redirect address.
	RedirectURI  string
	CallbackPort int
}

// LogsIn reports whether "gatehouse login" is for the entry: a person's login can
// help where its server refuses.
func (e Entry) LogsIn() bool {
	return e.Transport != Stdio && !e.hasAuthorization() && (e.Auth.Type == "" || e.Auth.Type == AuthOAuth)
}

// hasAuthorization reports whether the entry says itself what its server is shown.
func (e Entry) hasAuthorization() bool {
	for name := range e.Headers {
		if strings.EqualFold(name, "Authorization") {
			return true
		}
	}
	return false
}

// Codes of the problems of "gateway.auth".
const (
	codeBadAuth    = "bad-auth"
	codeAuthUnused = "auth-unused"
)

// authParams are parameters of the request that are not for an entry to set.
var authParams = []string{
	"client_id", "client_secret", "code_challenge", "code_challenge_method", "redirect_uri", "request", "request_uri",
	"resource", "response_mode", "response_type", "scope", "state",
}

// auth reads the "auth" object of the settings.
func (r *entryReader) auth(n *jsondoc.Node, path string) {
	a := &r.entry.Auth
	r.settingKeys(n, path, jsondoc.Keys{
		{Name: "type", Read: r.authType},
		{Name: "client_id", Read: r.text(&a.ClientID, "")},
		{Name: "client_secret", Read: r.text(&a.ClientSecret, `write "${NAME}", with the variable that has it`)},
		{Name: "client_metadata_url", Read: r.authURL(&a.ClientMetadataURL)},
		{Name: "scopes", Read: func(n *jsondoc.Node, path string) { a.Scopes = r.scopes(n, path) }},
		{Name: "issuer", Read: r.authURL(&a.Issuer)},
		{Name: "resource", Read: r.authResource},
		{Name: "account", Read: r.text(&a.Account, "")},
		{Name: "token_endpoint_auth_method", Read: r.authMethod},
		{Name: "params", Read: r.authParams},
		{Name: "redirect_uri", Read: r.redirectURI},
		{Name: "callback_port", Read: whole(r, 1, 65535, &a.CallbackPort)},
	})
	if n.Kind == jsondoc.KindObject {
		r.authTogether(n, path)
	}
}

func (r *entryReader) authType(n *jsondoc.Node, path string) {
	if !r.wantKind(n, path, jsondoc.KindString, "a string", "") {
		return
	}
	switch t := AuthType(n.Text()); t {
	case AuthOAuth, AuthClientCredentials, AuthNone:
		r.entry.Auth.Type = t
	default:
		r.Add(n.Pos(), jsondoc.Error, path, codeBadAuth, `"oauth" is what an entry without it means`, `must be "oauth", "client_credentials" or "none"`)
	}
}

// authURL makes a reader of an https address.
func (r *entryReader) authURL(to *string) func(*jsondoc.Node, string) {
	return func(n *jsondoc.Node, path string) {
		r.text(to, "")(n, path)
		if *to != "" && !strings.Contains(*to, "${") && !isHTTPS(*to) {
			r.Add(n.Pos(), jsondoc.Error, path, codeBadAuth, "", "must be an https address (http is for this machine only)")
		}
	}
}

func isHTTPS(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && onLoopback(u))
}

func onLoopback(u *url.URL) bool {
	a, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && a.IsLoopback()
}

// scopes reads a list of scopes, or one text with spaces between them.
func (r *entryReader) scopes(n *jsondoc.Node, path string) []string {
	if n.Kind == jsondoc.KindString {
		return strings.Fields(n.Text())
	}
	list := r.texts(n, path)
	if slices.ContainsFunc(list, func(s string) bool { return s == "" || strings.ContainsAny(s, " \"\\") }) {
		r.Add(n.Pos(), jsondoc.Error, path, codeBadAuth, `write each one by itself: ["...", "..."]`, "a scope has no spaces, quotes or backslashes")
	}
	return list
}

// authResource reads the resource, which may be empty.
func (r *entryReader) authResource(n *jsondoc.Node, path string) {
	if r.wantString(n, path) {
		text := n.Text()
		r.entry.Auth.Resource = &text
	}
}

func (r *entryReader) authMethod(n *jsondoc.Node, path string) {
	if !r.wantKind(n, path, jsondoc.KindString, "a string", "") {
		return
	}
	switch n.Text() {
	case "none", "client_secret_basic", "client_secret_post":
		r.entry.Auth.Method = n.Text()
	default:
		r.Add(n.Pos(), jsondoc.Error, path, codeBadAuth, "", `must be "client_secret_basic", "client_secret_post" or "none"`)
	}
}

func (r *entryReader) authParams(n *jsondoc.Node, path string) {
	r.entry.Auth.Params = r.textMap(n, path, func(m jsondoc.Member, at string) {
		if m.Key == "" || slices.Contains(authParams, m.Key) {
			r.Add(m.KeyPos(), jsondoc.Error, at, codeBadAuth, "remove it", "this parameter is the gateway's to set")
		}
	})
}

// redirectURI reads the address that a client was registered with: on this machine,
// or any https one for logins with --manual.
func (r *entryReader) redirectURI(n *jsondoc.Node, path string) {
	a := &r.entry.Auth
	r.text(&a.RedirectURI, "")(n, path)
	u, err := url.Parse(a.RedirectURI)
	if a.RedirectURI != "" && (err != nil || !isHTTPS(a.RedirectURI) || u.Fragment != "") {
		r.Add(n.Pos(), jsondoc.Error, path, codeBadAuth, `for example "http://127.0.0.1:8765/callback"`, "must be an address on this machine, or an https one")
	}
}

// authTogether checks what must go together.
func (r *entryReader) authTogether(n *jsondoc.Node, path string) {
	a := r.entry.Auth
	add := func(key, hint, text string) {
		at := n.Pos()
		if m := n.Member(key); m != nil {
			at = m.Pos()
		}
		r.Add(at, jsondoc.Error, jsondoc.KeyPath(path, key), codeBadAuth, hint, "%s", text)
	}
	switch {
	case a.Type == AuthClientCredentials && (a.ClientID == "" || a.ClientSecret == ""):
		add("type", "", `"client_credentials" needs client_id and client_secret`)
	case a.ClientSecret != "" && a.ClientID == "":
		add("client_secret", "set client_id too", "is of no use without client_id")
	case a.ClientID != "" && a.ClientMetadataURL != "":
		add("client_metadata_url", "remove one of them", "cannot be together with client_id")
	}
}

// authUnused warns of "auth" where it changes nothing.
func (r *entryReader) authUnused() {
	n := r.member("gateway").Member("auth")
	if n == nil || n.Kind == jsondoc.KindNull {
		return
	}
	path := jsondoc.KeyPath(jsondoc.KeyPath(r.path, "gateway"), "auth")
	switch {
	case r.entry.Transport == Stdio:
		r.Add(n.Pos(), jsondoc.Warning, path, codeAuthUnused, "remove it", `has no effect together with "command"`)
	case r.entry.hasAuthorization() && r.entry.Auth.Type != AuthNone:
		r.Add(n.Pos(), jsondoc.Warning, path, codeAuthUnused, "remove one of them", "has no effect: the entry has an Authorization header of its own")
	}
}

// seedAuth reads the key "auth" of an entry: "oauth" means what an entry without it
// means.
func (r *entryReader) seedAuth(m jsondoc.Member) bool {
	return m.Key == "auth" && m.Value.Kind == jsondoc.KindString && m.Value.Text() == "oauth"
}
