package surface

import (
	"encoding/json"
	"slices"

	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/policy"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/serversfile"
)

// passes reports whether a method that MCP does not have passes to the server: its
// entry names it, and the agent has been given the server whole.
func (o *One) passes(c agents.Caller, method string) bool {
	a, ok := o.gateway.Router.Seen(c)
	if !ok || serversfile.IsOwnMethod(method) {
		return false
	}
	r, there := a.Snapshot.Route(o.server)
	return there && a.Snapshot.Policy.GivesWhole(a.Agent, o.server) &&
		slices.ContainsFunc(r.Entry.Settings.PassMethods, func(p string) bool { return policy.MatchPattern(p, method) })
}

// pass sends the request as it is, but for what each hop sets for itself in _meta.
func (v *visit) pass(server string) ([]byte, *agents.Error) {
	var members []relay.Member
	rawjson.Each(v.r.Params, func(name []byte, start, end int) {
		switch string(name) {
		case "_meta", "inputResponses", "requestState":
		default:
			members = append(members, relay.Member{Name: string(name), Value: v.r.Params[start:end]})
		}
	})
	return v.forward(server, passing{kind: &methods, name: v.r.Method, notThere: rpcMethodNotFound, members: members})
}

// passedExtensions are those of a server that may be used by methods that pass.
func (o *One) passedExtensions(a *front.Attempt, theirs json.RawMessage, pass func(string, json.RawMessage)) {
	if len(a.Route.Entry.Settings.PassMethods) == 0 || !a.Snapshot.Policy.GivesWhole(a.Agent, o.server) || rawjson.First(theirs) != '{' {
		return
	}
	rawjson.Each(theirs, func(name []byte, start, end int) {
		if key := string(name); key != extensionTasks && key != extensionApps {
			pass(key, theirs[start:end])
		}
	})
}
