package httpauth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/identity"
)

// Options are the settings of a Gate.
type Options struct {
	// Credentials returns those in force now. It is called for each request and
	// must not block.
	Credentials func() *identity.Set
	// Keys has the issuer's keys.
	Keys *KeyStore
	// Pinned are the agents that every caller may be at most; nil means no such
	// limit.
	Pinned []string
	// MetadataURL is where the protected-resource metadata is; empty if it is
	// not served.
	MetadataURL string
	Log         *slog.Logger
	// Refused, unless nil, hears of each request that is not let in: from which
	// address, and why. It must not block.
	Refused func(address, reason string)
}

// Gate lets requests in. Its methods are safe for concurrent use.
type Gate struct {
	opts Options

	mu         sync.Mutex
	lastLogged time.Time
	unlogged   int
}

// NewGate makes a Gate.
func NewGate(opts Options) *Gate { return &Gate{opts: opts} }

// errMalformed means that the Authorization header itself is wrong, not the
// credential in it.
var errMalformed = errors.New("send one Authorization header: Bearer and a token")

// errNone means that there was no credential at all.
var errNone = errors.New("a bearer token is needed")

// Authorize returns who sent a request, or answers it and returns false. It may
// block while it fetches keys, at most as long as the request's context lasts.
func (g *Gate) Authorize(w http.ResponseWriter, r *http.Request) (*identity.Caller, bool) {
	set := g.opts.Credentials()
	if set.Empty() {
		return identity.Anonymous(), true // What it sends is not looked at.
	}
	caller, err := g.check(r, set)
	if err == nil {
		caller, err = caller.Within(g.opts.Pinned)
	}
	if err == nil {
		return caller, true
	}
	g.refuse(w, r, err)
	return nil, false
}

func (g *Gate) check(r *http.Request, set *identity.Set) (*identity.Caller, error) {
	token, err := bearer(r.Header)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	caller, err := set.CheckToken(token, now)
	settings, accepted := set.JWT()
	if !errors.Is(err, identity.ErrUnknown) || !accepted || !identity.LooksLikeJWT(token) {
		return caller, err
	}
	return g.checkJWT(r.Context(), set, settings, token, audiencesAt(settings.Audience, r.URL.EscapedPath()))
}

// checkJWT checks with the keys at hand, and once more with fresh ones if the
// token's key is not among them.
func (g *Gate) checkJWT(ctx context.Context, set *identity.Set, settings identity.JWT, token string, also []string) (*identity.Caller, error) {
	source := Source{URL: settings.KeysURL, File: settings.KeysFile}
	keys, err := g.opts.Keys.Get(ctx, source)
	if err != nil {
		return nil, err
	}
	caller, err := set.CheckJWT(token, keys, time.Now(), also...)
	if !errors.Is(err, identity.ErrUnknownKey) {
		return caller, err
	}
	if keys, err = g.opts.Keys.Renew(ctx, source); err != nil {
		return nil, err
	}
	return set.CheckJWT(token, keys, time.Now(), also...)
}

// bearer reads the token of a request. Only the header counts: a token in a
// url would end up in logs.
func bearer(h http.Header) (string, error) {
	values := h.Values("Authorization")
	switch {
	case len(values) == 0:
		return "", errNone
	case len(values) > 1:
		return "", errMalformed
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	token = strings.TrimLeft(token, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", errNone
	}
	if token == "" || len(token) > identity.MaxTokenBytes || strings.ContainsFunc(token, notOfToken) {
		return "", errMalformed
	}
	return token, nil
}

// notOfToken reports whether RFC 6750 does not allow a character in a token.
func notOfToken(c rune) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return false
	}
	return !strings.ContainsRune("-._~+/=", c)
}

// refuse answers a request that is not let in.
func (g *Gate) refuse(w http.ResponseWriter, r *http.Request, why error) {
	g.log(r, why)
	if g.opts.Refused != nil {
		g.opts.Refused(r.RemoteAddr, why.Error())
	}
	switch {
	case errors.Is(why, identity.ErrNoAgent), errors.Is(why, identity.ErrPinnedOut):
		// Another token of the same kind would not help: no challenge.
		http.Error(w, why.Error(), http.StatusForbidden)
		return
	case errors.Is(why, ErrNoKeys):
		w.Header().Set("Retry-After", "10")
		http.Error(w, ErrNoKeys.Error(), http.StatusServiceUnavailable)
		return
	}
	status, code := http.StatusUnauthorized, "invalid_token"
	switch {
	case errors.Is(why, errMalformed):
		status, code = http.StatusBadRequest, "invalid_request"
	case errors.Is(why, errNone):
		code = "" // As RFC 6750 wants it.
	}
	w.Header().Set("WWW-Authenticate", g.challenge(code, why.Error(), r))
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, why.Error(), status)
}

func (g *Gate) challenge(code, description string, r *http.Request) string {
	parts := []string{`realm="gatehouse"`}
	if code != "" {
		parts = append(parts, `error="`+code+`"`, `error_description="`+description+`"`)
	}
	if _, accepted := g.opts.Credentials().JWT(); accepted && g.opts.MetadataURL != "" {
		where := g.opts.MetadataURL
		if surface := surfacePath(r.URL.EscapedPath()); surface != "" {
			where = strings.TrimSuffix(where, "/mcp") + surface
		}
		parts = append(parts, `resource_metadata="`+where+`"`)
	}
	return "Bearer " + strings.Join(parts, ", ")
}

// log logs refusals, at most once a second: whoever reaches the port can cause
// them.
func (g *Gate) log(r *http.Request, why error) {
	g.mu.Lock()
	now := time.Now()
	if now.Sub(g.lastLogged) < time.Second {
		g.unlogged++
		g.mu.Unlock()
		return
	}
	others := g.unlogged
	g.lastLogged, g.unlogged = now, 0
	g.mu.Unlock()
	g.opts.Log.LogAttrs(r.Context(), slog.LevelWarn, "agent refused at the door", slog.String("reason", why.Error()),
		slog.String("from", r.RemoteAddr), slog.Int("others_since", others))
}
