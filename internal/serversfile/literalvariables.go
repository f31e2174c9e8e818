package serversfile

import (
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/lazyregexp"
	"gatehouse/internal/vars"
)

// otherVariable finds a variable as shells and other programs write it: $NAME
// (also $env:NAME), %NAME%, {env:NAME} and {file:PATH}. A "$" in the middle of
// a word is more likely part of a password.
var otherVariable = lazyregexp.New(
	`(?:^|[\s/:=@,;"'])\$(?:env:)?[A-Z_][A-Z0-9_]+(?:$|[^A-Za-z0-9_])|%[A-Z_][A-Z0-9_]{2,}%|\{(?:env|file):[^{}]+\}`)

// literalVariables warns of what looks like a variable and is handed over as it
// is. It never quotes the text, which may be a secret.
func (r *entryReader) literalVariables() {
	for _, m := range r.node.Members() {
		path := jsondoc.KeyPath(r.path, m.Key)
		switch m.Key {
		case "command", "cwd", "envFile", "url":
			r.literalVariable(m.Value, path)
		case "args":
			for i, e := range m.Value.Elements() {
				if !strings.ContainsAny(e.Text(), " \n") { // Else it is a script, which has variables of its own.
					r.literalVariable(e, jsondoc.IndexPath(path, i))
				}
			}
		case "env", "headers":
			for _, value := range m.Value.Members() {
				r.literalVariable(value.Value, jsondoc.KeyPath(path, value.Key))
			}
		}
	}
}

func (r *entryReader) literalVariable(n *jsondoc.Node, path string) {
	if n.Kind != jsondoc.KindString || !strings.ContainsAny(n.Text(), "$%{") {
		return // As nearly always.
	}
	if otherVariable().MatchString(vars.WithPlaceholders(n.Text(), "x")) {
		r.Add(n.Pos(), jsondoc.Warning, path, codeLiteralVariable, "write ${NAME} for a variable, ${file:PATH} for a file",
			"a variable in the form of another program means nothing here: the text stays as it is")
	}
}
