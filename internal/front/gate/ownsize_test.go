package gate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/weight"
	"gatehouse/testkit"
)

// maxOwn is what an answer of the gateway's own may have.
const maxOwn = 2_000_000

// huge is a server whose tools have so many bytes in all.
func huge(tools, size int) *srv {
	definitions := make([]string, tools)
	for i := range definitions {
		definitions[i] = fmt.Sprintf(`{"name":"t%d","description":"%s"}`, i, strings.Repeat(`\\\"`, size/tools/4))
	}
	return up("db", testkit.Hangs).Has(definitions...)
}

func TestGetServerTools_ofAnEnormousServer_isAnAnswerOf2MB(t *testing.T) {
	for _, c := range []struct{ tools, size int }{{100, 2 << 20}, {1, 1 << 20}, {2, 5 << 18}} {
		g := newGate(t, allowAll, huge(c.tools, c.size))
		got := g.call("get_server_tools", `{"agent_id":"a","server":"db","max_schema_tokens":100000000}`)
		var a toolsAnswer
		if err := json.Unmarshal(got.Structured, &a); err != nil || got.IsError {
			t.Fatalf("got %.300s, %v; want tools", got.raw, err)
		}
		if len(got.raw) > maxOwn || a.Returned == 0 || a.Returned != len(a.Tools) || a.TotalAvailable != c.tools {
			t.Errorf("%d tools of %d bytes: got %d bytes with %d of %d tools, want at most %d with some", c.tools, c.size, len(got.raw), a.Returned, a.TotalAvailable, maxOwn)
		}
	}
}

func TestListServers_ofManyServersWithLongDescriptions_isAnAnswerOf2MB(t *testing.T) {
	for _, c := range []struct {
		servers, size int
		whole, all    bool
	}{{1000, 100, true, true}, {1000, 2000, false, true}, {1, 1 << 20, false, true}, {6000, 300, false, false}} {
		list := make([]*srv, c.servers)
		for i := range list {
			list[i] = up(fmt.Sprintf("server-%05d", i), testkit.Hangs).With(func(e *serversfile.Entry) { e.Description = strings.Repeat("x", c.size-1) + "." })
		}
		got := newGate(t, allowAll, list...).call("list_servers", `{"agent_id":"a"}`)
		var a struct {
			Servers []struct{ Name, Description string }
			More    int `json:"omitted_more"`
		}
		if err := json.Unmarshal(got.Structured, &a); err != nil || len(got.raw) > maxOwn {
			t.Fatalf("%d servers: got %d bytes, %v; want at most %d", c.servers, len(got.raw), err, maxOwn)
		}
		if len(a.Servers)+a.More != c.servers || len(a.Servers) == 0 || (a.More == 0) != c.all || (len(a.Servers[0].Description) == c.size) != c.whole {
			t.Errorf("%d servers with %d bytes each: got %d and %d more, a description of %d bytes; want whole descriptions %v, all servers %v",
				c.servers, c.size, len(a.Servers), a.More, len(a.Servers[0].Description), c.whole, c.all)
		}
	}
}

func TestOwnAnswers_takeOfTheBudget(t *testing.T) {
	g := newGate(t, allowAll, huge(100, 1<<20))
	budget := weight.New(1<<20, time.Now)
	share := budget.Share()
	sent := agents.ToolCall{Name: "get_server_tools", Args: []byte(`{"agent_id":"a","server":"db","max_schema_tokens":1000000}`), Weight: &share}
	raw, _ := g.gate.CallTool(t.Context(), old, sent, nil)
	if got := readAnswer(raw); got.err.Code != "OVERLOADED" || got.err.MayHaveRun || !strings.Contains(got.err.Message, "not run") {
		t.Errorf("got %.300s, want OVERLOADED that has not run", raw)
	}
}
