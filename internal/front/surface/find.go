package surface

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
)

// hashedView are the names with a hash that things of a server's list have.
type hashedView struct {
	kind   *front.Kind
	server string
}

// find finds what a joined name stands for. A plain one says it itself, whether it
// is there or not; one with a hash must be listed by a server that the agent may
// use, and by one alone.
func (v *visit) find(kind *front.Kind, joined string) (server, name string, ok bool) {
	if server, name, ok = splitName(joined); ok || len(joined) > maxJoined || !endsLikeHash(joined) {
		return server, name, ok
	}
	a, known := v.Router.Seen(v.caller)
	if !known {
		return "", "", false
	}
	found := 0
	for candidate := range a.Servers() {
		if names := hashed(a, kind, candidate)[joined]; len(names) > 0 {
			server, name = candidate, names[0]
			found += len(names)
		}
	}
	return server, name, found == 1
}

// hashed maps names with a hash to what they stand for on a server.
func hashed(a *front.Attempt, kind *front.Kind, server string) map[string][]string {
	r, ok := a.Snapshot.Route(server)
	if !ok {
		return nil
	}
	catalog := r.Cell.Listed(kind.List)
	names, _ := a.Snapshot.Remember(hashedView{kind, server}, catalog.Replaced(), func() any {
		names := map[string][]string{}
		for _, name := range catalog.Names() {
			if joined := JoinedName(server, name); endsLikeHash(joined) {
				names[joined] = append(names[joined], name)
			}
		}
		return names
	}).(map[string][]string)
	return names
}

// noSuchTool refuses a call of a name that stands for nothing, or for two things.
func (v *visit) noSuchTool(joined string) ([]byte, *agents.Error) {
	return v.runTool("", joined, true, missing(&tools, joined))
}

// notThere refuses what names nothing that is there, with a code.
func (v *visit) notThere(kind *front.Kind, name string, code int) ([]byte, *agents.Error) {
	var c front.Call
	v.begin(&c, "", kind, name)
	defer v.Router.Finish(&c)
	return v.dst, failed(c.End(missing(kind, name)), code)
}

func missing(kind *front.Kind, name string) *front.Failure {
	return &front.Failure{
		Code:    kind.NotFound,
		Message: fmt.Sprintf("There is no %s %q that you may use. %s shows which there are.", kind.Noun, front.Shown(name), kind.ListedBy),
	}
}

// whoseURI finds the servers that list a URI, or have a template for it, among
// those that the agent may read it from.
func (v *visit) whoseURI(uri string) (servers []string) {
	a, known := v.Router.Seen(v.caller)
	if !known {
		return nil
	}
	for candidate := range a.Servers() {
		if a.Allows(&resources, candidate, uri) && hasURI(a, candidate, uri) {
			servers = append(servers, candidate)
		}
	}
	return servers
}

// severalHave says how to name a resource of which it is not clear whose it is.
func severalHave(uri string, servers []string) string {
	var prefixed []string
	for _, server := range servers[:min(len(servers), maxNamed)] {
		prefixed = append(prefixed, front.Shown(uriPrefix(server)+uri))
	}
	return "several servers have this resource: name one, as " + strings.Join(prefixed, " or ")
}

// maxNamed is how many servers an error names.
const maxNamed = 10

// hasURI reports whether a server is known to list a URI or to have a template for
// it.
func hasURI(a *front.Attempt, server, uri string) bool {
	r, ok := a.Snapshot.Route(server)
	if !ok {
		return false
	}
	if _, listed := r.Cell.Listed(endpoint.Resources).Lookup(uri); listed {
		return true
	}
	return slices.ContainsFunc(r.Cell.Listed(endpoint.Templates).Names(), func(template string) bool { return matchesTemplate(template, uri) })
}
