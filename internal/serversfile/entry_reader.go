package serversfile

import (
	"net/textproto"
	"net/url"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/vars"
)

// Codes of the problems of one entry.
const (
	CodeWrongType         = "wrong-type"
	CodeEmptyValue        = "empty-value"
	CodeNoTransport       = "no-command-or-url"
	CodeTwoTransports     = "command-and-url"
	CodeUnknownTransport  = "unknown-transport"
	CodeTransportMismatch = "transport-mismatch"
	CodeURLKey            = "url-key"
	CodeBadURL            = "bad-url"
	CodeEnvName           = "bad-env-name"
	CodeHeaderName        = "bad-header-name"
	CodeHeaderTwice       = "duplicate-header"
	CodeNoEffect          = "no-effect"
	CodeEnvFileUnused     = "env-file-unused"
)

// entryKeys are the keys of an entry that mean something here.
var entryKeys = []string{
	"command", "args", "env", "envFile", "cwd", "url", "headers", "type", "transport",
	"description", "disabled", "gateway",
}

// entryReader reads one entry.
type entryReader struct {
	*parser
	path  string
	entry Entry
	node  *jsondoc.Node
	// foreignURL is set when the url stands under another program's key, so
	// that it is not also reported as missing.
	foreignURL bool
}

func (p *parser) entry(m jsondoc.Member, path string) Entry {
	r := entryReader{
		parser: p, path: path, node: m.Value,
		entry: Entry{Name: m.Key, Pos: m.KeyPos(), Settings: DefaultSettings()},
	}
	for _, field := range m.Value.Members() {
		r.field(field)
	}
	r.transport(m)
	r.noEffect()
	return r.entry
}

// field reads one member of the entry.
func (r *entryReader) field(m jsondoc.Member) {
	path, e := jsondoc.KeyPath(r.path, m.Key), &r.entry
	switch m.Key {
	case "command":
		r.text(m.Value, path, &e.Command)
	case "args":
		e.Args = r.texts(m.Value, path)
	case "env":
		e.Env = r.env(m.Value, path)
	case "envFile":
		r.text(m.Value, path, &e.EnvFile)
	case "cwd":
		r.text(m.Value, path, &e.Cwd)
	case "url":
		r.text(m.Value, path, &e.URL)
		r.checkURL(m.Value, path)
	case "headers":
		e.Headers = r.headers(m.Value, path)
	case "description":
		if r.wantKind(m.Value, path, jsondoc.KindString, "a string") {
			e.Description = m.Value.Text()
		}
	case "disabled":
		if r.wantKind(m.Value, path, jsondoc.KindBool, "true or false") {
			e.Disabled = m.Value.Bool()
		}
	case "type", "transport": // see transport
	case "gateway":
		r.settings(m.Value, path)
	default:
		r.foreignKey(m, path)
	}
}

func (r *entryReader) wantKind(n *jsondoc.Node, path string, k jsondoc.Kind, want string) bool {
	if n.Kind != k {
		r.WrongKind(n, path, CodeWrongType, want)
	}
	return n.Kind == k
}

// text reads a string that must not be empty.
func (r *entryReader) text(n *jsondoc.Node, path string, to *string) {
	if !r.wantKind(n, path, jsondoc.KindString, "a string") {
		return
	}
	if n.Text() == "" {
		r.Add(n.Pos(), jsondoc.Error, path, CodeEmptyValue, "give it a value or remove the key", "must not be empty")
	}
	r.checkNUL(n, path)
	*to = n.Text()
}

// texts reads an array of strings; an empty one is the same as none.
func (r *entryReader) texts(n *jsondoc.Node, path string) []string {
	if !r.wantKind(n, path, jsondoc.KindArray, "an array of strings") {
		return nil
	}
	var list []string
	for i, e := range n.Elements() {
		if r.wantString(e, jsondoc.IndexPath(path, i)) {
			list = append(list, e.Text())
		}
	}
	return list
}

// wantString reports what is no string, with the hint to quote it.
func (r *entryReader) wantString(n *jsondoc.Node, path string) bool {
	if n.Kind == jsondoc.KindNumber || n.Kind == jsondoc.KindBool {
		r.Add(n.Pos(), jsondoc.Error, path, CodeWrongType, "put it into double quotes",
			"must be a string, not %s", jsondoc.WithArticle(n.Kind))
		return false
	}
	r.checkNUL(n, path)
	return r.wantKind(n, path, jsondoc.KindString, "a string")
}

// checkNUL refuses what neither a process nor a header can carry.
func (r *entryReader) checkNUL(n *jsondoc.Node, path string) {
	if strings.Contains(n.Text(), "\x00") {
		r.Add(n.Pos(), jsondoc.Error, path, vars.CodeNUL, "", "must not contain a NUL character")
	}
}

// textMap reads an object of strings; an empty one is the same as none.
func (r *entryReader) textMap(n *jsondoc.Node, path string, checkKey func(jsondoc.Member, string)) map[string]string {
	if !r.wantKind(n, path, jsondoc.KindObject, "an object of strings") || len(n.Members()) == 0 {
		return nil
	}
	values := make(map[string]string, len(n.Members()))
	for _, m := range n.Members() {
		at := jsondoc.KeyPath(path, m.Key)
		checkKey(m, at)
		if r.wantString(m.Value, at) {
			values[m.Key] = m.Value.Text()
		}
	}
	return values
}

func (r *entryReader) env(n *jsondoc.Node, path string) map[string]string {
	return r.textMap(n, path, func(m jsondoc.Member, at string) {
		if m.Key == "" || strings.ContainsAny(m.Key, "=\x00") {
			r.Add(m.KeyPos(), jsondoc.Error, at, CodeEnvName, "",
				"the name of an environment variable must not be empty nor contain =")
		}
	})
}

