package front

import "strings"

// WithoutSecrets is a URI without what may be a secret in it: user, query and
// fragment. It is for logs, traces and what operators are shown.
func WithoutSecrets(uri string) string {
	if i := strings.IndexAny(uri, "?#"); i >= 0 {
		uri = uri[:i]
	}
	scheme, rest, ok := strings.Cut(uri, "//")
	if !ok || strings.Contains(scheme, "/") {
		return uri
	}
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "//" + rest[strings.LastIndexByte(host, '@')+1:]
}
