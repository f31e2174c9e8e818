package testkit

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
)

// RawStateless is a bare client of MCP 2026-07-28 over streamable HTTP that shows
// every byte. Its methods may be called from any goroutine.
type RawStateless struct {
	URL string
	// Capabilities are the client's, a JSON object; empty is none.
	Capabilities string

	next atomic.Int64
}

// RawStateless makes a bare client of the gateway. Nothing is sent yet.
func (g *Gateway) RawStateless(t testing.TB, capabilities string) *RawStateless {
	t.Helper()
	return &RawStateless{URL: g.BaseURL(t) + "/mcp", Capabilities: capabilities}
}

// CallTool implements Caller.
func (r *RawStateless) CallTool(ctx context.Context, name string, args any) (Result, error) {
	return r.Retry(ctx, name, args, nil)
}

// Retry is CallTool with more members of the params, such as inputResponses.
func (r *RawStateless) Retry(ctx context.Context, name string, args any, more map[string]any) (Result, error) {
	params := map[string]any{"name": name, "arguments": args}
	maps.Copy(params, more)
	params["_meta"] = map[string]any{
		mcp.MetaKeyProtocolVersion:    mcp.ProtocolVersion20260728,
		mcp.MetaKeyClientInfo:         map[string]any{"name": "testkit-stateless", "version": "1"},
		mcp.MetaKeyClientCapabilities: json.RawMessage(cmp.Or(r.Capabilities, "{}")),
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": r.next.Add(1), "method": "tools/call", "params": params})
	if err != nil {
		return Result{}, err
	}
	raw := Raw{URL: r.URL, Protocol: mcp.ProtocolVersion20260728, headers: map[string]string{mcp.HeaderMethod: "tools/call", mcp.HeaderName: name}}
	reply, err := raw.Post(ctx, body)
	if err != nil {
		return Result{}, err
	}
	var v struct{ Result, Error json.RawMessage }
	if err := json.Unmarshal(reply.Message, &v); err != nil || v.Result == nil {
		return Result{}, fmt.Errorf("status %d: %s", reply.Status, reply.Message)
	}
	return fromRaw(v.Result)
}
