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

// manyTools is the surface of 2,000 tools of 100 servers, and what asks for its list.
func manyTools(tb testing.TB) (list func()) {
	tb.Helper()
	var servers []*testkit.Backend
	for i := range 100 {
		var tools []string
		for j := range 20 {
			tools = append(tools, fmt.Sprintf(`{"name":"tool_%d","description":%q,"inputSchema":{"type":"object"}}`, j, strings.Repeat("x", 500)))
		}
		servers = append(servers, testkit.ReadyBackend(fmt.Sprintf("server-%d", i), testkit.Hangs).Has(tools...))
	}
	s := testkit.NewStage(tb, allowAll, servers...)
	all := surface.Gateway{Router: s.Router(front.Config{})}.All()
	return func() {
		out, failure := all.Serve(context.Background(), old, agents.Request{Method: "tools/list"}, nil)
		if failure != nil || len(out) < 1_000_000 {
			tb.Fatalf("got %d bytes and %v, want the list", len(out), failure)
		}
		s.Forget()
	}
}

func BenchmarkAll_toolsList(b *testing.B) {
	list := manyTools(b)
	b.ReportAllocs()
	for b.Loop() {
		list()
	}
}

// A list comes from memory as it is: what it takes must not grow with the tools.
func TestAll_toolsList_allocatesLessThanOnceATool(t *testing.T) {
	list := manyTools(t)
	list() // The first reads the definitions.
	if got := testing.AllocsPerRun(5, list); got > 1500 {
		t.Errorf("got %.0f allocations for 2,000 tools of 100 servers, want at most 1500", got)
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
