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
	// Tasks are those that servers promise; nil: none are offered.
	Tasks *Tasks
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
	v := visit{o.gateway, ctx, c, r, dst}
	switch r.Method {
	case "tools/call":
		return v.callTool(o.server, r.Name)
	case "tools/list":
		return v.list(o.server, &tools, "tools")
	case "resources/list":
		return v.list(o.server, &resources, "resources")
	case "resources/templates/list":
		return v.list(o.server, &templates, "resourceTemplates")
	case "resources/read":
		return o.readResource(v)
	case "prompts/list":
		return v.list(o.server, &prompts, "prompts")
	case "prompts/get":
		return o.getPrompt(v)
	case "completion/complete":
		return o.complete(v)
	default:
		if v.isTaskMethod() {
			return v.aboutTasks(o.server)
		}
		if serve := olderMethods(c)[r.Method]; serve != nil {
			return serve(o, v)
		}
		if o.passes(c, r.Method) {
			return v.pass(o.server)
		}
		return dst, unknownMethod(r.Method)
	}
}

// visit is one request to a surface.
type visit struct {
	Gateway

	ctx    context.Context //nolint:containedctx // It is the request's, and lives no longer.
	caller agents.Caller
	r      agents.Request
	dst    []byte
}

// begin makes the call of a request that is about something of a server, or about
// all of a kind.
func (v *visit) begin(call *front.Call, server string, kind *front.Kind, name string) {
	call.Caller, call.RequestedAgent, call.OfConnection, call.Progress = v.caller, v.caller.Agent, true, v.r.Progress
	call.LogLevel, call.Notice = v.r.LogLevel, v.r.Notice
	call.Meta, call.Headers = v.r.Meta, v.r.Trace
	call.Target = front.Target{Kind: kind, Server: server, Name: name}
	call.Record.Operation, call.Record.Server = v.r.Method, server
	switch kind {
	case &tools:
		call.Record.Tool = name
	case &prompts:
		call.Record.Prompt = name
	case &methods: // It is the operation.
	default:
		call.Record.Resource = name
	}
	v.Router.Start(call)
}

// refuse answers that the params of the request are wrong.
func (v *visit) refuse(message string) ([]byte, *agents.Error) {
	return v.dst, rpcError(rpcInvalidParams, message, nil)
}
