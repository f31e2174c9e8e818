package serversfile

import (
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/vars"
)

// Codes of the problems of one entry.
const (
	codeWrongType         = "wrong-type"
	codeEmptyValue        = "empty-value"
	codeNoTransport       = "no-command-or-url"
	codeTwoTransports     = "command-and-url"
	codeUnknownTransport  = "unknown-transport"
	codeTransportMismatch = "transport-mismatch"
	codeURLKey            = "url-key"
	codeBadURL            = "bad-url"
	codeEnvName           = "bad-env-name"
	codeHeaderName        = "bad-header-name"
	codeHeaderTwice       = "duplicate-header"
	codeNoEffect          = "no-effect"
	codeEnvFileUnused     = "env-file-unused"
	codeCommandLine       = "command-line"
	codeLiteralVariable   = "literal-variable"
)

// entryReader reads one entry.
type entryReader struct {
	*parser
	path  string
	entry Entry
	node  *jsondoc.Node
	// otherURL is set when the url stands under another program's key, so
	// that it is not also reported as missing.
	otherURL bool
}

func (p *parser) entry(m jsondoc.Member, path string) Entry {
	r := entryReader{
		parser: p, path: path, node: m.Value,
		entry: Entry{Name: m.Key, Pos: m.KeyPos(), Settings: DefaultSettings()},
	}
	keys := r.keys()
	keys.ReadSet(m.Value, path, func(m jsondoc.Member, path string) { r.otherKey(m, path, keys.Names()) })
	r.transport(m)
	r.noEffect()
	r.authUnused()
	r.commandLine()
	r.literalVariables()
	r.agentVariables()
	return r.entry
}

// member is the value of a key of the entry, or nil if it is absent.
func (r *entryReader) member(key string) *jsondoc.Node {
	if n := r.node.Member(key); n != nil && n.Kind != jsondoc.KindNull {
		return n
	}
	return nil
}

// keys are the keys of an entry that mean something here.
func (r *entryReader) keys() jsondoc.Keys {
	e := &r.entry
	return jsondoc.Keys{
		{Name: "command", Read: r.text(&e.Command, `write the program here, and each argument in "args": ["..."]`)},
		{Name: "args", Read: func(n *jsondoc.Node, path string) { e.Args = r.texts(n, path) }},
		{Name: "env", Read: r.env},
		{Name: "envFile", Read: r.text(&e.EnvFile, "")},
		{Name: "cwd", Read: r.text(&e.Cwd, "")},
		{Name: "url", Read: r.url},
		{Name: "headers", Read: r.headers},
		{Name: "type"}, // See transport.
		{Name: "transport"},
		{Name: "description", Read: r.description},
		{Name: "disabled", Read: r.disabled},
		{Name: "gateway", Read: r.settings},
	}
}

func (r *entryReader) description(n *jsondoc.Node, path string) {
	if r.wantKind(n, path, jsondoc.KindString, "a string", "") {
		r.entry.Description = n.Text()
	}
}

func (r *entryReader) disabled(n *jsondoc.Node, path string) {
	if r.wantKind(n, path, jsondoc.KindBool, "true or false", "") {
		r.entry.Disabled = n.Bool()
	}
}

func (r *entryReader) wantKind(n *jsondoc.Node, path string, k jsondoc.Kind, want, hint string) bool {
	if n.Kind != k {
		r.WrongKind(n, path, codeWrongType, want, hint)
	}
	return n.Kind == k
}

// text makes a reader of a string that must not be empty. hint says how to write
// one.
func (r *entryReader) text(to *string, hint string) func(*jsondoc.Node, string) {
	return func(n *jsondoc.Node, path string) {
		if !r.wantKind(n, path, jsondoc.KindString, "a string", hint) {
			return
		}
		if n.Text() == "" {
			r.Add(n.Pos(), jsondoc.Error, path, codeEmptyValue, "give it a value or remove the key", "must not be empty")
		}
		r.checkNUL(n, path)
		*to = n.Text()
	}
}

