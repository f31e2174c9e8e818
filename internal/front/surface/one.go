package surface

import (
	"context"

	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
)

// Gateway is what all surfaces share.
type Gateway struct {
	Router  *front.Router
	Version string // of the gateway
}

// One is one server with its own names, capabilities and instructions. It
// implements agents.Surface.
type One struct {
	gateway Gateway
	server  string
}

// One makes the surface of a server, which need not be there.
func (g Gateway) One(server string) *One { return &One{g, server} }

// Name implements agents.Surface.
func (o *One) Name() string { return "server:" + o.server }

// Open implements agents.Surface: the server must be there, and the agent allowed
// to use some of it.
func (o *One) Open(c agents.Caller) bool { return o.gateway.Router.Offers(c, o.server) }

// Speaker implements agents.Surface.
func (o *One) Speaker(c agents.Caller) string { return o.gateway.speaker(c) }

// speaker is the agent by which an unpinned caller's share is counted.
func (g Gateway) speaker(c agents.Caller) string {
	if len(g.Router.Pinned()) > 0 {
		return ""
	}
	return g.Router.Speaker(c.Agent)
}

// Serve implements agents.Surface.
func (o *One) Serve(ctx context.Context, c agents.Caller, r agents.Request, dst []byte) ([]byte, *agents.Error) {
	switch r.Method {
	case "tools/call":
		return o.callTool(ctx, c, r, dst)
	case "tools/list":
		return o.list(ctx, c, r, dst, &tools, "tools")
	case "resources/list":
		return o.list(ctx, c, r, dst, &resources, "resources")
	case "resources/templates/list":
		return o.list(ctx, c, r, dst, &templates, "resourceTemplates")
	case "resources/read":
		return o.readResource(ctx, c, r, dst)
	case "prompts/list":
		return o.list(ctx, c, r, dst, &prompts, "prompts")
	case "prompts/get":
		return o.getPrompt(ctx, c, r, dst)
	case "completion/complete":
		return o.complete(ctx, c, r, dst)
	default:
		return dst, unknownMethod(r.Method)
	}
}

// begin makes the call of a request that is about something of the server, or
// about all of a kind.
func (o *One) begin(call *front.Call, c agents.Caller, r agents.Request, kind *front.Kind, name string) {
	call.Caller, call.RequestedAgent, call.Progress = c, c.Agent, r.Progress
	call.Target = front.Target{Kind: kind, Server: o.server, Name: name}
	call.Record.Operation, call.Record.Server = r.Method, o.server
	switch kind {
	case &tools:
		call.Record.Tool = name
	case &prompts:
		call.Record.Prompt = name
	default:
		call.Record.Resource = name
	}
	o.gateway.Router.Start(call)
}
