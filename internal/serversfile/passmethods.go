package serversfile

import (
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
)

const codePassMethod = "bad-pass-method"

// maxMethodBytes is the longest method that may be named.
const maxMethodBytes = 200

// ownFamilies are the families of methods that MCP has itself, and their meaning with
// them: what may pass of those the rules say.
var ownFamilies = []string{
	"completion", "elicitation", "initialize", "logging", "notifications", "ping", "prompts", "resources", "roots", "sampling", "server", "subscriptions", "tasks", "tools",
}

// IsOwnMethod reports whether a method belongs to MCP itself.
func IsOwnMethod(method string) bool {
	family, _, _ := strings.Cut(method, "/")
	return slices.ContainsFunc(ownFamilies, func(own string) bool { return strings.EqualFold(own, family) })
}

// passMethods reads the methods of extensions that pass.
func (r *entryReader) passMethods(n *jsondoc.Node, path string) {
	r.entry.Settings.PassMethods = r.texts(n, path)
	for i, element := range n.Elements() {
		method := element.Text()
		family, name, _ := strings.Cut(method, "/")
		why := ""
		switch {
		case element.Kind != jsondoc.KindString: // That is said already.
			continue
		case family == "" || name == "" || len(method) > maxMethodBytes || strings.ContainsAny(family, "*?[]") || strings.ContainsAny(name, "?[]\x00"):
			why = "must be the method of an extension, with its family, as in family/name; * is the only wildcard, and not in the family"
		case IsOwnMethod(method):
			why = "is a method of MCP itself: which of those pass the rules say"
		default:
			continue
		}
		r.Add(element.Pos(), jsondoc.Error, jsondoc.IndexPath(path, i), codePassMethod, `for example "skills/list" or "x-vendor/*"`, "%s", why)
	}
}
