package surface

import (
	"context"
	"encoding/json"
	"hash/maphash"

	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// Exposed are the tools of servers that the rules show an agent beside the
// gateway's own, under joined names.
type Exposed struct{ gateway Gateway }

// Exposed makes them.
func (g Gateway) Exposed() *Exposed { return &Exposed{g} }

// Definitions are those of the tools that are exposed to a caller, and that it may
// use, as far as they are known. It does not block.
func (e *Exposed) Definitions(c agents.Caller) (list []json.RawMessage) {
	a, ok := e.gateway.Router.Seen(c)
	if !ok || !a.Snapshot.Policy.Exposes(a.Agent) {
		return nil
	}
	for server := range a.Servers() {
		list = append(list, allTools.items(a, server, func(tool string) bool { return a.Snapshot.Policy.Exposed(a.Agent, server, tool) })...)
	}
	return list
}

// Namer returns the joined name of a server's tool that is exposed to a caller; ""
// of another one, and of all if the caller's connection is not that agent's: its
// name would call as another. It does not block.
func (e *Exposed) Namer(c agents.Caller, agent string) func(server, tool string) string {
	a, ok := e.gateway.Router.Seen(c)
	return func(server, tool string) string {
		if !ok || a.Agent != agent || !a.Snapshot.Policy.Exposed(agent, server, tool) {
			return ""
		}
		return JoinedName(server, tool)
	}
}

// exposedSeed makes marks good for one process only.
var exposedSeed = maphash.MakeSeed()

// Mark is a mark of the definitions: of the same ones it is the same, and never 0.
func (e *Exposed) Mark(c agents.Caller) uint64 {
	var h maphash.Hash
	h.SetSeed(exposedSeed)
	for _, d := range e.Definitions(c) {
		maphash.WriteComparable(&h, len(d))
		_, _ = h.Write(d) // It cannot fail.
	}
	return h.Sum64() | 1
}

// Changed is closed once the definitions of somebody may have changed. It is asked
// for before they are.
func (e *Exposed) Changed() <-chan struct{} { return e.gateway.Router.Changed() }

// CallTool runs a tool that is exposed to a caller and appends its result to dst.
// known is false if there is no such one.
func (e *Exposed) CallTool(ctx context.Context, c agents.Caller, t agents.ToolCall, dst []byte) (out []byte, known bool) {
	a, ok := e.gateway.Router.Seen(c)
	if !ok || !a.Snapshot.Policy.Exposes(a.Agent) {
		return dst, false
	}
	v := visit{e.gateway, ctx, c, agents.Request{ToolCall: t, Method: "tools/call"}, dst}
	server, tool, ok := v.exposed(a, t.Name)
	if !ok {
		return dst, false
	}
	var wrong *front.Failure
	if t.Args != nil && rawjson.First(t.Args) != '{' {
		wrong = &front.Failure{Code: front.CodeInvalidArgument, Message: "The arguments of a tool must be a JSON object; not run."}
	}
	out, _ = v.runTool(server, tool, false, wrong) // Worded, so there is no other error.
	return out, true
}

// exposed finds the server's tool that is exposed to the caller by a name.
func (v *visit) exposed(a *front.Attempt, name string) (server, tool string, ok bool) {
	server, tool, ok = v.find(&tools, name)
	return server, tool, ok && len(tool) <= maxNameBytes && a.Snapshot.Policy.Exposed(a.Agent, server, tool)
}

// Definition is that of a tool that is exposed to a caller, by its joined name; nil if
// there is no such one, or it is not known. It does not block.
func (e *Exposed) Definition(c agents.Caller, name string) json.RawMessage {
	a, ok := e.gateway.Router.Seen(c)
	if !ok || !a.Snapshot.Policy.Exposes(a.Agent) {
		return nil
	}
	v := visit{Gateway: e.gateway, caller: c}
	server, tool, ok := v.exposed(a, name)
	if !ok {
		return nil
	}
	return definition(a, server, tool)
}
