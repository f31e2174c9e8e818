package gate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/testkit"
)

// instant answers at once and keeps nothing.
type instant struct {
	*testkit.Session
	result json.RawMessage
}

func (s instant) Call(context.Context, endpoint.Request) (endpoint.Response, error) {
	return endpoint.Response{Result: s.result}, nil
}

// benchGate is a gate with n servers of 20 tools each, all of them ready.
func benchGate(b *testing.B, n int) *stage {
	b.Helper()
	var servers []*srv
	for i := range n {
		s := server(fmt.Sprintf("server%02d", i), ready(1, instant{testkit.NewSession(1, nil), json.RawMessage(oneText)}))
		var tools []string
		for j := range 20 {
			tools = append(tools, fmt.Sprintf("tool%02d", j))
		}
		servers = append(servers, s.Has(tools...))
	}
	return newGate(b, `{"agents": {"a": {"allow": {"servers": ["server*"], "tools": {"server*": ["tool0*", "tool1*"]}}}}}`, servers...)
}

func BenchmarkExecuteTool(b *testing.B) {
	g := benchGate(b, 50)
	args := json.RawMessage(`{"agent_id":"a","server":"server07","tool":"tool11","args":{"path":"/data/notes.txt","limit":20}}`)
	b.ReportAllocs()
	for b.Loop() {
		if got, _ := g.gate.CallTool(b.Context(), old, agents.ToolCall{Name: "execute_tool", Args: args}, nil); len(got) < 10 {
			b.Fatalf("got %s, want a result", got)
		}
		g.Forget()
	}
}

func BenchmarkExecuteTool_denied(b *testing.B) {
	g := benchGate(b, 50)
	args := json.RawMessage(`{"agent_id":"a","server":"server07","tool":"drop"}`)
	b.ReportAllocs()
	for b.Loop() {
		g.gate.CallTool(b.Context(), old, agents.ToolCall{Name: "execute_tool", Args: args}, nil)
		g.Forget()
	}
}

func BenchmarkListServers_of50(b *testing.B) {
	g := benchGate(b, 50)
	args := json.RawMessage(`{"agent_id":"a"}`)
	b.ReportAllocs()
	for b.Loop() {
		g.gate.CallTool(b.Context(), old, agents.ToolCall{Name: "list_servers", Args: args}, nil)
		g.Forget()
	}
}

func BenchmarkGetServerTools_of20(b *testing.B) {
	g := benchGate(b, 50)
	args := json.RawMessage(`{"agent_id":"a","server":"server07"}`)
	b.ReportAllocs()
	for b.Loop() {
		g.gate.CallTool(b.Context(), old, agents.ToolCall{Name: "get_server_tools", Args: args}, nil)
		g.Forget()
	}
}