func (r *entryReader) headers(n *jsondoc.Node, path string) map[string]string {
	seen := map[string]string{}
	return r.textMap(n, path, func(m jsondoc.Member, at string) {
		if !validHeaderName(m.Key) {
			r.Add(m.KeyPos(), jsondoc.Error, at, CodeHeaderName, "header names have letters, digits and -",
				"not the name of an HTTP header")
			return
		}
		canonical := textproto.CanonicalMIMEHeaderKey(m.Key)
		if first, twice := seen[canonical]; twice && first != m.Key {
			r.Add(m.KeyPos(), jsondoc.Error, at, CodeHeaderTwice, "keep one of them; case does not matter in header names",
				"the same header as %s", jsondoc.Quote(first))
		}
		seen[canonical] = m.Key
	})
}

// validHeaderName says whether s is a token as HTTP defines it.
func validHeaderName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
}

// checkURL checks as much of a url as is known before variables are expanded.
func (r *entryReader) checkURL(n *jsondoc.Node, path string) {
	written := n.Text()
	if n.Kind != jsondoc.KindString || written == "" || strings.HasPrefix(written, "${") {
		return
	}
	if reason := BadURL(vars.WithPlaceholders(written, "1")); reason != "" {
		r.Add(n.Pos(), jsondoc.Error, path, CodeBadURL, `write it like "https://example.com/mcp"`, "%s", reason)
	}
}

// BadURL says what is wrong with a url, without quoting any of it.
func BadURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "not a valid url"
	case u.Scheme != "http" && u.Scheme != "https":
		return "the url must begin with http:// or https://"
	case u.Hostname() == "":
		return "the url names no host"
	}
	return ""
}

// transportNames maps each accepted spelling to its transport.
var transportNames = map[string]Transport{
	"stdio": Stdio, "http": HTTP, "streamable-http": HTTP, "streamableHttp": HTTP, "streamable_http": HTTP, "sse": SSE,
}

// transport decides how the server is reached, once all members are known.
func (r *entryReader) transport(m jsondoc.Member) {
	command, address := r.node.Member("command"), r.node.Member("url")
	switch {
	case command != nil && address != nil:
		r.Add(m.KeyPos(), jsondoc.Error, r.path, CodeTwoTransports, "remove one, or make two servers of it",
			`cannot have both "command" and "url"`)
	case command != nil:
		r.entry.Transport = Stdio
	case address != nil:
		r.entry.Transport = Auto
	case !r.foreignURL:
		r.Add(m.KeyPos(), jsondoc.Error, r.path, CodeNoTransport,
			`"command" starts a program, "url" reaches a server over HTTP`,
			`must specify either "command" or "url"`)
	}
	var first Transport
	for _, key := range []string{"type", "transport"} {
		if t := r.declared(key); t != "" {
			r.agree(key, t, first)
			first = t
		}
	}
}

// declared reads the key "type" or "transport"; it is empty when absent or
// wrong.
func (r *entryReader) declared(key string) Transport {
	n := r.node.Member(key)
	path := jsondoc.KeyPath(r.path, key)
	if n == nil || !r.wantKind(n, path, jsondoc.KindString, "a string") {
		return ""
	}
	t, known := transportNames[n.Text()]
	if !known {
		r.Add(n.Pos(), jsondoc.Error, path, CodeUnknownTransport, "known: stdio, http, streamable-http, sse",
			"unknown transport %s", jsondoc.Quote(n.Text()))
	}
	return t
}

// agree checks a declared transport against the entry, and against the other
// key that declares one.
func (r *entryReader) agree(key string, declared, other Transport) {
	n, path := r.node.Member(key), jsondoc.KeyPath(r.path, key)
	switch {
	case other != "" && other != declared:
		r.Add(n.Pos(), jsondoc.Error, path, CodeTransportMismatch, "remove one of them", `"type" and "transport" do not agree`)
	case declared == Stdio && r.entry.Transport == Auto:
		r.Add(n.Pos(), jsondoc.Error, path, CodeTransportMismatch, `use "http" or "sse", or remove it`,
			`%q does not go with "url"`, n.Text())
	case declared != Stdio && r.entry.Transport == Stdio:
		r.Add(n.Pos(), jsondoc.Error, path, CodeTransportMismatch, `use "stdio", or remove it`,
			`%q does not go with "command"`, n.Text())
	case r.entry.Transport == Auto:
		r.entry.Transport = declared
	}
}

// noEffect warns of keys that belong to the other transport.
func (r *entryReader) noEffect() {
	var keys []string
	with := ""
	switch r.entry.Transport {
	case Stdio:
		keys, with = []string{"headers"}, "command"
	case HTTP, SSE, Auto:
		keys, with = []string{"args", "env", "cwd"}, "url"
	}
	for _, m := range r.node.Members() {
		for _, key := range keys {
			if m.Key == key {
				r.Add(m.KeyPos(), jsondoc.Warning, jsondoc.KeyPath(r.path, key), CodeNoEffect, "remove it",
					"has no effect together with %q", with)
			}
		}
		if m.Key == "envFile" && !usesVariables(r.entry) {
			r.Add(m.KeyPos(), jsondoc.Warning, jsondoc.KeyPath(r.path, "envFile"), CodeEnvFileUnused,
				`name what the server needs: "env": {"TOKEN": "${TOKEN}"}`,
				"has no effect: it is only where ${...} is looked up, and the entry has none")
		}
	}
}

// usesVariables says whether anything in an entry that is expanded has a
// variable.
func usesVariables(e Entry) bool {
	found := false
	look := func(text string) {
		for _, s := range vars.Segments(text) {
			found = found || s.Variable
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
