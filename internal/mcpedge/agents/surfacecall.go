package agents

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// libraryMethods are those that mcp-go answers on every surface.
var libraryMethods = []string{string(mcp.MethodInitialize), string(mcp.MethodServerDiscover), string(mcp.MethodPing)}

// isForSurface reports whether a message is a request that the conversation's
// surface answers itself, other than a tools/call.
func (p *peer) isForSurface(m message) bool {
	return p.surface != nil && m.isRequest() && !m.isToolCall() && !slices.Contains(libraryMethods, m.method)
}

// surfaceParamNames are the members of params that decide what a request of a
// surface is about. Names are exact.
var surfaceParamNames = []string{"uri", "ref", "argument", "context", "level", "notifications", "taskId"}

// readSurfaceRequest reads a request that is not a tools/call, or says what is
// wrong with it.
func readSurfaceRequest(m message, supported []string) (toolRequest, *rpcFailure) {
	r := toolRequest{id: m.id, meta: m.meta, method: m.method, params: m.params}
	switch {
	case emptyList(m.params), rawjson.IsNull(m.params): // Some languages write an empty object so.
		r.params = nil
	case m.params != nil && rawjson.First(m.params) != '{':
		return r, invalidParams("params of " + shownMethod(m.method) + " must be an object")
	case ambiguous(m.params, surfaceParamNames):
		return r, ambiguousMember("params")
	}
	return r, r.readRevision(supported)
}

// runOn has a surface serve a request and returns the whole answer.
func (e *Edge) runOn(ctx context.Context, s Surface, c *call, caller Caller, t ToolCall, r toolRequest) (a answer) {
	if r.meta.token != nil {
		t.Progress = c.progress.report
	}
	if c.progress != nil && t.LogLevel != 0 {
		t.Notice = c.progress.notice
	}
	t.Weight, t.Asks, t.Lasts = c.weight, c.asker(r), c.begin
	request := Request{ToolCall: t, Method: r.method, Params: r.params}
	if r.method == "" {
		request.Method = string(mcp.MethodToolsCall)
	}
	a.buffer = newBuffer()
	b := jsonrpc.AppendResultHead(a.buffer.bytes, r.id)
	start := len(b)
	b, failure, panicked := e.askSurface(ctx, s, caller, request, b)
	switch result := b[min(start, len(b)):]; {
	case failure != nil:
		a.free()
		return errorAnswer(r.id, failure)
	case !panicked && (len(result) < 2 || result[0] != '{' || result[len(result)-1] != '}'):
		e.log.Error("internal: unusable result", slog.String("method", request.Method))
		panicked = true
	}
	if panicked {
		a.free()
		return surfaceFailure(r, caller.Protocol, errInternal)
	}
	jsonrpc.OneLine(b[start:])
	a.body = append(b, '}')
	return a
}

// askSurface calls the surface, and reports whether it panicked.
func (e *Edge) askSurface(ctx context.Context, s Surface, caller Caller, r Request, dst []byte) (b []byte, failure *Error, panicked bool) {
	defer func() {
		if v := recover(); v != nil {
			e.logPanic(r.Method, v)
			b, failure, panicked = dst, nil, true
		}
	}()
	b, failure = s.Serve(ctx, caller, r, dst)
	return b, failure, false
}

// errorAnswer is an answer with a surface's error.
func errorAnswer(id json.RawMessage, failure *Error) answer {
	object := slices.Clone(failure.Object)
	jsonrpc.OneLine(object)
	return answer{body: jsonrpc.AppendError(nil, id, object), code: failure.Code}
}

// surfaceFailure is the answer to a request of a surface that failed at the edge:
// to a tool call a result with isError, whose structuredContent is the tool's.
func surfaceFailure(r toolRequest, protocol string, e ownError) answer {
	if r.method != "" {
		data := struct {
			ownError

			Meta map[string]string `json:"_meta"`
		}{e, map[string]string{endpoint.MetaOrigin: "gateway"}}
		return failureAnswer(r.id, &rpcFailure{code: mcp.INTERNAL_ERROR, text: e.Message, data: data})
	}
	return resultAnswer(r.id, encodeResult(protocol, map[string]any{
		"content": []any{map[string]string{"type": "text", "text": e.Message}},
		"isError": true,
		"_meta":   map[string]any{endpoint.MetaOrigin: "gateway", endpoint.OwnMeta + "error": e},
	}))
}
