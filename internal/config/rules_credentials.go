package config

import (
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
)

// Codes of the problems with credentials in a rules file.
const (
	CodeRulesTokenPlain    = "rules-token-in-clear-text"
	CodeRulesTokenHash     = "rules-bad-token-hash"
	CodeRulesTokenID       = "rules-bad-token-id"
	CodeRulesTokenAgents   = "rules-bad-token-agents"
	CodeRulesTokenExpires  = "rules-bad-token-expires"
	CodeRulesTokenDouble   = "rules-duplicate-token"
	CodeRulesNoTokens      = "rules-no-tokens"
	CodeRulesJWT           = "rules-bad-jwt"
	CodeRulesCredentialKey = "rules-missing-credential-key"
	CodeRulesUnknownAgent  = "rules-unknown-agent"
)

const (
	howToHash               = `write its SHA-256 instead: printf %s "$TOKEN" | sha256sum; or make a fresh one with "gatehouse token new"`
	defaultsPath            = "defaults"
	tokenForm               = `write {"id": "NAME", "agents": ["AGENT"], "sha256": "..."}; "gatehouse token new" prints such a line` //nolint:gosec // No secret, but where one would be.
	jwtForm                 = `write {"issuer": "https://...", "audience": "...", "jwks_url": "https://...", "agent_claim": "..."}`
	maxCredentialValueBytes = 2048
)

// ParseRulesFile is ParseRules that gives the credentials of the file as well.
// If one of the problems is an Error there are none.
func ParseRulesFile(file string, src []byte) (policy.Rules, identity.Credentials, []Problem) {
	rules, credentials, problems := parseRules(file, src)
	if HasErrors(problems) {
		return rules, identity.Credentials{}, problems
	}
	return rules, credentials, problems
}

// tokens reads defaults.tokens. No problem quotes a value: it could be a
// token.
func (p *rulesParser) tokens(n *Node) {
	path := keyPath(defaultsPath, "tokens")
	if !p.is(n, KindArray, path, "an array of objects", tokenForm) {
		return
	}
	if len(n.Elements()) == 0 {
		p.problem(n.Pos(), path, CodeRulesNoTokens, `remove the key if everybody may come without a token; "gatehouse token new" makes one`,
			"an empty list would ask nobody for a token")
		return
	}
	if len(n.Elements()) > identity.MaxTokens {
		p.problem(n.Pos(), path, CodeRulesTokenMany, "remove tokens that nobody uses any more",
			"there are %d tokens; at most %d are allowed", len(n.Elements()), identity.MaxTokens)
		return
	}
	ids, hashes := map[string]bool{}, map[identity.Digest]bool{}
	for i, e := range n.Elements() {
		at := indexPath(path, i)
		if e.Kind == KindString {
			p.plainToken(e, at)
			continue
		}
		if !p.is(e, KindObject, at, "an object", tokenForm) {
			continue
		}
		t := p.token(e, at)
		if t.ID != "" && ids[t.ID] {
			p.problem(e.Member("id").Pos(), keyPath(at, "id"), CodeRulesTokenDouble, "give each token an id of its own", "another token has this id")
		}
		if t.Digest != (identity.Digest{}) && hashes[t.Digest] {
			p.problem(e.Member("sha256").Pos(), keyPath(at, "sha256"), CodeRulesTokenDouble,
				"remove one of them, or list all agents in one", "another token has this hash")
		}
		ids[t.ID], hashes[t.Digest] = true, true
		p.credentials.Tokens = append(p.credentials.Tokens, t)
	}
}

var tokenKeys = []string{"id", "agents", "sha256", "expires"}

// plainKeys are where people would put a token itself.
var plainKeys = []string{"token", "secret", "value", "password", "key", "bearer"}

func (p *rulesParser) plainToken(n *Node, path string) {
	p.problem(n.Pos(), path, CodeRulesTokenPlain, howToHash, "a token must not stand here in clear text, only its hash")
}

