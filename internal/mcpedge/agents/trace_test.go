package agents_test

import (
	"context"
	"encoding/json"
	"testing"

	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/tracecontext"
)

// traced notes the trace of each call.
type traced struct {
	*script

	seen chan *tracecontext.Context
}

func (h traced) CallTool(ctx context.Context, c agents.Caller, t agents.ToolCall, dst []byte) ([]byte, bool) {
	h.seen <- t.Trace
	return h.script.CallTool(ctx, c, t, dst)
}

func TestHandler_headersOfATrace_comeWithTheCall(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
	h := traced{newScript(), make(chan *tracecontext.Context, 1)}
	srv := serveHTTP(t, newEdge(t, h, nil))
	session := openSession(t, srv.URL, "2025-11-25")
	for _, c := range []struct {
		name    string
		headers []string
		want    *tracecontext.Context
	}{
		{"none", nil, nil},
		{"all", []string{"traceparent", parent, "tracestate", "a=1", "baggage", "b=2"}, &tracecontext.Context{Parent: parent, State: "a=1", Baggage: "b=2"}},
		{"a malformed one", []string{"traceparent", "00-x", "tracestate", "a=1"}, nil},
	} {
		for _, in := range [][]string{nil, {"Mcp-Session-Id", session}} {
			post(t, srv.URL, call(`1`, "echo", `{}`), append(in, c.headers...)...)
			got, _ := json.Marshal(receive(t, h.seen))
			if want, _ := json.Marshal(c.want); string(got) != string(want) {
				t.Errorf("%s: got %s, want %s", c.name, got, want)
			}
		}
	}
}
