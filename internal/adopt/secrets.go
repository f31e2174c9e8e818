package adopt

import (
	"regexp"
	"strings"

	"gatehouse/internal/clients"
	"gatehouse/internal/lazyregexp"
	"gatehouse/internal/redact"
	"gatehouse/internal/resolve"
)

// secretsOut makes the entry of a server. Each literal value of env and headers
// becomes a variable, and so does what looks like a token in arguments, in the
// command, and in the address.
func (m *merger) secretsOut(s *clients.Server, env *envFile) entry {
	x := extractor{server: s.Name, env: env}
	e := plain(s)
	e.description = redact.MaskKnown(e.description)
	e.command = x.known(s.Command, "command").String()
	e.cwd = x.known(s.Cwd, "cwd").String()
	e.url = x.url(s.URL).String()
	e.args = x.args(s.Args)
	for i, n := range s.Env {
		e.env[i].value = x.literal(n.Value, n.Name).String()
	}
	for i, n := range s.Headers {
		e.headers[i].value = x.header(n.Value, n.Name).String()
	}
	return e
}

// Secrets are what an import would move out of a server's entry, by the names that it
// would give the variables.
func Secrets(s *clients.Server) []redact.Secret {
	env := newEnvFile(map[string]string{}, nil)
	(&merger{}).secretsOut(s, &env)
	var list []redact.Secret
	for _, name := range env.names() {
		list = append(list, redact.Secret{Name: name, Value: env.values[name]})
	}
	return list
}

type extractor struct {
	server string
	env    *envFile
}

func (x extractor) keep(field, value string) clients.Part {
	return clients.Part{Var: x.env.keep(x.server, field, value)}
}

// literal moves all text of a value that could be a secret.
func (x extractor) literal(v clients.Value, field string) clients.Value {
	alone := len(v) == 1
	out := make(clients.Value, 0, len(v))
	for _, p := range v {
		switch {
		case p.Var != "" && p.HasDefault && secretDefault(field, p):
			// The variable is asked no more: its default is what counts.
			out = append(out, x.keep(field, p.Default))
		case p.Var != "" || p.File != "" || p.Text == "" || !alone && harmless(p.Text):
			out = append(out, p)
		default:
			out = append(out, x.keep(field, p.Text))
		}
	}
	return out
}

func secretDefault(field string, p clients.Part) bool {
	return p.Default != "" && (redact.Known(p.Default) != "" || secretName(field) || secretName(p.Var))
}

// harmless reports whether a text around a variable is only that: "Bearer ",
// "/data", "https://".
func harmless(text string) bool {
	if redact.Known(text) != "" {
		return false
	}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune("/ :=,;&?", r) }) {
		if !resolve.PlainSegment(part) {
			return false
		}
	}
	return !strings.Contains(text, "@")
}

var scheme = lazyregexp.New(`^(?i)(?:bearer|basic|token|apikey|key|digest) +`)

// header leaves the word before a credential where it is.
func (x extractor) header(v clients.Value, name string) clients.Value {
	if len(v) == 0 || v[0].Text == "" {
		return x.literal(v, name)
	}
	word := scheme().FindString(v[0].Text)
	if word == "" || word == v[0].Text && len(v) == 1 {
		return x.literal(v, name)
	}
	rest := append(clients.Value{{Text: v[0].Text[len(word):]}}, v[1:]...)
	if rest[0].Text == "" {
		rest = rest[1:]
	}
	return append(clients.Value{{Text: word}}, x.literal(rest, name)...)
}

// known moves a text that holds a well-known token, as a whole.
func (x extractor) known(v clients.Value, field string) clients.Value {
	out := make(clients.Value, 0, len(v))
	for _, p := range v {
		if p.Text != "" && redact.Known(p.Text) != "" {
			p = x.keep(field, p.Text)
		}
		out = append(out, p)
	}
	return out
}

var secretWord = lazyregexp.New(`(?i)(?:token|secret|passw(?:or)?d|passphrase|pwd|api[-_]?key|access[-_]?key|private[-_]?key|credential|auth|bearer|cookie|session|signature|dsn|connection[-_]?string|database[-_]?url|^pat$|^sig$|^key$|[-_]key$|^k$)`)

// secretName reports whether what has this name is probably a secret.
func secretName(name string) bool { return secretWord().MatchString(name) }

var (
	flagValue  = lazyregexp.New(`^(--?[A-Za-z][\w.-]*[=:])(.+)$`)
	assignment = lazyregexp.New(`^([A-Za-z_][A-Za-z0-9_]*)=(.*)$`)
	headerText = lazyregexp.New(`^([A-Za-z][\w-]*: *)(.+)$`)
	inJSON     = lazyregexp.New(`"([^"\\]*)"\s*:\s*"[^"]`)
	inScript   = lazyregexp.New(`([A-Za-z_][A-Za-z0-9_]*|--[a-z][\w-]*)[= ]\S`)
	address    = lazyregexp.New(`^[a-z][a-z0-9+.-]*://`)
)

// args moves what looks like a token in arguments.
func (x extractor) args(args []clients.Value) []string {
	out := make([]string, 0, len(args))
	before := ""
	for _, a := range args {
		out = append(out, x.arg(a, before).String())
		before, _ = a.Plain()
	}
	return out
}

