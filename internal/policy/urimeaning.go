package policy

import (
	"slices"
	"strings"
)

// Meanings returns the spellings of a URI that a deny is compared with: as it was
// sent, first, and what it means. That is: scheme and host in small letters,
// without userinfo and default port, unreserved characters not encoded, "//" and
// "/./" folded; the same for what comes out if everything is decoded; each also
// without its fragment, and a file URI without its query. It takes linear time.
func Meanings(uri string) []string {
	list := []string{uri}
	add := func(s string) {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	bare, _, _ := strings.Cut(uri, "#")
	bases := []string{uri, bare}
	if scheme, _ := cutScheme(uri); strings.EqualFold(scheme, "file") {
		bases = append(bases, uri[:pathEnd(uri)])
	}
	for _, base := range bases {
		add(normalURI(base))
		add(normalURI(slashed(base)))
		add(normalURI(slashed(decodeAll(base))))
	}
	return list
}

// slashed writes "/" for "\" before the query, as some servers read it.
func slashed(uri string) string {
	end := pathEnd(uri)
	return strings.ReplaceAll(uri[:end], `\`, "/") + uri[end:]
}

// MeaningOf returns the pattern for what a deny's pattern means. One with userinfo
// is left as it is: without it, it would match all others.
func MeaningOf(pattern string) string {
	_, rest := cutScheme(pattern)
	if authority, _ := cutAuthority(rest); strings.Contains(authority, "@") {
		return pattern
	}
	return normalURI(pattern)
}

// normalURI is one spelling for all URIs that mean the same by their syntax. It may
// be asked about patterns: "*" is a character like others.
func normalURI(uri string) string {
	scheme, rest := cutScheme(decodeUnreserved(uri))
	scheme = strings.ToLower(scheme)
	if _, web := defaultPorts[scheme]; web {
		rest = "//" + strings.TrimLeft(rest, "/") // Browsers, and what is built like them, take any number of slashes.
	}
	authority, rest := cutAuthority(rest)
	switch {
	case scheme == "":
		rest = authority + rest
		authority = ""
	case authority != "":
		authority = "//" + normalHost(scheme, authority[2:])
	}
	if scheme == "file" && (authority == "//localhost" || authority == "" && strings.HasPrefix(rest, "/")) {
		authority = "//" // file:/x is file:///x.
	}
	end := pathEnd(rest)
	path, rest := foldPath(rest[:end]), rest[end:]
	if scheme != "" {
		scheme += ":"
	}
	return scheme + authority + path + rest
}

// cutAuthority splits what follows a scheme behind the "//" and the host, if it has
// them.
func cutAuthority(s string) (authority, rest string) {
	if !strings.HasPrefix(s, "//") {
		return "", s
	}
	end := 2 + strings.IndexAny(s[2:]+"/", "/?#")
	return s[:end], s[end:]
}

// cutScheme splits a URI behind the colon of its scheme; without a scheme, scheme
// is empty.
func cutScheme(uri string) (scheme, rest string) {
	for i := range len(uri) {
		switch c := uri[i]; {
		case c == ':' && i > 0:
			return uri[:i], uri[i+1:]
		case 'a' <= lower(c) && lower(c) <= 'z', c == '*':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return "", uri
		}
	}
	return "", uri
}

// pathEnd is where a query or a fragment begins.
func pathEnd(s string) int {
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		return i
	}
	return len(s)
}

var defaultPorts = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21", "ssh": "22", "sftp": "22"}

// normalHost drops userinfo and default port.
func normalHost(scheme, authority string) string {
	host := strings.ToLower(authority[strings.LastIndexByte(authority, '@')+1:])
	port := ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.Contains(host[i:], "]") {
		host, port = host[:i], strings.TrimLeft(host[i+1:], "0")
	}
	host = strings.TrimRight(host, ".")
	if port == "" || port == defaultPorts[scheme] {
		return host
	}
	return host + ":" + port
}

// foldPath drops the segments that are empty or ".". A path that begins or ends with
// "/", or ends with one of them, still does.
func foldPath(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") && !strings.HasPrefix(path, "./") && path != "." {
		return path
	}
	var b strings.Builder
	b.Grow(len(path))
	if path[0] == '/' {
		b.WriteByte('/')
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		last := i == len(segments)-1
		if s == "" || s == "." {
			continue
		}
		b.WriteString(s)
		if !last {
			b.WriteByte('/')
		}
	}
	return b.String()
}

// decodeUnreserved decodes letters, digits, "-", ".", "_" and "~". What stays encoded
// it writes in capital letters, and a "%" that encodes nothing as one that does.
func decodeUnreserved(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		c, ok := byte('%'), false
		if i+2 < len(s) {
			c, ok = unhex(s[i+1], s[i+2])
		}
		switch {
		case !ok:
			b.WriteString("%25")
			continue
		case isUnreserved(c):
			b.WriteByte(c)
		default:
			b.WriteString(strings.ToUpper(s[i : i+3]))
		}
		i += 2
	}
	return b.String()
}

func isUnreserved(c byte) bool {
	return 'a' <= lower(c) && lower(c) <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
