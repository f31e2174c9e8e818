package httpauth_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/httpauth"
	"gatehouse/internal/identity"
)

const (
	plain   = "gatehouse_plainPlainPlainPlainPlainPlainPlain"
	expired = "gatehouse_endedEndedEndedEndedEndedEndedEnded"
)

func credentials(withJWT bool) *identity.Set {
	c := identity.Credentials{Tokens: []identity.Token{
		{ID: "alice", Agents: []string{"backend", "reader"}, Digest: identity.DigestOf(plain)},
		{ID: "old", Agents: []string{"backend"}, Digest: identity.DigestOf(expired), Expires: time.Unix(1, 0)},
	}}
	if withJWT {
		c.JWT = &identity.JWT{Issuer: issuer, Audience: audience, KeysFile: "keys.json", AgentClaim: "agents"}
	}
	return identity.Compile(c)
}

func gate(set *identity.Set, keys *counted, pinned []string, log *slog.Logger) *httpauth.Gate {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return httpauth.NewGate(httpauth.Options{
		Credentials: func() *identity.Set { return set }, Keys: fileStore(keys), Pinned: pinned,
		MetadataURL: "https://gw.example.com/.well-known/oauth-protected-resource/mcp", Log: log,
	})
}

func TestAuthorize_whereNobodyIsAsked_letsInAnonymously(t *testing.T) {
	for name, set := range map[string]*identity.Set{"nil": nil, "empty": identity.Compile(identity.Credentials{})} {
		w, c := ask(gate(set, &counted{}, nil, nil), "Bearer whatever")
		if c == nil || c.Credential != "" || c.Agents != nil {
			t.Errorf("%s: got %v, status %d, want a caller that is not pinned", name, c, w.Code)
		}
	}
}

// Whoever asked for a surface is told of the metadata that name it.
func TestAuthorize_theChallenge_namesTheSurface(t *testing.T) {
	for path, want := range map[string]string{
		"/mcp": "/mcp", "/all/mcp": "/all/mcp", "/servers/my%20db/mcp": "/servers/my%20db/mcp", "/servers/x%22%3E/mcp": "/servers/x%22%3E/mcp", "/other": "/mcp",
	} {
		w := httptest.NewRecorder()
		gate(credentials(true), &counted{}, nil, nil).Authorize(w, httptest.NewRequest(http.MethodPost, path, http.NoBody))
		if got := w.Header().Get("WWW-Authenticate"); !strings.HasSuffix(got, ` resource_metadata="https://gw.example.com/.well-known/oauth-protected-resource`+want+`"`) {
			t.Errorf("%s: got %s, want the metadata of %s", path, got, want)
		}
	}
}

// A token that is meant for a surface opens that one alone; one for the gateway opens
// all. Which servers there are does not matter.
func TestAuthorize_tokensMeantForASurface_openThatOne(t *testing.T) {
	const gw = "https://gw.example.com"
	k := newKey(t, "k1")
	g := gate(credentials(true), &counted{answer: published(t, k)}, nil, nil)
	for _, c := range []struct {
		audience any
		path     string
		in       bool
	}{
		{gw + "/mcp", "/mcp", true},
		{gw + "/mcp", "/servers/db/mcp", true},
		{gw + "/mcp", "/all/mcp", true},
		{gw + "/servers/db/mcp", "/servers/db/mcp", true},
		{gw + "/servers/db/mcp", "/servers/db/mcp/", true},
		{gw + "/servers/db/mcp", "/servers/%64b/mcp", true},
		{gw + "/servers/my%20db/mcp", "/servers/my%20db/mcp", true},
		{[]string{"https://other.example.com", gw + "/servers/db/mcp"}, "/servers/db/mcp", true},
		{gw + "/all/mcp", "/all/mcp", true},
		{gw + "/servers/all/mcp", "/servers/all/mcp", true},
		{gw + "/servers/db/mcp", "/mcp", false},
		{gw + "/servers/db/mcp", "/all/mcp", false},
		{gw + "/servers/db/mcp", "/servers/web/mcp", false},
		{gw + "/servers/db/mcp", "/servers/db", false},
		{gw + "/all/mcp", "/servers/all/mcp", false},
		{gw + "/all/mcp", "/servers/db/mcp", false},
		{gw + "/all/mcp", "/mcp", false},
		{gw + "/servers/all/mcp", "/all/mcp", false},
		{gw + "/servers/a%2Fb/mcp", "/servers/a/b/mcp", false},
		{gw + "/servers/db", "/servers/db/mcp", false},
		{gw + "/servers/DB/mcp", "/servers/db/mcp", false},
		{"https://other.example.com/servers/db/mcp", "/servers/db/mcp", false},
		{"/servers/db/mcp", "/servers/db/mcp", false},
	} {
		w, caller := askAt(g, c.path, "Bearer "+k.tokenFor(t, c.audience, "backend"))
		if got := caller != nil; got != c.in || !c.in && w.Code != http.StatusUnauthorized {
			t.Errorf("a token for %v at %s: let in is %v with status %d, want %v", c.audience, c.path, got, w.Code, c.in)
		}
	}
}

