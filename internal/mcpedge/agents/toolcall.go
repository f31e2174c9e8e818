package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fair"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

// beginCall begins a tools/call and returns what runs it to its end, which must
// be called. From now on its client can cancel it, and hears of its progress if
// it gave a token. It takes a place of its caller's once it is run. batch is the
// share of the batch that it is part of, if any.
func (e *Edge) beginCall(ctx context.Context, p *peer, r toolRequest, batch *weight.Share, notify notifyFunc) (run func() answer) {
	ctx, cancel := context.WithCancelCause(ctx)
	c := &call{key: callKey{p.session, string(r.id)}, who: p.identity, cancel: cancel, weight: batch}
	if batch == nil {
		c.own = e.opts.Budget.Share()
		c.weight = &c.own
	}
	if r.meta.token != nil {
		c.progress = startProgress(r.meta.token, e.opts.Budget, notify)
	}
	e.inFlight.track(c)
	return func() answer {
		defer cancel(nil)
		a := e.runInPlace(ctx, c, p, r)
		silenced := e.inFlight.untrack(c)
		c.progress.finish(silenced)
		if a.weight = &c.own; silenced {
			a.free()
			return answer{}
		}
		return a
	}
}

// runInPlace runs a tool once its caller has a place for it.
func (e *Edge) runInPlace(ctx context.Context, c *call, p *peer, r toolRequest) answer {
	caller, t := p.calls(r)
	owner := e.ownerOf(caller, t)
	if err := e.inFlight.hold(ctx, owner); err != nil {
		return toolRefusal(r.id, caller.Protocol, err)
	}
	defer e.inFlight.release(owner)
	return e.runTool(ctx, c, caller, t, r)
}

// ownerOf is whose share a call takes: that of a credential, of a conversation
// over stdio, or else of an address and of the agent that the caller says it is.
func (e *Edge) ownerOf(caller Caller, t ToolCall) fair.Owner {
	if id := caller.Identity.ID(); id != "" {
		return fair.Owner{Who: id}
	}
	if caller.From == "" {
		return fair.Owner{Who: caller.Session}
	}
	return fair.Owner{Who: caller.From, Name: e.speaker(caller, t)}
}

// runTool has the handler run a tool and returns the whole answer.
func (e *Edge) runTool(ctx context.Context, c *call, caller Caller, t ToolCall, r toolRequest) (a answer) {
	if c.progress != nil {
		t.Progress = c.progress.report
	}
	t.Weight = c.weight
	a.buffer = newBuffer()
	b := jsonrpc.AppendResultHead(a.buffer.bytes, r.id)
	start := len(b)
	b, ok := e.callHandler(ctx, caller, t, b)
	if !ok {
		return failureAnswer(r.id, e.tools.unknown(r.name))
	}
	if result := b[start:]; len(result) < 2 || result[0] != '{' || result[len(result)-1] != '}' {
		e.log.Error("internal: unusable tool result", slog.String("tool", t.Name))
		b = append(b[:start], internalResult(caller.Protocol)...)
	}
	jsonrpc.OneLine(b[start:])
	a.body = append(b, '}')
	return a
}

// calls returns who calls what: what a request of 2026-07-28 says of its caller
// itself, else what the conversation remembers.
func (p *peer) calls(r toolRequest) (Caller, ToolCall) {
	t := ToolCall{Name: r.name, Args: r.args, Meta: r.meta.whole}
	caller := Caller{Session: p.session, From: p.from, Identity: p.identity}
	if !r.stateless {
		caller.Protocol, caller.Client = p.known()
		return caller, t
	}
	caller.Protocol, caller.Client = mcp.ProtocolVersion20260728, r.meta.clientName()
	t.Capabilities, t.InputResponses, t.RequestState = r.meta.capabilities, r.inputResponses, r.requestState
	return caller, t
}

// callHandler calls the handler, and makes a result of its panic.
func (e *Edge) callHandler(ctx context.Context, caller Caller, t ToolCall, dst []byte) (b []byte, known bool) {
	defer func() {
		if v := recover(); v != nil {
			e.logPanic(string(mcp.MethodToolsCall), v)
			b, known = append(dst, internalResult(caller.Protocol)...), true
		}
	}()
	return e.handler.CallTool(ctx, caller, t, dst)
}

// toolRefusal is the answer to a tool call that was not run, with the reason that
// begin or hold gave: a result, so that the model can read it.
func toolRefusal(id json.RawMessage, protocol string, why error) answer {
	code, text := "CANCELLED", "The call was cancelled; not run."
	switch {
	case errors.Is(why, errFull), errors.Is(why, errHeavy):
		code, text = "OVERLOADED", "The gateway has too many calls running; not run. Try again in a few seconds, at most twice, then tell the user."
	case errors.Is(why, errClosed):
		code, text = "SERVER_UNAVAILABLE", "The gateway is shutting down; not run. Tell the user."
	}
	return resultAnswer(id, errorResult(protocol, code, text))
}

func internalResult(protocol string) []byte {
	return errorResult(protocol, "INTERNAL", "The gateway failed while running this; it may have taken effect. Check before repeating, and tell the user.")
}

// errorResult is a tool result of the edge's own, in the shape that the
// gateway's failures have.
func errorResult(protocol, code, text string) []byte {
	type errorBody struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	result := map[string]any{
		"content":           []any{map[string]string{"type": "text", "text": text}},
		"structuredContent": map[string]any{"error": errorBody{code, text}},
		"isError":           true,
		"_meta":             map[string]string{endpoint.MetaOrigin: "gateway"},
	}
	if mcp.IsModernProtocol(protocol) {
		result["resultType"] = "complete"
	}
	body, err := rawjson.Marshal(result)
	if err != nil { // Strings always encode.
		panic(fmt.Sprintf("internal: cannot encode error result: %v", err))
	}
	return body
}
