package serversfile

import (
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/lazyregexp"
	"gatehouse/internal/redact"
	"gatehouse/internal/vars"
)

// Codes of what a servers file without errors should not say.
const (
	codeSecret   = "secret-in-clear-text"
	codeUnpinned = "unpinned-package"
	codeNoIssuer = "auth-without-issuer"
)

// Doubts are warnings about a servers file: secrets that stand in it in clear
// text, or go to whomever a server names, and packages that are run in whatever
// version is the newest. A file
// with errors has none. No secret is quoted. Parse is for all else that is
// wrong.
func Doubts(file string, src []byte) []jsondoc.Problem {
	doc, problems := jsondoc.Parse(file, src)
	if doc == nil || jsondoc.HasErrors(problems) {
		return nil
	}
	r := jsondoc.NewReport(file)
	servers := doc.Root.Member("mcpServers")
	if servers == nil {
		return nil
	}
	for _, m := range servers.Members() {
		d := doubter{Report: r, entry: m.Value, path: jsondoc.KeyPath("mcpServers", m.Key)}
		d.secrets()
		d.unpinned()
	}
	return r.Finish()
}

// doubter looks at one entry.
type doubter struct {
	*jsondoc.Report

	entry *jsondoc.Node
	path  string
}

// secrets warns of secrets in clear text, once for each value.
func (d doubter) secrets() {
	for _, m := range d.entry.Members() {
		path := jsondoc.KeyPath(d.path, m.Key)
		switch m.Key {
		case "command", "cwd", "url", "envFile":
			d.secret(m.Value, path, m.Key)
		case "args":
			for i, e := range m.Value.Elements() {
				d.secret(e, jsondoc.IndexPath(path, i), m.Key)
			}
		case "env", "headers":
			for _, value := range m.Value.Members() {
				d.named(value, jsondoc.KeyPath(path, value.Key), m.Key)
			}
		case "gateway":
			d.clientSecret(m.Value.Member("auth"), jsondoc.KeyPath(path, "auth"))
			d.withoutIssuer(m.Value.Member("auth"), jsondoc.KeyPath(path, "auth"))
		}
	}
}

// named looks at a variable or a header.
func (d doubter) named(m jsondoc.Member, path, field string) {
	if d.secret(m.Value, path, field) {
		return
	}
	text := m.Value.Text()
	if field == "headers" && credentialHeader(m.Key) && text != "" && !hasVariable(text) {
		d.inClear(m.Value, path, "a credential", "write ${NAME} for it, and set NAME in an env file that only you can read (--env-file)")
	}
}

// clientSecret looks at the secret of a registered client.
func (d doubter) clientSecret(auth *jsondoc.Node, path string) {
	n := auth.Member("client_secret")
	if n != nil && n.Text() != "" && !hasVariable(n.Text()) {
		d.inClear(n, jsondoc.KeyPath(path, "client_secret"), "a credential", "write ${NAME} for it, and set NAME in an env file that only you can read (--env-file)")
	}
}

// withoutIssuer warns of a client's secret that goes to the authorization server which
// the server names at the first login.
func (d doubter) withoutIssuer(auth *jsondoc.Node, path string) {
	n, issuer := auth.Member("client_secret"), auth.Member("issuer")
	if n != nil && n.Text() != "" && (issuer == nil || issuer.Text() == "") {
		d.Add(n.Pos(), jsondoc.Warning, jsondoc.KeyPath(path, "client_secret"), codeNoIssuer, `set "issuer" beside it to the address of the authorization server where the client is registered`,
			"goes to whichever authorization server the server names at the first login")
	}
}

// secret warns of a value that holds a secret, and reports whether it does.
func (d doubter) secret(n *jsondoc.Node, path, field string) bool {
	if n.Kind != jsondoc.KindString {
		return false
	}
	kind := redact.Known(n.Text())
	if kind == "" && hasPassword(n.Text()) {
		kind = "a password"
	}
	if kind == "" {
		return false
	}
	hint := "write ${NAME} for it, and set NAME in an env file that only you can read (--env-file)"
	if field == "args" || field == "command" {
		hint = `hand it over in "env" if the program takes it there, as every user of this machine sees arguments; write ${NAME}, and set NAME in an env file that only you can read (--env-file)`
	}
	d.inClear(n, path, kind, hint)
	return true
}

func (d doubter) inClear(n *jsondoc.Node, path, kind, hint string) {
	d.Add(n.Pos(), jsondoc.Warning, path, codeSecret, hint, "this looks like %s in clear text: whoever reads the file has it", kind)
}

// credentialHeader reports whether a header is for nothing but credentials.
func credentialHeader(name string) bool {
	return slices.Contains([]string{"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token", "private-token"}, strings.ToLower(name))
}

// hasPassword reports whether a text is a URL with a password that is not a variable:
// of the server, or of a database in an argument or a variable.
func hasPassword(url string) bool {
	_, rest, ok := strings.Cut(vars.WithPlaceholders(url, ""), "://")
	if !ok {
		return false
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 || strings.ContainsAny(rest[:at], " \t\n") { // In a text, the @ is another word's.
		return false
	}
	_, password, _ := strings.Cut(rest[:at], ":")
	return password != ""
}

func hasVariable(text string) bool {
	return slices.ContainsFunc(vars.Segments(text), func(s vars.Segment) bool { return s.Variable })
}

// unpinned warns of a package whose newest version is run.
func (d doubter) unpinned() {
	command := d.entry.Member("command")
	if command == nil || command.Kind != jsondoc.KindString {
		return
	}
	nodes, words := []*jsondoc.Node{command}, []string{command.Text()}
	paths := []string{jsondoc.KeyPath(d.path, "command")}
	if args := d.entry.Member("args"); args != nil {
		for i, e := range args.Elements() {
			nodes, words = append(nodes, e), append(words, e.Text())
			paths = append(paths, jsondoc.IndexPath(jsondoc.KeyPath(d.path, "args"), i))
		}
	}
	for _, u := range Unpinned(words) {
		d.Add(nodes[u.Word].Pos(), jsondoc.Warning, paths[u.Word], codeUnpinned, shownPackage(u.Cure),
			"%s fetches the current version of %s: whoever publishes it decides what runs here", u.Runner, jsondoc.Quote(shownPackage(u.Package)))
	}
}

// userinfo is a name and a password before a host without a scheme.
var userinfo = lazyregexp.New(`(^|\s)[^/\s@:]+:[^/\s@]+@([^/\s@]+/)`)

// shownPackage is a package, or a text that names it, without what may be a secret in
// its address.
func shownPackage(text string) string {
	if at := strings.Index(text, "://"); at >= 0 {
		start := strings.LastIndexAny(text[:at], " @=") + 1
		text = text[:start] + vars.Address(text[start:])
	}
	return redact.MaskKnown(userinfo().ReplaceAllString(text, "$1$2"))
}
