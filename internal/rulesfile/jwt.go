package rulesfile

import (
	"net/netip"
	"net/url"
	"strings"

	"gatehouse/internal/identity"
	"gatehouse/internal/jsondoc"
)

// jwt reads defaults.jwt.
func (p *parser) jwt(n *jsondoc.Node, path string) {
	if !p.is(n, jsondoc.KindObject, path, "an object", jwtForm) {
		return
	}
	var j identity.JWT
	p.object(n, path, jsondoc.Keys{
		{Name: "issuer", Read: p.jwtText(&j.Issuer)},
		{Name: "audience", Read: p.jwtText(&j.Audience)},
		{Name: "jwks_url", Read: p.jwtText(&j.KeysURL)},
		{Name: "jwks_file", Read: p.jwtText(&j.KeysFile)},
		{Name: "agent_claim", Read: p.jwtText(&j.AgentClaim)},
	}, nil)
	p.required(n, path, jwtForm, "issuer", "audience", "agent_claim")
	p.keySource(n, j, path)
	p.secureURL(n, "issuer", j.Issuer, path)
	p.credentials.JWT = &j
}

// jwtText makes a reader of one value.
func (p *parser) jwtText(to *string) func(*jsondoc.Node, string) {
	return func(n *jsondoc.Node, path string) {
		if !p.is(n, jsondoc.KindString, path, "a string", jwtForm) {
			return
		}
		if size := len(n.Text()); size == 0 || size > maxCredentialValueBytes {
			p.problem(n.Pos(), path, codeJWT, jwtForm, "this text has %d bytes: 1 to %d are allowed", size, maxCredentialValueBytes)
			return
		}
		*to = n.Text()
	}
}

// keySource wants exactly one place where the keys are.
func (p *parser) keySource(n *jsondoc.Node, j identity.JWT, path string) {
	address, file := n.Member("jwks_url"), n.Member("jwks_file")
	switch {
	case address == nil && file == nil:
		p.problem(n.Pos(), path, codeCredentialKey, jwtForm, `one of "jwks_url" and "jwks_file" must be there`)
	case address != nil && file != nil:
		p.problem(file.Pos(), jsondoc.KeyPath(path, "jwks_file"), codeJWT, "remove one of them", `"jwks_url" and "jwks_file" cannot both be there`)
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
	p.problem(n.Member(key).Pos(), jsondoc.KeyPath(path, key), codeJWT, "use https://HOST/...; http:// is for loopback addresses only",
		"this must be an https address without user name")
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}
