package surface_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/surface"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/testkit"
)

// 2,000 tools of 100 servers, from memory.
func BenchmarkAll_toolsList(b *testing.B) {
	var servers []*testkit.Backend
	for i := range 100 {
		var tools []string
		for j := range 20 {
			tools = append(tools, fmt.Sprintf(`{"name":"tool_%d","description":%q,"inputSchema":{"type":"object"}}`, j, strings.Repeat("x", 500)))
		}
		servers = append(servers, testkit.ReadyBackend(fmt.Sprintf("server-%d", i), testkit.Hangs).Has(tools...))
	}
	s := testkit.NewStage(b, allowAll, servers...)
	all := surface.Gateway{Router: s.Router(front.Config{})}.All()
	b.ReportAllocs()
	for b.Loop() {
		out, failure := all.Serve(context.Background(), old, agents.Request{Method: "tools/list"}, nil)
		if failure != nil || len(out) < 1_000_000 {
			b.Fatalf("got %d bytes and %v, want the list", len(out), failure)
		}
		s.Forget()
	}
}

// instant answers at once and keeps nothing.
type instant struct {
	*testkit.Session
	result []byte
}

func (s instant) Call(context.Context, endpoint.Request) (endpoint.Response, error) {
	return endpoint.Response{Result: s.result}, nil
}

func BenchmarkOne_toolsCall(b *testing.B) {
	s := testkit.NewStage(b, allowAll, testkit.NewBackend("db", testkit.Ready(1,
		instant{testkit.NewSession(1, nil), []byte(`{"content":[{"type":"text","text":"hi"}]}`)})).Has("query"))
	one := surface.Gateway{Router: s.Router(front.Config{})}.One("db")
	r := agents.Request{Method: "tools/call", ToolCall: agents.ToolCall{Name: "query", Args: []byte(`{"n":1}`)}}
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, failure := one.Serve(context.Background(), old, r, dst[:0]); failure != nil {
			b.Fatal(failure)
		}
		s.Forget()
	}
}