func (p *rulesParser) token(n *Node, path string) identity.Token {
	var t identity.Token
	for _, m := range n.Members() {
		at := keyPath(path, m.Key)
		switch {
		case m.Key == "id":
			t.ID = p.tokenID(m.Value, at)
		case m.Key == "agents":
			t.Agents = p.tokenAgents(m.Value, at)
		case m.Key == "sha256":
			t.Digest = p.digest(m.Value, at)
		case m.Key == "expires":
			t.Expires = p.expires(m.Value, at)
		case len(m.Key) >= identity.MinTokenBytes:
			p.plainToken(m.Value, path) // The key itself could be one.
		case slices.Contains(plainKeys, strings.ToLower(m.Key)):
			p.problem(m.KeyPos(), at, CodeRulesTokenPlain, howToHash, "a token must not stand here in clear text, only its hash")
		default:
			p.unknown(m, path, tokenKeys, nil)
		}
	}
	p.required(n, path, tokenForm, "id", "agents", "sha256")
	return t
}

// required notes each key that an object lacks.
func (p *rulesParser) required(n *Node, path, form string, keys ...string) {
	for _, key := range keys {
		if n.Member(key) == nil {
			p.problem(n.Pos(), path, CodeRulesCredentialKey, form, "the key %s is missing", quote(key))
		}
	}
}

func (p *rulesParser) tokenID(n *Node, path string) string {
	if !p.is(n, KindString, path, "a string", "write a name for the token, such as alice-laptop") {
		return ""
	}
	if !policy.ValidAgentID(n.Text()) {
		p.problem(n.Pos(), path, CodeRulesTokenID, `use a name such as "alice-laptop"; the audit log shows it`,
			`the id of a token has 1 to %d letters, digits, "_", "." and "-"`, identity.MaxIDBytes)
		return ""
	}
	return n.Text()
}

func (p *rulesParser) tokenAgents(n *Node, path string) []string {
	if !p.is(n, KindArray, path, "an array of agents", `write ["AGENT"]`) {
		return nil
	}
	if count := len(n.Elements()); count == 0 || count > identity.MaxAgents {
		p.problem(n.Pos(), path, CodeRulesTokenAgents, "name the agents that the token's bearer may be; the first is meant where it does not say",
			"a token names 1 to %d agents, not %d", identity.MaxAgents, count)
		return nil
	}
	var agents []string
	for i, e := range n.Elements() {
		at := indexPath(path, i)
		switch {
		case !p.is(e, KindString, at, "a string", "write the id of an agent"):
		case !policy.ValidAgentID(e.Text()):
			p.problem(e.Pos(), at, CodeRulesTokenAgents, `write the id of an agent; patterns mean nothing here`, "this is no agent id")
		case slices.Contains(agents, e.Text()):
			p.problem(e.Pos(), at, CodeRulesTokenAgents, "remove one of them", "the agent %s occurs twice", quote(e.Text()))
		default:
			agents = append(agents, e.Text())
			p.named = append(p.named, namedAgent{id: e.Text(), pos: e.Pos(), path: at})
		}
	}
	return agents
}

// digest reads a hash. What is none could be a token.
func (p *rulesParser) digest(n *Node, path string) identity.Digest {
	if !p.is(n, KindString, path, "a string", "write 64 hex digits") {
		return identity.Digest{}
	}
	d, ok := identity.ParseDigest(n.Text())
	switch {
	case !ok:
		p.problem(n.Pos(), path, CodeRulesTokenPlain, howToHash, "this is no SHA-256 in hex (64 digits); a token must not stand here in clear text")
	case d == identity.Digest{} || d == identity.DigestOf(""):
		p.problem(n.Pos(), path, CodeRulesTokenHash, "hash the token again: no token or an empty one was hashed", "this is not the hash of a token")
		return identity.Digest{}
	}
	return d
}

