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
// is there or not; one with a hash must be that of one thing alone that a server
// lists and the agent may use: what it may not use is as if it were not there.
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
		for _, each := range hashed(a, kind, candidate)[joined] {
			if a.Allows(kind, candidate, each) {
				server, name = candidate, each
				found++
			}
		}
	}
	return server, name, found == 1
}

// hashed maps names with a hash to what they stand for on a server.
func hashed(a *front.Attempt, kind *front.Kind, server string) map[string][]string {
	r, ok := a.RouteTo(server)
	if !ok {
		return nil
	}
	catalog := r.Cell.Shown(kind.List)
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
	return v.dst, failed(v.identified(&c, missing(kind, name)), code)
}

// identified ends a call with a failure on the record of its agent, or says why the
// caller may be none.
func (v *visit) identified(c *front.Call, fail *front.Failure) *front.Failure {
	if _, err := v.Router.Identify(v.ctx, c); err != nil {
		return c.End(err)
	}
	return c.End(fail)
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

// ambiguous refuses a URI of which it is not clear whose it is, and says how to name
// each.
func (v *visit) ambiguous(uri string, servers []string) ([]byte, *agents.Error) {
	var c front.Call
	v.begin(&c, "", &resources, uri)
	defer v.Router.Finish(&c)
	fail := &front.Failure{Code: front.CodeInvalidArgument}
	for _, server := range servers[:min(len(servers), maxNamed)] {
		fail.Available = append(fail.Available, front.Shown(uriPrefix(server)+uri))
	}
	fail.Message = "Several servers have this resource: name one, as " + strings.Join(fail.Available, " or ") + "."
	return v.dst, failed(v.identified(&c, fail), rpcInvalidParams)
}

// maxNamed is how many servers an error names.
const maxNamed = 10

// hasURI reports whether a server is known to list a URI or to have a template for
// it.
func hasURI(a *front.Attempt, server, uri string) bool {
	r, ok := a.RouteTo(server)
	if !ok {
		return false
	}
	if _, listed := r.Cell.Shown(endpoint.Resources).Lookup(uri); listed {
		return true
	}
	return slices.ContainsFunc(r.Cell.Shown(endpoint.Templates).Names(), func(template string) bool { return matchesTemplate(template, uri) })
}
