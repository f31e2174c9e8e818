package vars

import (
	"net/url"
	"strings"
)

// ShownURL is an entry's url as agents and errors may show it: scheme and host
// as written, unexpanded and without the defaults of variables. Userinfo, path
// and query may hold a key. Of a text that is not a url only the scheme is left.
func ShownURL(written string) string {
	shown := WithoutDefaults(written)
	if strings.HasPrefix(shown, "${") {
		return cutAddress(shown)
	}
	scheme, _, isURL := strings.Cut(shown, "://")
	if !isURL || strings.ContainsAny(scheme, ":@?") {
		return "…"
	}
	if _, err := url.Parse(WithPlaceholders(written, "1")); err != nil {
		return scheme + "://…"
	}
	return cutAddress(shown)
}

// Address is scheme and host of an entry's url as written, with variables and
// their defaults; userinfo, path and query, which may hold a key, are cut.
func Address(written string) string { return cutAddress(written) }

// cutAddress cuts userinfo, path, query and fragment from a url that may hold
// variables; what stands inside their braces does not end anything.
func cutAddress(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "", text
	} else {
		scheme += "://"
	}
	if end := indexOutside(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	return scheme + rest
}

// indexOutside is the first of any of chars that is not inside a ${...}, or
// -1.
func indexOutside(text, chars string) int {
	inside := false
	for i := range len(text) {
		switch c := text[i]; {
		case inside:
			inside = c != '}'
		case c == '{' && i > 0 && text[i-1] == '$':
			inside = true
		case strings.IndexByte(chars, c) >= 0:
			return i
		}
	}
	return -1
}

// WithoutDefaults shows a text with its variables, their defaults left out.
func WithoutDefaults(text string) string {
	var b strings.Builder
	for _, s := range Segments(text) {
		switch before, _, hasDefault := strings.Cut(s.Text, ":-"); {
		case !s.Variable:
			b.WriteString(s.Text)
		case s.open:
			b.WriteString("${…")
		case hasDefault:
			b.WriteString("${" + before + ":-…}")
		default:
			b.WriteString("${" + s.Text + "}")
		}
	}
	return b.String()
}
