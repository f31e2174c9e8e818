package tracing

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"gatehouse/internal/audit"
	"gatehouse/internal/front"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/textcut"
)

// The attributes by OpenTelemetry's conventions for MCP, and our own.
const (
	keyMethod    = attribute.Key("mcp.method.name")
	keySession   = attribute.Key("mcp.session.id")
	keyProtocol  = attribute.Key("mcp.protocol.version")
	keyResource  = attribute.Key("mcp.resource.uri")
	keyTool      = attribute.Key("gen_ai.tool.name")
	keyPrompt    = attribute.Key("gen_ai.prompt.name")
	keyGenAI     = attribute.Key("gen_ai.operation.name")
	keyTransport = attribute.Key("network.transport")
	keyClient    = attribute.Key("client.address")
	keyError     = attribute.Key("error.type")
	keyRPCStatus = attribute.Key("rpc.response.status_code")

	keyServer     = attribute.Key("gatehouse.server")
	keyAgent      = attribute.Key("gatehouse.agent")
	keyCallID     = attribute.Key("gatehouse.call_id")
	keyOperation  = attribute.Key("gatehouse.operation")
	keyDecision   = attribute.Key("gatehouse.decision")
	keyRule       = attribute.Key("gatehouse.rule")
	keyGeneration = attribute.Key("gatehouse.generation")
	keyRun        = attribute.Key("gatehouse.run")
)

const (
	toolsCall = "tools/call"
	// maxText is the length in bytes at which a text is cut: most come from agents.
	maxText = 256
)

// texts collects attributes, and leaves out empty ones.
type texts []attribute.KeyValue

func (t *texts) add(key attribute.Key, value string) {
	if value != "" {
		*t = append(*t, key.String(short(value)))
	}
}

// short is a text that is not too long, and keeps nothing longer alive.
func short(text string) string {
	if len(text) > maxText {
		text = strings.Clone(textcut.To(text, maxText))
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

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

func ofCall(c *front.Call) []attribute.KeyValue {
	t := make(texts, 0, 20)
	t.add(keyMethod, methodOf(c))
	if tool := toolOf(c); tool != "" {
		t.add(keyGenAI, "execute_tool")
		t.add(keyTool, tool)
	}
	t.add(keyPrompt, c.Record.Prompt)
	t.add(keyResource, withoutSecrets(c.Record.Resource))
	t.add(keySession, c.Caller.Session)
	t.add(keyProtocol, c.Caller.Protocol)
	t.add(keyTransport, transport(strings.HasPrefix(c.Caller.Session, "stdio-")))
	t.add(keyClient, c.Caller.From)
	t.add(keyServer, c.Record.Server)
	t.add(keyAgent, c.Record.AgentID)
	t.add(keyCallID, c.Record.CallID)
	t.add(keyOperation, c.Record.Operation)
	t.add(keyDecision, string(c.Record.Decision))
	t.add(keyRule, c.Record.Rule)
	return append(t, keyGeneration.Int64(int64(c.Record.Generation))) //nolint:gosec // It counts reloads.
}

// ofSend are the attributes of what is sent to a server.
func ofSend(a *front.Attempt, method string) []attribute.KeyValue {
	t := make(texts, 0, 8)
	t.add(keyMethod, method)
	target := a.Target()
	switch {
	case method == toolsCall:
		t.add(keyGenAI, "execute_tool")
		t.add(keyTool, target.Name)
	case strings.HasPrefix(method, "prompts/"):
		t.add(keyPrompt, target.Name)
	case strings.HasPrefix(method, "resources/"):
		t.add(keyResource, withoutSecrets(target.Name))
	}
	t.add(keyProtocol, a.Server.ProtocolVersion)
	t.add(keyTransport, transport(a.Route.Entry.Transport == serversfile.Stdio))
	t.add(keyServer, a.Route.Entry.Name)
	return append(t, keyRun.Int64(int64(a.Run.Nr))) //nolint:gosec // It counts starts.
}

func transport(stdio bool) string {
	if stdio {
		return "pipe"
	}
	return "tcp"
}

// withoutSecrets is a URI without what may be a secret in it: user, query and
// fragment.
func withoutSecrets(uri string) string {
	if i := strings.IndexAny(uri, "?#"); i >= 0 {
		uri = uri[:i]
	}
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return uri
	}
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + rest[strings.LastIndexByte(host, '@')+1:]
}
