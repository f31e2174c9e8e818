package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
)

// executeTool runs a tool of a server.
func (g *Gate) executeTool(ctx context.Context, c *call) (result, error) {
	c.Timeout = time.Duration(min(c.args.timeoutMS, maxTimeoutMS)) * time.Millisecond
	c.TimeoutName = "timeout_ms"
	var err error
	if c.meta, err = travellingMeta(c.sent.Meta); err != nil {
		return result{}, err
	}
	if err = c.checkWeights(); err != nil {
		return result{}, err
	}
	err = g.router.Forward(ctx, &c.Call, c)
	return c.result, err
}

// maxTimeoutMS is longer than any call_timeout_ms can be set to.
const maxTimeoutMS = 365 * 24 * 60 * 60 * 1000

// Request implements front.Operation.
func (c *call) Request(server endpoint.ServerInfo) endpoint.Request {
	return endpoint.Request{
		Method:       "tools/call",
		Params:       c.params(server),
		Capabilities: shownCapabilities(c.sent.Capabilities),
		Into:         c.dst,
		Weight:       c.sent.Weight,
		By:           endpoint.Call{Tool: front.Shown(c.args.tool)},
	}
}

// callParams are the params of tools/call: the arguments as the agent wrote
// them, and what travels of _meta.
func callParams(a arguments, meta json.RawMessage) json.RawMessage {
	args := a.args
	if args == nil {
		args = json.RawMessage("{}")
	}
	params := make([]byte, 0, len(a.tool)+len(args)+len(meta)+len(`{"_meta":,"name":"","arguments":}`))
	params = append(params, '{')
	if meta != nil {
		params = append(append(append(params, `"_meta":`...), meta...), ',')
	}
	params = rawjson.AppendString(append(params, `"name":`...), a.tool)
	params = append(append(params, `,"arguments":`...), args...)
	return append(params, '}')
}

// Answer implements front.Operation: it keeps the server's result in its final
// form.
func (c *call) Answer(a *front.Attempt, resp endpoint.Response) (err error) {
	name := a.Route.Entry.Name
	if resp.Error != nil {
		rpc := front.RedactedRPC(a.Route, resp.Error)
		return &front.Failure{
			Code: front.CodeServerError, RPC: rpc,
			Message: fmt.Sprintf("%q answered with an error: %s. Correct the call if the error says how; else tell the user.", name, front.Brief(endpoint.ErrorText(rpc))),
		}
	}
	if rawjson.First(resp.Result) != '{' {
		return &front.Failure{
			Code: front.CodeServerError, MayHaveRun: true,
			Message: fmt.Sprintf("%q answered with something that is no tool result; the tool has run. Tell the user.", name),
		}
	}
	answer := result{raw: resp.Result, into: resp.Into, Outline: resp.Outline}
	if !answer.Known || answer.Posing {
		answer = look(endpoint.WithoutOwnMeta(answer.raw))
	}
	if id, ok := answer.promised(); ok {
		return refuseTask(a, id)
	}
	switch answer.kind() {
	case inputRequired:
		c.result, err = c.input(a, answer)
		return err
	case complete:
	default:
		if a.Server.Stateless() {
			return refuseResult(a, answer.ResultType.Of(answer.raw))
		}
	}
	if string(answer.IsError.Of(answer.raw)) == "true" {
		c.Record.Outcome = "tool_error"
	}
	if beforeStateless(c.Caller.Protocol) {
		answer = textForStructured(answer)
	}
	c.result = answer
	return nil
}
