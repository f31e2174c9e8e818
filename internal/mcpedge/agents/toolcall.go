package agents

import (
	"context"
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
	if failure, ok := e.comesBack(p, r); ok {
		return func() (a answer) {
			if failure != nil {
				a = failureAnswer(r.id, failure)
			}
			return a
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c := &call{key: callKey{p.session, string(r.id)}, who: p.identity, cancel: cancel, weight: batch, budget: e.opts.Budget}
	if r.stateless {
		c.said, c.name = r.meta.capabilities, r.name
	}
	if batch == nil {
		c.own = e.opts.Budget.ShareOf(p.owner())
		c.weight = &c.own
	}
	if r.meta.token != nil || p.logs(r) {
		c.progress = startProgress(r.meta.token, e.opts.Budget, notify)
	}
	if c.asks = p.asks; !p.deaf {
		c.notify = notify
	}
	if p.begin != nil {
		c.begin = func() { c.whileItRuns(p.begin) }
	}
	e.inFlight.track(c)
	return func() answer {
		defer cancel(nil)
		defer c.hangUp()
		a := e.runInPlace(ctx, c, p, r)
		id, waiting := c.last(ctx, r.id)
		silenced := e.inFlight.untrack(c) || !waiting
		c.finishQueue(silenced)
		if a.weight = &c.own; silenced {
			a.free()
			return answer{}
		}
		a.answering(r.id, id)
		return a
	}
}

// logs reports whether the client wants log messages, and may get some, while a
// request runs.
func (p *peer) logs(r toolRequest) bool {
	if p.surface == nil {
		return false
	}
	return r.meta.level != nil || !r.stateless && p.mail().Level() != 0
}

// runInPlace runs a tool once its caller has a place for it.
func (e *Edge) runInPlace(ctx context.Context, c *call, p *peer, r toolRequest) answer {
	caller, t := p.calls(r)
	owner := e.ownerOf(p, caller, t)
	if c.weight.Full() {
		return p.refusal(r, caller.Protocol, errTogether)
	}
	if err := e.inFlight.hold(ctx, owner); err != nil {
		return p.refusal(r, caller.Protocol, err)
	}
	defer func() { e.inFlight.release(owner, c.weight.Unpaid(), ctx.Err() != nil) }()
	if p.surface != nil {
		return e.runOn(ctx, p.surface, c, caller, t, r)
	}
	return e.runTool(ctx, c, caller, t, r)
}

// ownerOf is whose share a call takes: that of a credential, of a conversation
// over stdio, or else of an address and of the agent that the caller says it is.
func (e *Edge) ownerOf(p *peer, caller Caller, t ToolCall) fair.Owner {
	if id := caller.Identity.ID(); id != "" {
		return fair.Owner{Who: id}
	}
	if caller.From == "" {
		return fair.Owner{Who: caller.Session}
	}
	if p.surface != nil {
		return fair.Owner{Who: caller.From, Name: p.surface.Speaker(caller)}
	}
	return fair.Owner{Who: caller.From, Name: e.speaker(caller, t)}
}

// runTool has the handler run a tool and returns the whole answer.
func (e *Edge) runTool(ctx context.Context, c *call, caller Caller, t ToolCall, r toolRequest) (a answer) {
	if r.meta.token != nil {
		t.Progress = c.progress.report
	}
	t.Weight, t.Asks = c.weight, c.asker(r)
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
	t := ToolCall{Name: r.name, Args: r.args, Meta: r.meta.whole, Trace: p.trace}
	caller := Caller{Session: p.session, From: p.from, Identity: p.identity, Agent: p.agent, Asks: p.asked()}
	if !r.stateless {
		caller.Protocol, caller.Client = p.known()
		caller.Declared = p.declares()
		if caller.Protocol == mcp.ProtocolVersion20251125 {
			t.Task = r.task
		}
		if p.surface != nil {
			caller.Inbox = p.mail()
			t.LogLevel = caller.Inbox.Level()
		}
		return caller, t
	}
	caller.Protocol, caller.Client = mcp.ProtocolVersion20260728, r.meta.clientName()
	p.asks.speaks(r.meta.capabilities)
	t.LogLevel = endpoint.LevelNamed(rawjson.Text(r.meta.level))
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

// ownError is an error of the edge's own: its code and what the model is told.
type ownError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// errInternal is what is left to say after a panic.
var errInternal = ownError{"INTERNAL", "The gateway failed while running this; it may have taken effect. Check before repeating, and tell the user."}

// notRun words why a call was not run: the reason that begin or hold gave.
func notRun(why error) ownError {
	switch {
	case errors.Is(why, errFull), errors.Is(why, errHeavy):
		return ownError{"OVERLOADED", "The gateway has too many calls running; not run. Try again in a few seconds, at most twice, then tell the user."}
	case errors.Is(why, errTogether):
		return ownError{"RESULT_TOO_LARGE", "The results of this batch are together too large already; not run. Make fewer calls at once."}
	case errors.Is(why, errClosed):
		return ownError{"SERVER_UNAVAILABLE", "The gateway is shutting down; not run. Tell the user."}
	default:
		return ownError{"CANCELLED", "The call was cancelled; not run."}
	}
}

// refusal is the answer to a request that was not run: to a tool call a result,
// so that the model can read it.
func (p *peer) refusal(r toolRequest, protocol string, why error) answer {
	if p.surface != nil {
		return surfaceFailure(r, protocol, notRun(why))
	}
	return resultAnswer(r.id, errorResult(protocol, notRun(why)))
}

func internalResult(protocol string) []byte { return errorResult(protocol, errInternal) }

// errorResult is a tool result of the edge's own, in the shape that the
// gateway's failures have.
func errorResult(protocol string, e ownError) []byte {
	return encodeResult(protocol, map[string]any{
		"content":           []any{map[string]string{"type": "text", "text": e.Message}},
		"structuredContent": map[string]any{"error": e},
		"isError":           true,
		"_meta":             map[string]any{endpoint.MetaOrigin: "gateway"},
	})
}

func encodeResult(protocol string, result map[string]any) []byte {
	if mcp.IsModernProtocol(protocol) {
		result["resultType"] = "complete"
	}
	body, err := rawjson.Marshal(result)
	if err != nil { // Strings always encode.
		panic(fmt.Sprintf("internal: cannot encode error result: %v", err))
	}
	return body
}
