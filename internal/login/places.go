package login

import (
	"net/url"
	"strings"
)

// The places where metadata are, by RFC 9728, RFC 8414 and OpenID Connect
// Discovery.
const (
	resourcePlace = "/.well-known/oauth-protected-resource"
	serverPlace   = "/.well-known/oauth-authorization-server"
	openIDPlace   = "/.well-known/openid-configuration"
)

// resourcePlaces lists where a resource may describe itself, in the order in which
// they are tried: where its challenge says, else below its own path, else at the
// root.
func resourcePlaces(server *url.URL, challenged string) []string {
	if challenged != "" {
		return []string{challenged}
	}
	root := at(server, resourcePlace)
	if path := pathOf(server); path != "" {
		return []string{at(server, resourcePlace+path), root}
	}
	return []string{root}
}

// issuerPlaces lists where the metadata of an issuer may be.
func issuerPlaces(issuer *url.URL) []string {
	path := pathOf(issuer)
	if path == "" {
		return []string{at(issuer, serverPlace), at(issuer, openIDPlace)}
	}
	return []string{at(issuer, serverPlace+path), at(issuer, openIDPlace+path), at(issuer, path+openIDPlace)}
}

// at is an address of the same origin.
func at(u *url.URL, path string) string { return origin(u) + path }

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// pathOf is the path as it is written, without a slash at its end.
func pathOf(u *url.URL) string { return strings.TrimRight(u.EscapedPath(), "/") }
