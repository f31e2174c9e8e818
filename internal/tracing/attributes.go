package tracing

import (
	"strings"

	"gatehouse/internal/audit"
	"gatehouse/internal/front"
	"gatehouse/internal/serversfile"
)

// The attributes by OpenTelemetry's conventions for MCP, and our own.
const (
	keyMethod    = "mcp.method.name"
	keySession   = "mcp.session.id"
	keyProtocol  = "mcp.protocol.version"
	keyResource  = "mcp.resource.uri"
	keyTool      = "gen_ai.tool.name"
	keyPrompt    = "gen_ai.prompt.name"
	keyGenAI     = "gen_ai.operation.name"
	keyTransport = "network.transport"
	keyClient    = "client.address"
	keyError     = "error.type"
	keyRPCStatus = "rpc.response.status_code"

	keyServer     = "gatehouse.server"
	keyAgent      = "gatehouse.agent"
	keyCallID     = "gatehouse.call_id"
	keyOperation  = "gatehouse.operation"
	keyDecision   = "gatehouse.decision"
	keyRule       = "gatehouse.rule"
	keyGeneration = "gatehouse.generation"
	keyRun        = "gatehouse.run"
)

const toolsCall = "tools/call"

// methodOf is the method of MCP that a call is: the gateway's tools are called.
func methodOf(c *front.Call) string {
	if op := c.Record.Operation; strings.Contains(op, "/") {
		return op
	}
	return toolsCall
}

// toolOf is the tool that a call is about: the server's if it names one, and not
// execute_tool, by which it was called.
func toolOf(c *front.Call) string {
	switch {
	case methodOf(c) != toolsCall:
		return ""
	case c.Record.Operation == "execute_tool", c.Record.Operation == toolsCall:
		return c.Record.Tool
	default:
		return c.Record.Operation
	}
}

// nameOf is the name of a call's span. What an agent makes up is not part of it.
func nameOf(c *front.Call) string {
	about := toolOf(c)
	if about == "" {
		about = c.Record.Prompt
	}
	if about == "" || c.Record.Decision != audit.Allow || c.Record.Outcome == front.CodeServerNotFound {
		return methodOf(c)
	}
	return methodOf(c) + " " + short(about)
}

// ofCall adds what is known of a call that has ended.
func (r *record) ofCall(c *front.Call) {
	r.text(keyMethod, methodOf(c))
	if tool := toolOf(c); tool != "" {
		r.text(keyGenAI, "execute_tool")
		r.text(keyTool, tool)
	}
	r.text(keyPrompt, c.Record.Prompt)
	r.text(keyResource, front.WithoutSecrets(c.Record.Resource))
	r.text(keySession, c.Caller.Session)
	r.text(keyProtocol, c.Caller.Protocol)
	r.text(keyTransport, transport(strings.HasPrefix(c.Caller.Session, "stdio-")))
	r.text(keyClient, c.Caller.From)
	r.text(keyServer, c.Record.Server)
	r.text(keyAgent, c.Record.AgentID)
	r.text(keyCallID, c.Record.CallID)
	r.text(keyOperation, c.Record.Operation)
	r.text(keyDecision, string(c.Record.Decision))
	r.text(keyRule, c.Record.Rule)
	r.integer(keyGeneration, c.Record.Generation)
}

// ofSend adds what is sent to a server.
func (r *record) ofSend(a *front.Attempt, method string) {
	r.text(keyMethod, method)
	target := a.Target()
	switch {
	case method == toolsCall:
		r.text(keyGenAI, "execute_tool")
		r.text(keyTool, target.Name)
	case strings.HasPrefix(method, "prompts/"):
		r.text(keyPrompt, target.Name)
	case strings.HasPrefix(method, "resources/"):
		r.text(keyResource, front.WithoutSecrets(target.Name))
	}
	r.text(keyProtocol, a.Server.ProtocolVersion)
	r.text(keyTransport, transport(a.Route.Entry.Transport == serversfile.Stdio))
	r.text(keyServer, a.Route.Entry.Name)
	r.integer(keyRun, uint64(a.Run.Nr))
}

func transport(stdio bool) string {
	if stdio {
		return "pipe"
	}
	return "tcp"
}
