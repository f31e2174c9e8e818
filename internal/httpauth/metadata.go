package httpauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/internal/identity"
)

// wellKnown is where RFC 9728 has the metadata; a resource's own path follows.
const wellKnown = "/.well-known/oauth-protected-resource"

// Public is the gateway's address as agents know it.
type Public struct {
	// Resource is the url of the MCP endpoint.
	Resource string
	// MetadataURL and MetadataPath are where its metadata is.
	MetadataURL, MetadataPath string
	// Host is the host, with the port if the url has one.
	Host string
	// Secure is set for https.
	Secure bool
}

// ParsePublic reads --public-url: the address of the gateway, or of its /mcp.
func ParsePublic(text string) (Public, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return Public{}, errors.New("cannot use the public url: it must be https://HOST or http://HOST")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(text, "\"\\ \r\n") {
		return Public{}, errors.New("cannot use the public url: it must have no user name, query, fragment, quotes or spaces")
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	if !strings.HasSuffix(path, "/mcp") {
		path += "/mcp"
	}
	origin := u.Scheme + "://" + strings.ToLower(u.Host)
	return Public{
		Resource: origin + path, MetadataURL: origin + wellKnown + path, MetadataPath: wellKnown + path,
		Host: strings.ToLower(u.Host), Secure: u.Scheme == "https",
	}, nil
}

// At is the resource at a path of the gateway's own, such as /servers/db/mcp: the one
// that a client has asked for, as clients compare.
func (p Public) At(path string) string {
	return strings.TrimSuffix(p.Resource, "/mcp") + path
}

// surfaceOf is the path of the surface whose metadata is at a path, with or without
// that of the public url before it; "" is the gate.
func (p Public) surfaceOf(escaped string) string {
	for _, base := range []string{strings.TrimSuffix(p.MetadataPath, gatePath), wellKnown} {
		if path, ok := strings.CutPrefix(escaped, base); ok {
			if surface := surfacePath(path); surface != "" {
				return surface
			}
		}
	}
	return ""
}

// Metadata serves the protected-resource metadata: where agents get tokens for the
// resource whose path is asked for. Anybody may read it. While no issuer is configured it is 404, because it
// would send clients nowhere.
func Metadata(p Public, credentials func() *identity.Set) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		settings, ok := credentials().JWT()
		if !ok {
			http.NotFound(w, r)
			return
		}
		resource := p.Resource
		if surface := p.surfaceOf(r.URL.EscapedPath()); surface != "" {
			resource = p.At(surface)
		}
		body, err := json.Marshal(map[string]any{
			"resource": resource, "resource_name": "gatehouse",
			"authorization_servers":    []string{settings.Issuer},
			"bearer_methods_supported": []string{"header"},
		})
		if err != nil { // Texts always encode.
			panic("internal: cannot encode metadata: " + err.Error())
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cache-Control", "max-age=300")
		_, _ = w.Write(body) // Whoever asked may be gone.
	})
}

// MetadataPaths are the patterns of the paths at which to serve Metadata.
func (p Public) MetadataPaths() []string {
	surfaces := []string{"/mcp", "/all/mcp", "/servers/{server}/mcp"}
	paths := []string{wellKnown}
	for _, s := range surfaces {
		paths = append(paths, wellKnown+s)
	}
	if base := strings.TrimSuffix(p.MetadataPath, "/mcp"); base != wellKnown {
		for _, s := range surfaces {
			paths = append(paths, base+s)
		}
	}
	return paths
}

// withoutURL takes the address out of an error of net/http.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	return err
}