func (p *rulesParser) expires(n *Node, path string) time.Time {
	const hint = `write a day, "2027-01-01", from whose beginning (UTC) on the token is refused, or a time, "2027-01-01T18:00:00Z"`
	if !p.is(n, KindString, path, "a string", hint) {
		return time.Time{}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, n.Text()); err == nil && !t.IsZero() {
			return t
		}
	}
	p.problem(n.Pos(), path, CodeRulesTokenExpires, hint, "this is neither a day nor a time")
	return time.Time{}
}

// jwt reads defaults.jwt.
func (p *rulesParser) jwt(n *Node) {
	path := keyPath(defaultsPath, "jwt")
	if !p.is(n, KindObject, path, "an object", jwtForm) {
		return
	}
	var j identity.JWT
	fields := map[string]*string{
		"issuer": &j.Issuer, "audience": &j.Audience, "jwks_url": &j.KeysURL, "jwks_file": &j.KeysFile, "agent_claim": &j.AgentClaim,
	}
	for _, m := range n.Members() {
		field, ok := fields[m.Key]
		if !ok {
			p.unknown(m, path, jwtKeys, nil)
			continue
		}
		*field = p.jwtText(m.Value, keyPath(path, m.Key))
	}
	p.required(n, path, jwtForm, "issuer", "audience", "agent_claim")
	p.keySource(n, j, path)
	p.secureURL(n, "issuer", j.Issuer, path)
	p.credentials.JWT = &j
}

var jwtKeys = []string{"issuer", "audience", "jwks_url", "jwks_file", "agent_claim"}

func (p *rulesParser) jwtText(n *Node, path string) string {
	if !p.is(n, KindString, path, "a string", jwtForm) {
		return ""
	}
	if size := len(n.Text()); size == 0 || size > maxCredentialValueBytes {
		p.problem(n.Pos(), path, CodeRulesJWT, jwtForm, "this text has %d bytes: 1 to %d are allowed", size, maxCredentialValueBytes)
		return ""
	}
	return n.Text()
}

// keySource wants exactly one place where the keys are.
func (p *rulesParser) keySource(n *Node, j identity.JWT, path string) {
	address, file := n.Member("jwks_url"), n.Member("jwks_file")
	switch {
	case address == nil && file == nil:
		p.problem(n.Pos(), path, CodeRulesCredentialKey, jwtForm, `one of "jwks_url" and "jwks_file" must be there`)
	case address != nil && file != nil:
		p.problem(file.Pos(), keyPath(path, "jwks_file"), CodeRulesJWT, "remove one of them", `"jwks_url" and "jwks_file" cannot both be there`)
	case address != nil:
		p.secureURL(n, "jwks_url", j.KeysURL, path)
	}
}

// secureURL wants an address that nobody on the way can answer for.
func (p *rulesParser) secureURL(n *Node, key, value, path string) {
	if value == "" {
		return // Said already.
	}
	u, err := url.Parse(value)
	if err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())) {
		return
	}
	p.problem(n.Member(key).Pos(), keyPath(path, key), CodeRulesJWT, "use https://HOST/...; http:// is for loopback addresses only",
		"this must be an https address without user name")
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// namedAgent is an agent that a token names.
type namedAgent struct {
	id, path string
	pos      policy.Position
}

// namedAgents warns of agents in tokens that the file lacks: their bearers may
// do nothing.
func (p *rulesParser) namedAgents() {
	known := make(map[string]bool, len(p.rules.Agents))
	for _, a := range p.rules.Agents {
		known[a.ID] = true
	}
	names := slices.Sorted(maps.Keys(known))
	for _, n := range p.named {
		if known[n.id] || p.others > maxProblems {
			continue
		}
		hint := `add it to "agents", or correct the name`
		if near, ok := nearest(n.id, names); ok {
			hint = "did you mean " + quote(near) + "?"
		}
		p.add(n.pos, Warning, p.path(n.path), CodeRulesUnknownAgent, hint, "the agent %s is not in the rules", quote(n.id))
	}
}
