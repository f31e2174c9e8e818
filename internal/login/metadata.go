package login

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/rawjson"
)

// texts is a list of strings, or one string, of somebody else's. What is neither is
// nothing: it must not make the rest unreadable.
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(data []byte) error {
	var list []any
	if rawjson.Decode(data, &list) != nil {
		var one any
		_ = rawjson.Decode(data, &one) // It is nothing else where that fails.
		list = []any{one}
	}
	*t = nil
	for _, v := range list {
		if s, ok := v.(string); ok && len(*t) < maxScopes {
			*t = append(*t, s)
		}
	}
	return nil
}

func (t texts) has(word string) bool { return slices.Contains(t, word) }

// resourceMetadata is what matters of RFC 9728.
type resourceMetadata struct {
	Resource string `json:"resource"`
	Servers  texts  `json:"authorization_servers"`
	Scopes   texts  `json:"scopes_supported"`
}

// serverMetadata is what matters of RFC 8414.
type serverMetadata struct {
	Issuer        string `json:"issuer"`
	Authorize     string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Register      string `json:"registration_endpoint"`
	Revoke        string `json:"revocation_endpoint"`
	Device        string `json:"device_authorization_endpoint"`
	Scopes        texts  `json:"scopes_supported"`
	Challenges    texts  `json:"code_challenge_methods_supported"`
	Methods       texts  `json:"token_endpoint_auth_methods_supported"`
	Grants        texts  `json:"grant_types_supported"`
	IssPromised   bool   `json:"authorization_response_iss_parameter_supported"`
	ClientURLs    bool   `json:"client_id_metadata_document_supported"`
	AssertionAlgs texts  `json:"token_endpoint_auth_signing_alg_values_supported"`
}

// sameIssuer reports whether two issuers are the same one: byte for byte, but for a
// slash at the end of an address without a path.
func sameIssuer(a, b string) bool { return a == b || bare(a) == bare(b) }

func bare(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil || u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return issuer
	}
	return strings.TrimSuffix(issuer, "/")
}

// checkIssuer compares what metadata say with where they were found, and with what
// the entry insists on.
func checkIssuer(m serverMetadata, asked, configured string) error {
	switch {
	case m.Issuer == "":
		return fmt.Errorf("the metadata of %s name no issuer", quoted(asked))
	case configured != "" && sameIssuer(m.Issuer, configured):
		return nil
	case configured != "":
		return fmt.Errorf("the authorization server is %s, and the entry's gateway.auth.issuer is %s", quoted(m.Issuer), quoted(configured))
	case !sameIssuer(m.Issuer, asked):
		return fmt.Errorf("the metadata found for the issuer %s say that they are of %s; if that is the right one, set gateway.auth.issuer to it", quoted(asked), quoted(m.Issuer))
	}
	return nil
}

// checkResource reports whether a resource that calls itself so may be the server at
// an address: of the same origin, at its path or above.
func checkResource(server *url.URL, said string) error {
	u, err := url.Parse(said)
	if err == nil && sameOrigin(u, server) {
		path := strings.TrimRight(u.EscapedPath(), "/")
		if own := server.EscapedPath(); path == "" || own == path || strings.HasPrefix(own, path+"/") {
			return nil
		}
	}
	return fmt.Errorf("the server's metadata describe another resource, %s; if that is meant, set gateway.auth.resource to it", quoted(said))
}

// canonical is the address of a server as the resource parameter names it.
func canonical(u *url.URL) string {
	c := *u
	c.Scheme, c.Host, c.Fragment, c.User = strings.ToLower(u.Scheme), strings.ToLower(u.Host), "", nil
	text := c.String()
	if c.Path == "/" && c.RawQuery == "" {
		text = strings.TrimSuffix(text, "/")
	}
	return text
}

// checkServer checks the endpoints that are there. Whether they are enough depends on
// what is asked of them.
func checkServer(m serverMetadata, home Network) error {
	for _, e := range []struct{ name, address string }{
		{"authorization endpoint", m.Authorize},
		{"token endpoint", m.Token},
		{"registration endpoint", m.Register},
		{"revocation endpoint", m.Revoke},
		{"device authorization endpoint", m.Device},
	} {
		if e.address == "" {
			continue
		}
		if _, err := checkEndpoint(e.address, home); err != nil {
			return fmt.Errorf("the %s of %s cannot be used: %w", e.name, quoted(m.Issuer), err)
		}
	}
	if m.Token == "" {
		return fmt.Errorf("the metadata of %s name no token endpoint", quoted(m.Issuer))
	}
	return nil
}

// checkPKCE refuses a server that does not protect the code on its way.
func checkPKCE(m serverMetadata) error {
	if m.Authorize == "" {
		return fmt.Errorf("the metadata of %s name no authorization endpoint", quoted(m.Issuer))
	}
	if !m.Challenges.has("S256") {
		return fmt.Errorf("%s does not offer PKCE with S256 (code_challenge_methods_supported), without which a login can be stolen; ask its operator", quoted(m.Issuer))
	}
	return nil
}

var errNoJSON = errors.New("it is not a JSON object")
