package relay

import (
	"context"
	"encoding/json"
	"fmt"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/tracecontext"
)

// Call is a tools/call on its way. It implements front.Operation. Whoever makes
// one fills in the exported fields but Result and RPC, and calls Run.
type Call struct {
	front.Call

	Sent agents.ToolCall
	// Tool is the server's tool, and Args its arguments, an object; nil are
	// none.
	Tool string
	Args json.RawMessage
	// Extensions are those of the caller's that the server may see, an object; nil
	// are none.
	Extensions json.RawMessage
	// Task asks a server of 2025-11-25 for a task; nil does not.
	Task json.RawMessage
	// Promised takes a task, by the server's id, that the server answers with in
	// place of a result, and returns it as the caller sees it. nil: the caller
	// cannot follow tasks.
	Promised func(a *front.Attempt, answer Result, id string) (Result, error)
	// Dst is what the answer is appended to.
	Dst []byte
	// Bare returns a JSON-RPC error of the server in RPC, redacted. Otherwise it
	// is worded as a failure.
	Bare bool

	// Result is what the tool answered, once Run has returned nil, unless RPC is
	// set.
	Result Result
	RPC    json.RawMessage

	meta  json.RawMessage       // what of the request's _meta goes to the server
	trace *tracecontext.Context // the same of its trace
	// asked is what the server has asked the client for, in place of a result; nil if
	// it has not.
	asked json.RawMessage
}

// Run has the tool run. The error is a *front.Failure.
func (c *Call) Run(ctx context.Context, router *front.Router) error {
	if err := c.travel(); err != nil {
		return err
	}
	if err := c.checkWeights(); err != nil {
		return err
	}
	return c.forward(ctx, router, c)
}

// Request implements front.Operation.
func (c *Call) Request(server endpoint.ServerInfo) endpoint.Request {
	meta, trace := c.carried()
	return endpoint.Request{
		Method:       "tools/call",
		Params:       c.params(server, meta),
		Capabilities: shownCapabilities(c.capabilities(), c.Extensions),
		Into:         c.Dst,
		Asks:         c.Sent.Asks,
		Lasts:        c.Sent.Lasts,
		Weight:       c.Sent.Weight,
		Trace:        trace,
	}
}

// params are the params of tools/call as a server gets them: the arguments as
// the agent wrote them, and what travels of _meta. An answer to what a server
// has asked for reaches it where it can have asked.
func (c *Call) params(server endpoint.ServerInfo, meta json.RawMessage) json.RawMessage {
	params := make([]byte, 0, len(c.Tool)+len(c.Args)+len(meta)+len(`{"_meta":,"name":"","arguments":}`))
	params = append(params, '{')
	if meta != nil {
		params = append(append(append(params, `"_meta":`...), meta...), ',')
	}
	params = rawjson.AppendString(append(params, `"name":`...), c.Tool)
	if c.Args != nil {
		params = append(append(params, `,"arguments":`...), c.Args...)
	}
	params = append(params, '}')
	if !server.Stateless() {
		if c.Task != nil && server.TakesTasks() {
			params = rawjson.Set(params, "task", c.Task)
		}
		return params
	}
	if c.Sent.InputResponses != nil {
		params = rawjson.Set(params, "inputResponses", c.Sent.InputResponses)
	}
	if c.Sent.RequestState != nil {
		params = rawjson.Set(params, "requestState", c.Sent.RequestState)
	}
	return params
}

// Answer implements front.Operation: it keeps the server's result in its final
// form.
func (c *Call) Answer(a *front.Attempt, resp endpoint.Response) (err error) {
	name := a.Route.Entry.Name
	if resp.Error != nil {
		return c.refused(a, front.RedactedRPC(a.Route, resp.Error))
	}
	if rawjson.First(resp.Result) != '{' {
		return &front.Failure{
			Code: front.CodeServerError, MayHaveRun: true,
			Message: fmt.Sprintf("%q answered with something that is no tool result; the tool has run. Tell the user.", name),
		}
	}
	answer := Result{Raw: resp.Result, Into: resp.Into, Outline: resp.Outline}
	if !answer.Known || answer.Posing {
		answer = Look(endpoint.WithoutOwnMeta(answer.Raw))
	}
	if id, ok := answer.promised(); ok {
		if c.Promised == nil {
			return RefuseTask(a, id)
		}
		c.Result, err = c.Promised(a, answer, id)
		return err
	}
	switch answer.kind() {
	case inputRequired:
		c.Result, err = c.input(a, answer)
		return err
	case complete:
	default:
		if a.Server.Stateless() {
			return refuseResult(a, answer.ResultType.Of(answer.Raw))
		}
	}
	if string(answer.IsError.Of(answer.Raw)) == "true" {
		c.Record.Outcome = "tool_error"
	}
	if beforeStateless(c.Caller.Protocol) {
		answer = textForStructured(answer)
	}
	c.Result = answer
	return nil
}

// refused takes a JSON-RPC error of the server.
func (c *Call) refused(a *front.Attempt, rpc json.RawMessage) error {
	if c.Bare {
		c.RPC, c.Record.Outcome = rpc, front.CodeServerError
		return nil
	}
	return &front.Failure{
		Code: front.CodeServerError, RPC: rpc,
		Message: fmt.Sprintf("%q answered with an error: %s. Correct the call if the error says how; else tell the user.",
			a.Route.Entry.Name, front.Brief(endpoint.ErrorText(rpc))),
	}
}