func TestAuthorize_headers(t *testing.T) {
	k := newKey(t, "k1")
	stranger := newKey(t, "k1")
	const noChallenge = ""
	const metadata = `, resource_metadata="https://gw.example.com/.well-known/oauth-protected-resource/mcp"`
	const unknown = `Bearer realm="gatehouse", error="invalid_token", error_description="the token is not accepted"` + metadata
	const malformed = `Bearer realm="gatehouse", error="invalid_request", error_description="send one Authorization header: Bearer and a token"` + metadata
	cases := []struct {
		name      string
		headers   []string
		status    int // 200 is let in
		who       string
		challenge string
	}{
		{"a token", []string{"Bearer " + plain}, 200, "alice", noChallenge},
		{"the scheme in another case", []string{"bEARER " + plain}, 200, "alice", noChallenge},
		{"an access token", []string{"Bearer " + k.token(t, "backend")}, 200, "jwt:alice", noChallenge},
		{"none", nil, 401, "", `Bearer realm="gatehouse"` + metadata},
		{"another scheme", []string{"Basic " + plain}, 401, "", `Bearer realm="gatehouse"` + metadata},
		{"the token alone", []string{plain}, 401, "", `Bearer realm="gatehouse"` + metadata},
		{"an empty token", []string{"Bearer "}, 400, "", malformed},
		{"two headers", []string{"Bearer " + plain, "Bearer " + plain}, 400, "", malformed},
		{"two tokens", []string{"Bearer " + plain + " " + plain}, 400, "", malformed},
		{"two tokens with a comma", []string{"Bearer " + plain + "," + plain}, 400, "", malformed},
		{"control characters", []string{"Bearer " + plain + "\x00"}, 400, "", malformed},
		{"a huge one", []string{"Bearer " + strings.Repeat("a", 1<<20)}, 400, "", malformed},
		{"the token in another case", []string{"Bearer " + strings.ToLower(plain)}, 401, "", unknown},
		{"a token cut short", []string{"Bearer " + plain[:40]}, 401, "", unknown},
		{"the hash of a token", []string{"Bearer " + identity.DigestOf(plain).String()}, 401, "", unknown},
		{
			"an expired token",
			[]string{"Bearer " + expired},
			401, "",
			`Bearer realm="gatehouse", error="invalid_token", error_description="the token has expired"` + metadata,
		},
		{"an access token of somebody else's key", []string{"Bearer " + stranger.token(t, "backend")}, 401, "", unknown},
		{"an access token that names no agent", []string{"Bearer " + k.token(t)}, 403, "", noChallenge},
		{"an access token for agents that are not served here", []string{"Bearer " + k.token(t, "admin")}, 403, "", noChallenge},
	}
	g := gate(credentials(true), &counted{answer: published(t, k)}, []string{"backend", "reader"}, nil)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w, who := ask(g, c.headers...)
			if (who != nil) != (c.status == 200) || who.ID() != c.who || w.Code != c.status {
				t.Errorf("got status %d, %q: %s, want %d, %q", w.Code, who.ID(), w.Body, c.status, c.who)
			}
			if diff := cmp.Diff(c.challenge, w.Header().Get("WWW-Authenticate")); diff != "" {
				t.Errorf("challenge (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAuthorize_tokensAlone_sendNobodyToAnIssuer(t *testing.T) {
	w, _ := ask(gate(credentials(false), &counted{}, nil, nil))
	if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="gatehouse"` {
		t.Errorf("got %s, want %q", got, `Bearer realm="gatehouse"`)
	}
	keys := &counted{}
	ask(gate(credentials(false), keys, nil, nil), "Bearer a.b.c")
	if keys.asked != 0 {
		t.Error("keys are asked for although no access token is accepted")
	}
}

func TestAuthorize_pin_leavesOnlyCommonAgents(t *testing.T) {
	_, c := ask(gate(credentials(false), &counted{}, []string{"reader", "other"}, nil), "Bearer "+plain)
	if c == nil || !cmp.Equal(c.Agents, []string{"reader"}) {
		t.Errorf("got %v, want a caller pinned to reader", c)
	}
}

func TestAuthorize_withoutKeys_isUnavailableForAccessTokensOnly(t *testing.T) {
	k := newKey(t, "k1")
	g := gate(credentials(true), &counted{err: errors.New("gone")}, nil, nil)
	if w, c := ask(g, "Bearer "+k.token(t, "backend")); c != nil || w.Code != http.StatusServiceUnavailable {
		t.Errorf("an access token: got %v, status %d, want %d", c, w.Code, http.StatusServiceUnavailable)
	}
	if _, c := ask(g, "Bearer "+plain); c == nil {
		t.Error("a token is refused because the keys are gone")
	}
}

func TestAuthorize_whatIsSent_isNeitherLoggedNorAnswered(t *testing.T) {
	var log bytes.Buffer
	k := newKey(t, "k1")
	for _, sent := range []string{
		"Bearer gatehouse_marked-secret-marked-secret-marked", "Basic marked-secret", "Bearer marked-secret marked-secret",
		"Bearer " + k.token(t, "marked-secret"), "marked-secret",
	} {
		g := gate(credentials(true), &counted{err: errors.New("gone")}, nil, slog.New(slog.NewTextHandler(&log, nil)))
		w, _ := ask(g, sent)
		last := sent[max(0, len(sent)-20):]
		if text := w.Body.String() + w.Header().Get("WWW-Authenticate") + log.String(); strings.Contains(text, "marked") || strings.Contains(text, last) {
			t.Errorf("%.12s...: the credential must not be in %s", sent, text)
		}
	}
	if !strings.Contains(log.String(), "agent refused at the door") {
		t.Errorf("refusals are not logged: %s", &log)
	}
}

func TestAuthorize_aStormOfRefusals_isLoggedOnceASecond(t *testing.T) {
	var log bytes.Buffer
	g := gate(credentials(false), &counted{}, nil, slog.New(slog.NewTextHandler(&log, nil)))
	for range 1000 {
		ask(g)
	}
	if n := strings.Count(log.String(), "\n"); n == 0 || n > 100 {
		t.Errorf("1000 refusals gave %d lines, want between 1 and 100", n)
	}
}
