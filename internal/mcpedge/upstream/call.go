package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

type callContextKey struct{}

var errUnknownTool = errors.New("unknown tool")

// serveCall runs one tools/call to its end. The unit of work is the
// transport's business.
func (f *Front) serveCall(ctx context.Context, p *peer, m message, notify notifyFunc) answer {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &call{
		key:    callKey{p.session, string(m.id)},
		cancel: cancel,
		name:   toolNameOf(m.params),
		peer:   p,
	}
	if m.meta.ProgressToken != nil {
		c.progress = startProgress(m.meta.ProgressToken, notify)
	}
	f.work.track(c)
	a := f.dispatch(context.WithValue(ctx, callContextKey{}, c), p, m, c, notify)
	silenced := f.work.untrack(c)
	c.progress.finish(silenced)
	if silenced {
		return answer{}
	}
	return a
}

// toolNameOf reads the name for messages only; mcp-go decides what it means.
func toolNameOf(params json.RawMessage) string {
	var p struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(params, &p)
	return p.Name
}

// runTool is the handler of every tool in mcp-go. The result goes past mcp-go's
// types, by way of the call; what it returns is a placeholder.
func (f *Front) runTool(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	c, ok := ctx.Value(callContextKey{}).(*call)
	if !ok {
		return nil, errors.New("internal: a call without its record")
	}
	caller := c.peer.caller(ctx)
	result, known := f.callHandler(ctx, c, caller, req)
	if !known {
		c.unknown = true
		return nil, errUnknownTool
	}
	c.result = f.finishResult(result, req.Params.Name, caller)
	return &mcp.CallToolResult{}, nil
}

// callHandler calls the handler, and makes a result of its panic.
func (f *Front) callHandler(ctx context.Context, c *call, caller Caller, req mcp.CallToolRequest) (result json.RawMessage, known bool) {
	defer func() {
		if v := recover(); v != nil {
			f.logPanic(string(mcp.MethodToolsCall), v)
			result, known = internalResult(), true
		}
	}()
	args := req.Params.RawArguments
	if len(args) == 0 || bytes.Equal(args, []byte("null")) {
		args = nil
	}
	var report func(json.RawMessage)
	if c.progress != nil {
		report = c.progress.report
	}
	return f.handler.CallTool(ctx, caller, ToolCall{Name: req.Params.Name, Args: args, Progress: report})
}

// finishResult puts the handler's result on one line and adds what the
// caller's revision requires. Anything but a JSON object is a bug.
func (f *Front) finishResult(result json.RawMessage, tool string, caller Caller) []byte {
	line, err := onOneLine(result)
	if err == nil && mcp.IsModernProtocol(caller.Protocol) {
		line, err = withResultType(line)
	}
	if err != nil {
		f.log.Error("internal: unusable tool result", slog.String("tool", tool), slog.Any("err", err))
		return internalResult()
	}
	return line
}

// onOneLine drops white space between tokens: a newline would end the message
// over stdio and split the event over HTTP.
func onOneLine(object []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, object); err != nil {
		return nil, fmt.Errorf("cannot read result: %w", err)
	}
	if b.Len() < 2 || b.Bytes()[0] != '{' {
		return nil, errors.New("cannot use result: it is no JSON object")
	}
	return b.Bytes(), nil
}

// withResultType adds the resultType that 2026-07-28 requires, if it lacks.
// The other bytes stay as they are.
func withResultType(object []byte) ([]byte, error) {
	var have struct {
		ResultType json.RawMessage `json:"resultType"`
	}
	if err := json.Unmarshal(object, &have); err != nil {
		return nil, fmt.Errorf("cannot read result: %w", err)
	}
	if have.ResultType != nil {
		return object, nil
	}
	out := bytes.TrimSuffix(object, []byte{'}'})
	if len(out) > 1 {
		out = append(out, ',')
	}
	return append(out, `"resultType":"complete"}`...), nil
}

// refusal is the answer to a request that was not begun, with the reason that
// hold gave: for a tool call a result that the model can read.
func refusal(m message, why error) answer {
	text := "The gateway has too many calls running; not run. Try again in a few seconds, at most twice, then tell the user."
	code, closing := "OVERLOADED", errors.Is(why, errClosed)
	if closing {
		code, text = "SERVER_UNAVAILABLE", "The gateway is shutting down; not run. Tell the user."
	}
	if m.method == string(mcp.MethodToolsCall) && m.id != nil {
		return resultAnswer(m.id, errorResult(code, text))
	}
	return failureAnswer(m.id, &rpcFailure{code: mcp.INTERNAL_ERROR, text: why.Error(), status: 503})
}

func internalResult() []byte {
	return errorResult("INTERNAL", "The gateway failed while running this; it may have taken effect. Check before repeating, and tell the user.")
}

// errorResult is a tool result of the edge's own, in the shape that the
// gateway's failures have.
func errorResult(code, text string) []byte {
	type errorBody struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	body, err := json.Marshal(map[string]any{
		"content":           []any{map[string]string{"type": "text", "text": text}},
		"structuredContent": map[string]any{"error": errorBody{code, text}},
		"isError":           true,
	})
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
