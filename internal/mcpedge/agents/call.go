package agents

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"gatehouse/internal/rawjson"
)

type callContextKey struct{}

var errUnknownTool = errors.New("unknown tool")

// beginCall begins one tools/call, which goes by way of mcp-go, and gives what
// runs it to its end. The unit of work is the transport's business.
func (e *Edge) beginCall(ctx context.Context, p *peer, m message, notify notifyFunc) (run func() answer) {
	return e.track(ctx, p, m.id, m.meta.token, notify, func(ctx context.Context, c *call) answer {
		c.detour = &detour{peer: p, message: m}
		return e.dispatch(context.WithValue(ctx, callContextKey{}, c), p, m, c, notify)
	})
}

// track makes a call one that its client can cancel from now on, and that hears
// of its progress if it gave a token. What it gives has work make the answer,
// and must be called.
func (e *Edge) track(ctx context.Context, p *peer, id, token json.RawMessage, notify notifyFunc, work func(context.Context, *call) answer) (run func() answer) {
	ctx, cancel := context.WithCancelCause(ctx)
	c := &call{key: callKey{p.session, string(id)}, cancel: cancel}
	if token != nil {
		c.progress = startProgress(token, notify)
	}
	e.work.track(c)
	return func() answer {
		defer cancel(nil)
		a := work(ctx, c)
		silenced := e.work.untrack(c)
		c.progress.finish(silenced)
		if silenced {
			return answer{}
		}
		return a
	}
}

// libraryView is a tools/call as mcp-go is shown it: all that it judges, and
// nothing that it could only lose or fail to decode, such as large numbers.
func libraryView(m message) json.RawMessage {
	view := rawjson.Set(m.raw, "id", []byte("1"))
	if rawjson.First(m.params) != '{' {
		return view
	}
	params := rawjson.Delete(m.params, "arguments")
	for key, first := range map[string]byte{"inputResponses": '{', "requestState": '"'} {
		if rawjson.First(rawjson.Get(params, key)) == first { // Of another type it is refused.
			params = rawjson.Delete(params, key)
		}
	}
	if meta := rawjson.Get(params, "_meta"); rawjson.First(meta) == '{' {
		known := []byte("{}")
		for key, value := range map[string]json.RawMessage{
			mcp.MetaKeyProtocolVersion: m.meta.version, mcp.MetaKeyClientInfo: m.meta.client,
			mcp.MetaKeyClientCapabilities: m.meta.capabilities,
		} {
			if value != nil && (key != mcp.MetaKeyClientInfo || rawjson.First(value) == '{') {
				known = rawjson.Set(known, key, value)
			}
		}
		params = rawjson.Set(params, "_meta", known)
	}
	return rawjson.Set(view, "params", params)
}

// runTool is the handler of every tool in mcp-go. The result goes past mcp-go's
// types, by way of the call; what it returns is a placeholder.
func (e *Edge) runTool(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	c, ok := ctx.Value(callContextKey{}).(*call)
	if !ok {
		return nil, errors.New("internal: a call without its record")
	}
	d := c.detour
	t := ToolCall{Name: req.Params.Name, Args: rawjson.Get(d.message.params, "arguments"), Meta: d.message.meta.whole}
	caller := d.peer.caller(ctx)
	if mcp.IsModernProtocol(caller.Protocol) {
		t.Capabilities = d.message.meta.capabilities
		t.InputResponses = rawjson.Get(d.message.params, "inputResponses")
		t.RequestState = rawjson.Get(d.message.params, "requestState")
	}
	if d.answer, ok = e.run(ctx, c, caller, t, d.message.id); !ok {
		d.unknown = true
		return nil, errUnknownTool
	}
	return &mcp.CallToolResult{}, nil
}

// run has the handler run a tool and gives the whole answer. ok is false if
// there is no such tool.
func (e *Edge) run(ctx context.Context, c *call, caller Caller, t ToolCall, id json.RawMessage) (a answer, ok bool) {
	if isNull(t.Args) {
		t.Args = nil
	}
	if c.progress != nil {
		t.Progress = c.progress.report
	}
	a.buffer = newBuffer()
	b := appendResultHead(a.buffer.bytes, id)
	start := len(b)
	b, ok = e.callHandler(ctx, caller, t, b)
	if !ok {
		return answer{}, false
	}
	if result := b[start:]; len(result) < 2 || result[0] != '{' || result[len(result)-1] != '}' {
		e.log.Error("internal: unusable tool result", slog.String("tool", t.Name))
		b = append(b[:start], internalResult(caller.Protocol)...)
	}
	oneLine(b[start:])
	a.body = append(b, '}')
	return a, true
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

// oneLine puts spaces in the place of line ends, which would end the message
// over stdio and split the event over HTTP. In JSON they stand between tokens
// only.
func oneLine(b []byte) {
	for _, end := range []byte("\n\r") {
		rest := b
		for i := bytes.IndexByte(rest, end); i >= 0; i = bytes.IndexByte(rest, end) {
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
}

// refusal is the answer to a request that was not begun, with the reason that
// hold gave: for a tool call a result that the model can read.
func refusal(m message, why error) answer {
	if m.method == string(mcp.MethodToolsCall) && m.id != nil {
		return toolRefusal(m.id, m.meta.revision(), why)
	}
	return failureAnswer(m.id, &rpcFailure{code: mcp.INTERNAL_ERROR, text: why.Error(), status: 503})
}

// toolRefusal is the refusal of a tool call.
func toolRefusal(id json.RawMessage, protocol string, why error) answer {
	text := "The gateway has too many calls running; not run. Try again in a few seconds, at most twice, then tell the user."
	code := "OVERLOADED"
	if errors.Is(why, errClosed) {
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
	}
	if mcp.IsModernProtocol(protocol) {
		result["resultType"] = "complete"
	}
	body, err := json.Marshal(result)
	if err != nil { // Strings always encode.
		panic(fmt.Sprintf("internal: cannot encode error result: %v", err))
	}
	return body
}

// caller says who sent the request of ctx: what it says itself in 2026-07-28,
// else what the conversation remembers.
func (p *peer) caller(ctx context.Context) Caller {
	info := server.RequestProtocolInfoFromContext(ctx)
	if info == nil || !info.Modern {
		rev, client := p.known()
		return Caller{Client: client, Session: p.session, Protocol: rev, Identity: p.identity}
	}
	c := Caller{Session: p.session, Protocol: info.ProtocolVersion, Identity: p.identity}
	if info.ClientInfo != nil {
		c.Client = clientName(info.ClientInfo.Name, info.ClientInfo.Version)
	}
	return c
}
