package vars

import (
	"regexp"
	"strings"

	"gatehouse/internal/jsondoc"
)

// A Segment is a piece of a text that may hold variables: either literal text
// or what stands between "${" and "}".
type Segment struct {
	Text     string
	Variable bool
	open     bool // the closing brace is missing
}

// Segments cuts a text at its variables. "$${" becomes the literal "${", and a
// "$" before anything else is left alone.
func Segments(text string) []Segment {
	var list []Segment
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
			list = append(list, Segment{Text: literal.String()})
			literal.Reset()
		}
		inside, rest, closed := strings.Cut(text[i+2:], "}")
		list = append(list, Segment{Text: inside, Variable: true, open: !closed})
		text = rest
	}
	literal.WriteString(text)
	if literal.Len() > 0 {
		list = append(list, Segment{Text: literal.String()})
	}
	return list
}

// Variable is what stands between the braces, taken apart.
type Variable struct {
	// name is VAR, or file:PATH; what problems and secrets are named by.
	Name       string
	Path       string // of file:PATH
	Fallback   string
	HasDefault bool
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_()]*$`)

// ParseVariable takes apart what stands in a ${...}. The reason is empty when
// it is well-formed; it quotes nothing that could be a value.
func ParseVariable(s Segment) (v Variable, reason string) {
	if s.open {
		return v, "a ${ has no closing brace; write $${ for a literal ${"
	}
	if strings.Contains(s.Text, "${") {
		return v, "variables cannot be nested"
	}
	if path, isFile := strings.CutPrefix(s.Text, "file:"); isFile {
		if path == "" {
			return v, "${file:} names no file"
		}
		return Variable{Name: "file:" + jsondoc.Shorten(path), Path: path}, ""
	}
	name, fallback, hasDefault := strings.Cut(strings.TrimPrefix(s.Text, "env:"), ":-")
	if !variableName.MatchString(name) {
		return v, "unknown variable form " + shownForm(name) +
			"; known: ${VAR}, ${env:VAR}, ${VAR:-default}, ${file:PATH}, ${userHome}, ${workspaceFolder}"
	}
	return Variable{Name: name, Fallback: fallback, HasDefault: hasDefault}, ""
}

// IsPlace reports whether a name of a variable stands for a folder, whatever sets it.
func IsPlace(name string) bool { return name == "userHome" || name == "workspaceFolder" }

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

// WithPlaceholders replaces every variable, so that what is written around
// them can be checked.
func WithPlaceholders(text, placeholder string) string {
	var b strings.Builder
	for _, s := range Segments(text) {
		if s.Variable {
			b.WriteString(placeholder)
		} else {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}
