package config

import (
	"net/url"
	"regexp"
	"strings"
)

// A segment is a piece of a text that may hold variables: either literal text
// or what stands between "${" and "}".
type segment struct {
	text     string
	variable bool
	open     bool // the closing brace is missing
}

// segments cuts a text at its variables. "$${" becomes the literal "${", and a
// "$" before anything else is left alone.
func segments(text string) []segment {
	var list []segment
	var literal strings.Builder
	for text != "" {
		i := strings.Index(text, "${")
		if i < 0 {
			break
		}
		if i > 0 && text[i-1] == '$' {
			literal.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		literal.WriteString(text[:i])
		if literal.Len() > 0 {
			list = append(list, segment{text: literal.String()})
			literal.Reset()
		}
		inside, rest, closed := strings.Cut(text[i+2:], "}")
		list = append(list, segment{text: inside, variable: true, open: !closed})
		text = rest
	}
	literal.WriteString(text)
	if literal.Len() > 0 {
		list = append(list, segment{text: literal.String()})
	}
	return list
}

// variable is what stands between the braces, taken apart.
type variable struct {
	// name is VAR, or file:PATH; what problems and secrets are named by.
	name       string
	path       string // of file:PATH
	fallback   string
	hasDefault bool
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_()]*$`)

// parseVariable takes apart what stands in a ${...}. The reason is empty when
// it is well-formed; it quotes nothing that could be a value.
func parseVariable(s segment) (v variable, reason string) {
	if s.open {
		return v, "a ${ has no closing brace; write $${ for a literal ${"
	}
	if strings.Contains(s.text, "${") {
		return v, "variables cannot be nested"
	}
	if path, isFile := strings.CutPrefix(s.text, "file:"); isFile {
		if path == "" {
			return v, "${file:} names no file"
		}
		return variable{name: "file:" + shorten(path), path: path}, ""
	}
	name, fallback, hasDefault := strings.Cut(strings.TrimPrefix(s.text, "env:"), ":-")
	if !variableName.MatchString(name) {
		return v, "unknown variable form " + shownForm(name) +
			"; known: ${VAR}, ${env:VAR}, ${VAR:-default}, ${file:PATH}, ${userHome}, ${workspaceFolder}"
	}
	return variable{name: name, fallback: fallback, hasDefault: hasDefault}, ""
}

// shownForm shows the part of an unknown form that cannot be a value: the word
// before the colon.
func shownForm(name string) string {
	word, _, colon := strings.Cut(name, ":")
	switch {
	case !variableName.MatchString(word) || len(word) > 32:
		return "${...}"
	case colon:
		return "${" + word + ":...}"
	}
	return "${" + word + "}"
}

// withPlaceholders replaces every variable, so that what is written around
// them can be checked.
func withPlaceholders(text, placeholder string) string {
	var b strings.Builder
	for _, s := range segments(text) {
		if s.variable {
			b.WriteString(placeholder)
		} else {
			b.WriteString(s.text)
		}
	}
	return b.String()
}

// usesVariables says whether anything in an entry that is expanded has a
// variable.
func usesVariables(e Entry) bool {
	found := false
	look := func(text string) {
		for _, s := range segments(text) {
			found = found || s.variable
		}
	}
	look(e.Command)
	look(e.Cwd)
	look(e.URL)
	for _, text := range e.Args {
		look(text)
	}
	for _, text := range e.Env {
		look(text)
	}
	for _, text := range e.Headers {
		look(text)
	}
	return found
}

// ShownCommand is an entry's command as status and errors may show it: as
// written, unexpanded, the defaults of variables left out. Arguments are never
// shown.
func ShownCommand(command string) string { return withoutDefaults(command) }

// ShownURL is an entry's url as status and errors may show it: as written,
// unexpanded, without userinfo, query, fragment and the defaults of variables.
// Of a text that is no url only the scheme is left.
func ShownURL(written string) string {
	shown := withoutDefaults(written)
	if strings.HasPrefix(shown, "${") {
		return cutAddress(shown)
	}
	scheme, _, isURL := strings.Cut(shown, "://")
	if !isURL || strings.ContainsAny(scheme, ":@?") {
		return "…"
	}
	if _, err := url.Parse(withPlaceholders(written, "1")); err != nil {
		return scheme + "://…"
	}
	return cutAddress(shown)
}

// cutAddress cuts userinfo, query and fragment from a url that may hold
// variables; what stands inside their braces does not end anything.
func cutAddress(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "", text
	} else {
		scheme += "://"
	}
	end := indexOutside(rest, "?#")
	if end >= 0 {
		rest = rest[:end]
	}
	authority := rest
	if slash := indexOutside(rest, "/"); slash >= 0 {
		authority = rest[:slash]
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
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

// withoutDefaults shows a text with its variables, their defaults left out.
func withoutDefaults(text string) string {
	var b strings.Builder
	for _, s := range segments(text) {
		switch before, _, hasDefault := strings.Cut(s.text, ":-"); {
		case !s.variable:
			b.WriteString(s.text)
		case s.open:
			b.WriteString("${…")
		case hasDefault:
			b.WriteString("${" + before + ":-…}")
		default:
			b.WriteString("${" + s.text + "}")
		}
	}
	return b.String()
}
