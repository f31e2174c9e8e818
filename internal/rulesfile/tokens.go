package rulesfile

import (
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/identity"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/suggest"
)

// Codes of problems with credentials that no small rules file has by itself.
const (
	// codeTokenMany is an error.
	codeTokenMany = "rules-too-many-tokens" //nolint:gosec // A code, no secret.
	// codeNoCredentials is an error of a reload.
	codeNoCredentials = "rules-no-credential-left" //nolint:gosec // A code, no secret.
)

// NoCredentialLeft is the problem of a rules file that would let in everybody
// over HTTP who was kept out until now. why says how it is with the listener.
func NoCredentialLeft(file, why string) jsondoc.Problem {
	return jsondoc.Problem{
		File: file, Path: defaultsPath, Code: codeNoCredentials, Severity: jsondoc.Error,
		Message: "agents over HTTP would need no credential any more, and " + why,
		Hint:    `keep one entry in "tokens", or "jwt"; to run without credentials, stop the gateway and start it again`,
	}
}

// Codes of the problems with credentials in a rules file.
const (
	codeTokenPlain    = "rules-token-in-clear-text"
	codeTokenHash     = "rules-bad-token-hash"
	codeTokenID       = "rules-bad-token-id"
	codeTokenAgents   = "rules-bad-token-agents"
	codeTokenExpires  = "rules-bad-token-expires"
	codeTokenDouble   = "rules-duplicate-token"
	codeNoTokens      = "rules-no-tokens"
	codeJWT           = "rules-bad-jwt"
	codeCredentialKey = "rules-missing-credential-key"
	codeUnknownAgent  = "rules-unknown-agent"
)

const (
	howToHash               = `write its SHA-256 instead: printf %s "$TOKEN" | sha256sum; or make a fresh one with "gatehouse token new"`
	defaultsPath            = "defaults"
	tokenForm               = `write {"id": "NAME", "agents": ["AGENT"], "sha256": "..."}; "gatehouse token new" prints such a line` //nolint:gosec // No secret, but where one would be.
	jwtForm                 = `write {"issuer": "https://...", "audience": "...", "jwks_url": "https://...", "agent_claim": "..."}`
	maxCredentialValueBytes = 2048
)

// tokens reads defaults.tokens. No problem quotes a value: it could be a
// token.
func (p *parser) tokens(n *jsondoc.Node, path string) {
	if !p.is(n, jsondoc.KindArray, path, "an array of objects", tokenForm) {
		return
	}
	if len(n.Elements()) == 0 {
		p.problem(n.Pos(), path, codeNoTokens, `remove the key if everybody may come without a token; "gatehouse token new" makes one`,
			"an empty list would ask nobody for a token")
		return
	}
	if len(n.Elements()) > identity.MaxTokens {
		p.problem(n.Pos(), path, codeTokenMany, "remove tokens that nobody uses any more",
			"there are %d tokens; at most %d are allowed", len(n.Elements()), identity.MaxTokens)
		return
	}
	ids, hashes := map[string]bool{}, map[identity.Digest]bool{}
	for i, e := range n.Elements() {
		at := jsondoc.IndexPath(path, i)
		if e.Kind == jsondoc.KindString {
			p.plainToken(e, at)
			continue
		}
		if !p.is(e, jsondoc.KindObject, at, "an object", tokenForm) {
			continue
		}
		t := p.token(e, at)
		if t.ID != "" && ids[t.ID] {
			p.problem(e.Member("id").Pos(), jsondoc.KeyPath(at, "id"), codeTokenDouble, "give each token an id of its own", "another token has this id")
		}
		if t.Digest != (identity.Digest{}) && hashes[t.Digest] {
			p.problem(e.Member("sha256").Pos(), jsondoc.KeyPath(at, "sha256"), codeTokenDouble,
				"remove one of them, or list all agents in one", "another token has this hash")
		}
		ids[t.ID], hashes[t.Digest] = true, true
		p.credentials.Tokens = append(p.credentials.Tokens, t)
	}
}

// plainKeys are where people would put a token itself.
var plainKeys = []string{"token", "secret", "value", "password", "key", "bearer"}

func (p *parser) plainToken(n *jsondoc.Node, path string) {
	p.problem(n.Pos(), path, codeTokenPlain, howToHash, "a token must not stand here in clear text, only its hash")
}

func (p *parser) token(n *jsondoc.Node, path string) identity.Token {
	var t identity.Token
	keys := jsondoc.Keys{
		{Name: "id", Read: func(n *jsondoc.Node, path string) { t.ID = p.tokenID(n, path) }},
		{Name: "agents", Read: func(n *jsondoc.Node, path string) { t.Agents = p.tokenAgents(n, path) }},
		{Name: "sha256", Read: func(n *jsondoc.Node, path string) { t.Digest = p.digest(n, path) }},
		{Name: "expires", Read: func(n *jsondoc.Node, path string) { t.Expires = p.expires(n, path) }},
	}
	keys.Read(n, path, func(m jsondoc.Member, at string) {
		switch {
		case len(m.Key) >= identity.MinTokenBytes:
			p.plainToken(m.Value, path) // The key itself could be one.
		case slices.Contains(plainKeys, strings.ToLower(m.Key)):
			p.problem(m.KeyPos(), at, codeTokenPlain, howToHash, "a token must not stand here in clear text, only its hash")
		default:
			p.unknown(m, at, keys.Names(), nil)
		}
	})
	p.required(n, path, tokenForm, "id", "agents", "sha256")
	return t
}