// texts reads an array of strings; an empty one is the same as none.
func (r *entryReader) texts(n *jsondoc.Node, path string) []string {
	if !r.wantKind(n, path, jsondoc.KindArray, "an array of strings", `write each one by itself: ["...", "..."]`) {
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

// wantString reports whether a value is a string. If not, the hint is to quote
// it.
func (r *entryReader) wantString(n *jsondoc.Node, path string) bool {
	if n.Kind == jsondoc.KindNumber || n.Kind == jsondoc.KindBool {
		r.Add(n.Pos(), jsondoc.Error, path, codeWrongType, "put it into double quotes",
			"must be a string, not %s", jsondoc.WithArticle(n.Kind))
		return false
	}
	r.checkNUL(n, path)
	return r.wantKind(n, path, jsondoc.KindString, "a string", "")
}

// checkNUL refuses what neither a process nor a header can carry.
func (r *entryReader) checkNUL(n *jsondoc.Node, path string) {
	if strings.Contains(n.Text(), "\x00") {
		r.Add(n.Pos(), jsondoc.Error, path, vars.CodeNUL, "", "must not contain a NUL character")
	}
}

// textMap reads an object of strings; an empty one is the same as none.
func (r *entryReader) textMap(n *jsondoc.Node, path string, checkKey func(jsondoc.Member, string)) map[string]string {
	if !r.wantKind(n, path, jsondoc.KindObject, "an object of strings", `write {"NAME": "value"}`) || len(n.Members()) == 0 {
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

func (r *entryReader) env(n *jsondoc.Node, path string) {
	r.entry.Env = r.textMap(n, path, func(m jsondoc.Member, at string) {
		if m.Key == "" || strings.ContainsAny(m.Key, "=\x00") {
			r.Add(m.KeyPos(), jsondoc.Error, at, codeEnvName, "",
				"the name of an environment variable must not be empty nor contain =")
		}
	})
}

func (r *entryReader) headers(n *jsondoc.Node, path string) {
	seen := map[string]string{}
	r.entry.Headers = r.textMap(n, path, func(m jsondoc.Member, at string) {
		if !validHeaderName(m.Key) {
			r.Add(m.KeyPos(), jsondoc.Error, at, codeHeaderName, "header names have letters, digits and -",
				"not the name of an HTTP header")
			return
		}
		canonical := textproto.CanonicalMIMEHeaderKey(m.Key)
		if first, twice := seen[canonical]; twice && first != m.Key {
			r.Add(m.KeyPos(), jsondoc.Error, at, codeHeaderTwice, "keep one of them; case does not matter in header names",
				"the same header as %s", jsondoc.Quote(first))
		}
		seen[canonical] = m.Key
	})
}

// validHeaderName reports whether s is a token as HTTP defines it.
func validHeaderName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
}

// url reads an address and checks as much of it as is known before variables
// are expanded.
func (r *entryReader) url(n *jsondoc.Node, path string) {
	r.text(&r.entry.URL, "")(n, path)
	written := n.Text()
	if n.Kind != jsondoc.KindString || written == "" || strings.HasPrefix(written, "${") {
		return
	}
	if reason := BadURL(vars.WithPlaceholders(written, "1")); reason != "" {
		r.Add(n.Pos(), jsondoc.Error, path, codeBadURL, `write it like "https://example.com/mcp"`, "%s", reason)
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
	case u.Port() != "" && !isPort(u.Port()):
		return "the port of the url is not one from 1 to 65535"
	}
	return ""
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// transportNames maps each accepted spelling to its transport.
var transportNames = map[string]Transport{
	"stdio": Stdio, "http": HTTP, "streamable-http": HTTP, "streamableHttp": HTTP, "streamable_http": HTTP, "sse": SSE,
}

// transport decides how the server is reached, once all members are known.
func (r *entryReader) transport(m jsondoc.Member) {
	command, address := r.member("command"), r.member("url")
	switch {
	case command != nil && address != nil:
		r.Add(m.KeyPos(), jsondoc.Error, r.path, codeTwoTransports, "remove one, or make two servers of it",
			`cannot have both "command" and "url"`)
	case command != nil:
		r.entry.Transport = Stdio
	case address != nil:
		r.entry.Transport = Auto
	case !r.otherURL:
		r.Add(m.KeyPos(), jsondoc.Error, r.path, codeNoTransport,
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
	n := r.member(key)
	path := jsondoc.KeyPath(r.path, key)
	if n == nil || !r.wantKind(n, path, jsondoc.KindString, "a string", "") {
		return ""
	}
	t, known := transportNames[n.Text()]
	if !known {
		r.Add(n.Pos(), jsondoc.Error, path, codeUnknownTransport, transportHint(n.Text()),
			"unknown transport %s", jsondoc.Quote(n.Text()))
	}
	return t
}

// transportHint says how a transport is written here that other programs call
// something else.
func transportHint(name string) string {
	switch name {
	case "local":
		return `write "stdio", or remove it`
	case "remote", "streamable", "streaming":
		return `write "http", or remove it`
	}
	return "known: stdio, http, streamable-http, sse"
}

// commandLine warns of a command that has its arguments in it. Paths have
// spaces too.
func (r *entryReader) commandLine() {
	program, _, spaces := strings.Cut(strings.TrimSpace(vars.WithPlaceholders(r.entry.Command, "x")), " ")
	if !spaces || len(r.entry.Args) > 0 || strings.ContainsAny(program, `/\`) {
		return
	}
	r.Add(r.member("command").Pos(), jsondoc.Warning, jsondoc.KeyPath(r.path, "command"), codeCommandLine,
		`write the program here, and each argument in "args": ["..."]`, "has spaces in it, and no shell takes it apart")
}

// agree checks a declared transport against the entry, and against the other
// key that declares one.
func (r *entryReader) agree(key string, declared, other Transport) {
	n, path := r.member(key), jsondoc.KeyPath(r.path, key)
	switch {
	case other != "" && other != declared:
		r.Add(n.Pos(), jsondoc.Error, path, codeTransportMismatch, "remove one of them", `"type" and "transport" do not agree`)
	case declared == Stdio && r.entry.Transport == Auto:
		r.Add(n.Pos(), jsondoc.Error, path, codeTransportMismatch, `use "http" or "sse", or remove it`,
			`%q does not go with "url"`, n.Text())
	case declared != Stdio && r.entry.Transport == Stdio:
		r.Add(n.Pos(), jsondoc.Error, path, codeTransportMismatch, `use "stdio", or remove it`,
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
		if m.Value.Kind == jsondoc.KindNull {
			continue
		}
		for _, key := range keys {
			if m.Key == key {
				r.Add(m.KeyPos(), jsondoc.Warning, jsondoc.KeyPath(r.path, key), codeNoEffect, "remove it",
					"has no effect together with %q", with)
			}
		}
		if m.Key == "envFile" && !usesVariables(r.entry) {
			r.Add(m.KeyPos(), jsondoc.Warning, jsondoc.KeyPath(r.path, "envFile"), codeEnvFileUnused,
				`name what the server needs: "env": {"TOKEN": "${TOKEN}"}`,
				"has no effect: it is only where ${...} is looked up, and the entry has none")
		}
	}
}

// usesVariables reports whether anything in an entry that is expanded has a
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
	look(e.Auth.ClientID)
	look(e.Auth.ClientSecret)
	return found
}
