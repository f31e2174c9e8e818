package clients

import (
	"path/filepath"
	"strconv"
	"strings"

	"gatehouse/internal/lazyregexp"
)

// variables are the ways in which a client writes variables.
type variables struct {
	braces bool // ${NAME}, ${NAME:-default}, ${env:NAME}, ${input:ID}, ...
	dollar bool // $NAME
	curly  bool // {env:NAME}, {file:PATH}
	hub    bool // ${{ secrets.NAME }}
}

var (
	inBraces = variables{braces: true}
	literal  = variables{}
)

var (
	hubForm    = lazyregexp.New(`^\$\{\{\s*(?:secrets|inputs|env)\.([A-Za-z0-9_./-]+)\s*\}\}`)
	braceForm  = lazyregexp.New(`^\$\{([^{}]*)\}`)
	curlyForm  = lazyregexp.New(`^\{(env|file):([^{}]+)\}`)
	dollarForm = lazyregexp.New(`^\$(?:env:)?([A-Za-z_][A-Za-z0-9_]*)`)
	plainName  = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// value translates a text of the client. field names where it stands, for notes
// and for variables that have to be made up.
func (r *entryReader) value(s, field string) Value {
	s = r.clean(s, field)
	var v Value
	literalFrom := 0
	for i := 0; i < len(s); {
		parts, length, ok := r.variable(s[i:], field)
		if !ok {
			i++
			continue
		}
		if i > literalFrom && s[i-1] == '$' && isVariable(parts) { // Ours would be read as $${, a text.
			made := r.made(s, field)
			r.note(Attention, "a $ right before a variable in %s cannot be written here: set %s in gatehouse.env to the whole value", field, made)
			return variable(made)
		}
		v = append(v, text(s[literalFrom:i])...)
		v = append(v, parts...)
		i += length
		literalFrom = i
	}
	return append(v, text(s[literalFrom:])...)
}

// isVariable reports whether a value begins with what is written as ${...}.
func isVariable(v Value) bool { return len(v) > 0 && (v[0].Var != "" || v[0].File != "") }

// variable reads the variable that a text begins with.
func (r *entryReader) variable(s, field string) (v Value, length int, ok bool) {
	forms := r.client.dialect.variables
	if forms.hub {
		if m := hubForm().FindStringSubmatch(s); m != nil {
			return variable(upperName(m[1])), len(m[0]), true
		}
	}
	if forms.curly {
		if m := curlyForm().FindStringSubmatch(s); m != nil {
			if m[1] == "file" {
				return r.file(m[2]), len(m[0]), true
			}
			return variable(r.named(m[2], field)), len(m[0]), true
		}
	}
	if forms.braces {
		if m := braceForm().FindStringSubmatch(s); m != nil {
			return r.braces(m[1], field), len(m[0]), true
		}
	}
	if forms.dollar {
		if m := dollarForm().FindStringSubmatch(s); m != nil {
			return variable(m[1]), len(m[0]), true
		}
	}
	return nil, 0, false
}

// braces translates what stands in ${...}.
func (r *entryReader) braces(inside, field string) Value {
	name, fallback, hasDefault := strings.Cut(strings.TrimPrefix(inside, "env:"), ":-")
	word, rest, _ := strings.Cut(inside, ":")
	switch {
	case inside == home:
		return variable(home)
	case word == "workspaceFolder" || word == "workspaceRoot" || word == "fileWorkspaceFolder" || inside == "cwd":
		return text(r.folder("${" + word + "}"))
	case inside == "workspaceFolderBasename":
		return text(filepath.Base(r.folder("${workspaceFolderBasename}")))
	case inside == "pathSeparator" || inside == "/":
		return text(string(filepath.Separator))
	case word == "input":
		return variable(r.input(rest))
	case word == "file":
		return r.file(rest)
	case plainName().MatchString(name):
		return Value{{Var: name, Default: fallback, HasDefault: hasDefault}}
	}
	made := r.made(inside, field)
	what := "${" + word + ":...}"
	if !plainName().MatchString(word) || word == inside {
		what = "a variable of its own"
	}
	doing := "is not read here"
	if word == "cmd" || word == "command" {
		doing = "runs a program, which an import never does"
	}
	r.note(Attention, "%s in %s %s: set %s in gatehouse.env", what, field, doing, made)
	return variable(made)
}

// made is a variable for what cannot be translated, another one for each text.
func (r *entryReader) made(inside, field string) string {
	if r.madeUp == nil {
		r.madeUp = map[string]string{}
	}
	name := VariableName(r.server.Name, field)
	if n := len(r.madeUp); n > 0 && r.madeUp[inside] == "" {
		name += "_" + strconv.Itoa(n+1)
	}
	if r.madeUp[inside] == "" {
		r.madeUp[inside] = name
	}
	return r.madeUp[inside]
}

// folder is the folder that the client has open. Where that is another one each
// time, the server cannot be shared.
func (r *entryReader) folder(what string) string {
	if r.base == "" {
		r.leaveOut("it is given %s, whichever folder the client has open, and a gateway has none: write the folder that you mean, and import it again", what)
	}
	return r.base
}

// input is the variable for a value that the client asks its user for.
func (r *entryReader) input(id string) string {
	name := "INPUT_" + upperName(id)
	in, known := r.inputs[id]
	if !known {
		in = "a value that the client asks for"
	}
	r.note(Attention, "${input:%s} is %s: set %s in gatehouse.env", show(id), in, name)
	return name
}

func (r *entryReader) file(path string) Value {
	if underHome(path) || filepath.IsAbs(path) {
		return Value{{File: path}}
	}
	base := r.base
	if base == "" {
		base = filepath.Dir(r.from.Path)
	}
	return Value{{File: filepath.Join(base, path)}}
}

// named makes a name of a variable of a text.
func (r *entryReader) named(s, field string) string {
	if plainName().MatchString(s) {
		return s
	}
	if name := upperName(s); name != "" {
		return name
	}
	return upperName(field)
}

// upperName makes NAMES_LIKE_THIS of a text.
func upperName(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c >= 'a' && c <= 'z':
			b.WriteRune(c - 'a' + 'A')
		case c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_':
			b.WriteRune(c)
		default:
			if n := b.Len(); n > 0 && b.String()[n-1] != '_' {
				b.WriteByte('_')
			}
		}
	}
	name := strings.Trim(b.String(), "_")
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name[:min(len(name), 64)]
}

// VariableName makes the name of a variable of the words that it is about.
func VariableName(words ...string) string {
	if name := upperName(strings.Join(words, "_")); name != "" {
		return name
	}
	return "VALUE"
}

// underHome reports whether a path begins at the user's home.
func underHome(path string) bool {
	return path == "~" || strings.HasPrefix(path, "~/") || strings.HasPrefix(path, `~\`)
}