// required notes each key that an object lacks.
func (p *parser) required(n *jsondoc.Node, path, form string, keys ...string) {
	for _, key := range keys {
		if n.Member(key) == nil {
			p.problem(n.Pos(), path, codeCredentialKey, form, "the key %s is missing", jsondoc.Quote(key))
		}
	}
}

func (p *parser) tokenID(n *jsondoc.Node, path string) string {
	if !p.is(n, jsondoc.KindString, path, "a string", "write a name for the token, such as alice-laptop") {
		return ""
	}
	if !policy.ValidAgentID(n.Text()) {
		p.problem(n.Pos(), path, codeTokenID, `use a name such as "alice-laptop"; the audit log shows it`,
			`the id of a token has 1 to %d letters, digits, "_", "." and "-"`, identity.MaxIDBytes)
		return ""
	}
	return n.Text()
}

func (p *parser) tokenAgents(n *jsondoc.Node, path string) []string {
	if !p.is(n, jsondoc.KindArray, path, "an array of agents", `write ["AGENT"]`) {
		return nil
	}
	if count := len(n.Elements()); count == 0 || count > identity.MaxAgents {
		p.problem(n.Pos(), path, codeTokenAgents, "name the agents that the token's bearer may be; the first is meant where it does not say",
			"a token names 1 to %d agents, not %d", identity.MaxAgents, count)
		return nil
	}
	var agents []string
	for i, e := range n.Elements() {
		at := jsondoc.IndexPath(path, i)
		switch {
		case !p.is(e, jsondoc.KindString, at, "a string", "write the id of an agent"):
		case !policy.ValidAgentID(e.Text()):
			p.problem(e.Pos(), at, codeTokenAgents, `write the id of an agent; patterns mean nothing here`, "this is no agent id")
		case slices.Contains(agents, e.Text()):
			p.problem(e.Pos(), at, codeTokenAgents, "remove one of them", "the agent %s occurs twice", jsondoc.Quote(e.Text()))
		default:
			agents = append(agents, e.Text())
			p.named = append(p.named, namedAgent{id: e.Text(), pos: e.Pos(), path: at})
		}
	}
	return agents
}

// digest reads a hash. Anything else could be the token itself, so it is not
// quoted.
func (p *parser) digest(n *jsondoc.Node, path string) identity.Digest {
	if !p.is(n, jsondoc.KindString, path, "a string", "write 64 hex digits") {
		return identity.Digest{}
	}
	d, ok := identity.ParseDigest(n.Text())
	switch {
	case !ok:
		p.problem(n.Pos(), path, codeTokenPlain, howToHash, "this is no SHA-256 in hex (64 digits); a token must not stand here in clear text")
	case d == identity.Digest{} || d == identity.DigestOf(""):
		p.problem(n.Pos(), path, codeTokenHash, "hash the token again: no token or an empty one was hashed", "this is not the hash of a token")
		return identity.Digest{}
	}
	return d
}

func (p *parser) expires(n *jsondoc.Node, path string) time.Time {
	const hint = `write a day, "2027-01-01", from whose beginning (UTC) on the token is refused, or a time, "2027-01-01T18:00:00Z"`
	if !p.is(n, jsondoc.KindString, path, "a string", hint) {
		return time.Time{}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, n.Text()); err == nil && !t.IsZero() {
			return t
		}
	}
	p.problem(n.Pos(), path, codeTokenExpires, hint, "this is neither a day nor a time")
	return time.Time{}
}

// namedAgent is an agent that a token names.
type namedAgent struct {
	id, path string
	pos      policy.Position
}

// namedAgents warns of agents in tokens that the file lacks: their bearers may
// do nothing.
func (p *parser) namedAgents() {
	known := make(map[string]bool, len(p.groups))
	for _, a := range p.groups {
		known[a.ID] = true
	}
	names := slices.Sorted(maps.Keys(known))
	for _, n := range p.named {
		if known[n.id] || p.FullOfWarnings() {
			continue
		}
		hint := `add it to "agents", or correct the name`
		if near, ok := suggest.Nearest(n.id, names); ok {
			hint = "did you mean " + jsondoc.Quote(near) + "?"
		}
		p.Add(n.pos, jsondoc.Warning, p.path(n.path), codeUnknownAgent, hint, "the agent %s is not in the rules", jsondoc.Quote(n.id))
	}
}
