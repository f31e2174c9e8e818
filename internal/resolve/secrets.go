package resolve

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/redact"
)

// secret notes a value that must not be shown.
func (x *expander) secret(name, value string) {
	if value != "" {
		x.secrets = append(x.secrets, redact.Secret{Name: name, Value: value})
	}
}

// headerSecret notes a header's value and, where it begins with a scheme such
// as "Bearer", what follows it.
func (x *expander) headerSecret(name, value string) {
	name = jsondoc.KeyPath("header", name)
	x.secret(name, value)
	if scheme, rest, ok := strings.Cut(value, " "); ok && jsondoc.PlainWord(scheme) {
		x.secret(name, strings.TrimSpace(rest))
	}
}

// urlSecrets are the parts of a url that carry credentials, or may: the password,
// a user name that stands alone, every value of the query, and the path unless it
// is made of plain words and the server's name, which is no secret; each as it is
// written and decoded.
func urlSecrets(text, server string) []redact.Secret {
	u, err := url.Parse(text)
	if err != nil {
		return nil
	}
	var list []redact.Secret
	note := func(name, value string) {
		if value != "" {
			list = append(list, redact.Secret{Name: name, Value: value})
		}
	}
	if u.User != nil {
		note("url.userinfo", u.User.String())
		note("url.user", u.User.Username())
		if password, ok := u.User.Password(); ok {
			note("url.password", password)
		}
	}
	for _, part := range pathSecrets(u.EscapedPath(), server) {
		note("url.path", part)
		if plain, err := url.PathUnescape(part); err == nil {
			note("url.path", plain)
		}
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, raw, ok := strings.Cut(pair, "=")
		if !ok {
			note("url.query", name)
			continue
		}
		note(jsondoc.KeyPath("url.query", name), raw)
		if value, err := url.QueryUnescape(raw); err == nil {
			note(jsondoc.KeyPath("url.query", name), value)
		}
	}
	return list
}

// pathSecrets are the path and those of its segments that may be keys; none if
// all segments are plain words, or the server's name.
func pathSecrets(path, server string) []string {
	var list []string
	for segment := range strings.SplitSeq(path, "/") {
		if segment != server && !PlainSegment(segment) {
			list = append(list, segment)
		}
	}
	if list == nil {
		return nil
	}
	return append(list, strings.Trim(path, "/"))
}

const (
	longestSegment = 24 // of plain words
	longestWord    = 12
	mostConsonants = 4 // in a row, within a word
)

// PlainSegment reports whether a segment of a path consists of words, such as
// mcp, v1 or my-server, which nobody would use as a key.
func PlainSegment(segment string) bool {
	if len(segment) > longestSegment {
		return false
	}
	for word := range strings.FieldsFuncSeq(segment, func(r rune) bool { return strings.ContainsRune("-_.~@", r) }) {
		if !plainWord(word) {
			return false
		}
	}
	return true
}

// plainWord reports whether a text is a word in lower case, with a capital at
// most, a small number, or a version.
func plainWord(word string) bool {
	digits := strings.TrimLeft(strings.TrimPrefix(word, "v"), "0123456789")
	if digits == "" && len(word) <= 4 {
		return true
	}
	row := 0
	for i, r := range word {
		switch {
		case r >= 'A' && r <= 'Z' && i == 0, r >= 'a' && r <= 'z':
		default:
			return false
		}
		if strings.ContainsRune("aeiouyAEIOUY", r) {
			row = 0
		} else if row++; row > mostConsonants {
			return false
		}
	}
	return len(word) <= longestWord
}

func (x *expander) sortedSecrets() []redact.Secret {
	slices.SortFunc(x.secrets, func(a, b redact.Secret) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
	})
	return slices.Compact(x.secrets)
}