func (x extractor) arg(v clients.Value, before string) clients.Value {
	if len(v) == 0 {
		return v
	}
	first := v[0].Text
	switch {
	case len(v) == 1 && first != "" && isFlag(before) && !isFlag(first) && secretName(strings.TrimLeft(before, "-")):
		return clients.Value{x.keep(strings.TrimLeft(before, "-"), first)}
	case before == "-e" || before == "--env":
		if m := assignment().FindStringSubmatch(first); m != nil {
			return x.rest(v, m[1]+"=", m[1], x.literal)
		}
	case before == "-H" || before == "--header" || headerText().MatchString(first) && secretName(first[:strings.IndexByte(first, ':')]):
		if m := headerText().FindStringSubmatch(first); m != nil {
			return x.rest(v, m[1], strings.Trim(m[1], ": "), x.header)
		}
	}
	if m := flagValue().FindStringSubmatch(first); m != nil {
		name := strings.Trim(m[1], "-=:")
		if secretName(name) {
			return x.rest(v, m[1], name, x.literal)
		}
		return append(clients.Value{{Text: m[1]}}, x.arg(append(clients.Value{{Text: m[2]}}, v[1:]...), "")...)
	}
	if m := assignment().FindStringSubmatch(first); m != nil && secretName(m[1]) {
		return x.rest(v, m[1]+"=", m[1], x.literal)
	}
	if address().MatchString(first) {
		return x.url(v)
	}
	if len(v) == 1 && (names(inJSON(), first) || strings.ContainsAny(first, " \n") && names(inScript(), first)) {
		return clients.Value{x.keep("argument", first)}
	}
	return x.known(v, "argument")
}

// names reports whether a text has something with the name of a secret.
func names(form *regexp.Regexp, text string) bool {
	for _, m := range form.FindAllStringSubmatch(text, -1) {
		if secretName(strings.TrimLeft(m[1], "-")) {
			return true
		}
	}
	return false
}

func isFlag(arg string) bool { return strings.HasPrefix(arg, "-") && len(arg) > 1 }

// rest moves what follows a prefix.
func (x extractor) rest(v clients.Value, prefix, field string, move func(clients.Value, string) clients.Value) clients.Value {
	rest := append(clients.Value{{Text: v[0].Text[len(prefix):]}}, v[1:]...)
	if rest[0].Text == "" {
		rest = rest[1:]
	}
	return append(clients.Value{{Text: prefix}}, move(rest, field)...)
}

// url moves the password, the values of the query, and parts of the path that
// look like keys.
func (x extractor) url(v clients.Value) clients.Value {
	var out clients.Value
	in := urlPlace{}
	for _, p := range v {
		if p.Text == "" {
			out = append(out, p)
			in.begun = true
			continue
		}
		out = append(out, x.urlText(p.Text, &in)...)
	}
	return out
}

// urlPlace is where in an address a text begins.
type urlPlace struct {
	begun bool // scheme and host are over
	query bool
	name  string // of the value in the query
}

func (x extractor) urlText(text string, in *urlPlace) (out clients.Value) {
	if !in.begun {
		in.begun = true
		head, rest, _ := strings.Cut(text, "://")
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		host := rest[:end]
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			who, password, ok := strings.Cut(host[:at], ":")
			out = append(out, clients.Part{Text: head + "://"})
			if ok {
				out = append(out, clients.Part{Text: who + ":"}, x.keep("password", password))
			} else {
				out = append(out, x.keep("user", who))
			}
			out = append(out, clients.Part{Text: host[at:]})
		} else {
			out = append(out, clients.Part{Text: head + "://" + host})
		}
		text = rest[end:]
	}
	return append(out, x.pathAndQuery(text, in)...)
}

func (x extractor) pathAndQuery(text string, in *urlPlace) (out clients.Value) {
	for text != "" {
		ends := "/?#"
		if in.query {
			ends = "&=#"
		}
		end := strings.IndexAny(text, ends)
		if end < 0 {
			end = len(text)
		}
		if piece := text[:end]; piece != "" {
			out = append(out, x.urlPiece(piece, text[end:], in))
		}
		if end == len(text) {
			break
		}
		switch text[end] {
		case '?', '#':
			in.query, in.name = true, ""
		case '&':
			in.name = ""
		}
		out = append(out, clients.Part{Text: text[end : end+1]})
		text = text[end+1:]
	}
	return out
}

func (x extractor) urlPiece(piece, rest string, in *urlPlace) clients.Part {
	switch {
	case in.query && in.name == "" && strings.HasPrefix(rest, "="):
		in.name = piece
	case in.query && (secretName(in.name) || len(piece) >= 8 && !resolve.PlainSegment(piece)):
		name := in.name
		if name == "" {
			name = "query"
		}
		return x.keep(name, piece)
	case !in.query && len(piece) >= 12 && !resolve.PlainSegment(piece) && !strings.Contains(piece, "."):
		return x.keep("path", piece)
	case redact.Known(piece) != "":
		return x.keep("url", piece)
	}
	return clients.Part{Text: piece}
}
