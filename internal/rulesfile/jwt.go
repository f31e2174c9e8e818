package rulesfile

import (
	"net/netip"
	"net/url"
	"strings"

	"gatehouse/internal/identity"
	"gatehouse/internal/jsondoc"
)

// jwt reads defaults.jwt.
func (p *parser) jwt(n *jsondoc.Node) {
	path := jsondoc.KeyPath(defaultsPath, "jwt")
	if !p.is(n, jsondoc.KindObject, path, "an object", jwtForm) {
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
		*field = p.jwtText(m.Value, jsondoc.KeyPath(path, m.Key))
	}
	p.required(n, path, jwtForm, "issuer", "audience", "agent_claim")
	p.keySource(n, j, path)
	p.secureURL(n, "issuer", j.Issuer, path)
	p.credentials.JWT = &j
}

var jwtKeys = []string{"issuer", "audience", "jwks_url", "jwks_file", "agent_claim"}

func (p *parser) jwtText(n *jsondoc.Node, path string) string {
	if !p.is(n, jsondoc.KindString, path, "a string", jwtForm) {
		return ""
	}
	if size := len(n.Text()); size == 0 || size > maxCredentialValueBytes {
		p.problem(n.Pos(), path, CodeJWT, jwtForm, "this text has %d bytes: 1 to %d are allowed", size, maxCredentialValueBytes)
		return ""
	}
	return n.Text()
}

// keySource wants exactly one place where the keys are.
func (p *parser) keySource(n *jsondoc.Node, j identity.JWT, path string) {
	address, file := n.Member("jwks_url"), n.Member("jwks_file")
	switch {
	case address == nil && file == nil:
		p.problem(n.Pos(), path, CodeCredentialKey, jwtForm, `one of "jwks_url" and "jwks_file" must be there`)
	case address != nil && file != nil:
		p.problem(file.Pos(), jsondoc.KeyPath(path, "jwks_file"), CodeJWT, "remove one of them", `"jwks_url" and "jwks_file" cannot both be there`)
	case address != nil:
		p.secureURL(n, "jwks_url", j.KeysURL, path)
	}
}

// secureURL wants an address that nobody on the way can answer for.
func (p *parser) secureURL(n *jsondoc.Node, key, value, path string) {
	if value == "" {
		return // Said already.
	}
	u, err := url.Parse(value)
	if err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())) {
		return
	}
	p.problem(n.Member(key).Pos(), jsondoc.KeyPath(path, key), CodeJWT, "use https://HOST/...; http:// is for loopback addresses only",
		"this must be an https address without user name")
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}
