package audit

import (
	"strings"

	"gatehouse/internal/textcut"
)

// withoutPassword takes the password out of a URI that has one before its host, and
// leaves a mark there.
func withoutPassword(uri string) string {
	start, end, found := password(uri)
	if !found {
		return uri
	}
	return uri[:start] + textcut.Mark + uri[end:]
}

// hadPassword reports whether withoutPassword has changed a URI.
func hadPassword(uri string) bool {
	start, end, found := password(uri)
	return found && uri[start:end] == textcut.Mark
}

// password is where the password of a URI is.
func password(uri string) (start, end int, found bool) {
	scheme, rest, ok := strings.Cut(uri, "//")
	if !ok || strings.ContainsAny(scheme, "/?#") {
		return 0, 0, false
	}
	at := len(scheme) + 2
	authority := rest[:strings.IndexAny(rest+"/", "/?#")]
	end = strings.LastIndexByte(authority, '@')
	if end < 0 {
		return 0, 0, false
	}
	start = strings.IndexByte(authority[:end], ':') + 1
	if start == 0 || start == end {
		return 0, 0, false
	}
	return at + start, at + end, true
}
