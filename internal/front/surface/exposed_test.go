package surface_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/gate"
	"gatehouse/internal/front/surface"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/testkit"
)

const exposing = `{"agents": {"a": {"allow": {"servers": ["db", "web"], "tools": {"db": ["query", "list_*"]}}, "expose": {"db": ["query", "drop"], "web": ["get.*"]}}, "b": {"allow": {"servers": ["db"]}}}}`

func TestExposed_areWhatTheRulesShowAndAllow(t *testing.T) {
	db := testkit.NewSession(1, testkit.Says(`{"content":[]}`))
	s := testkit.NewStage(t, exposing, testkit.NewBackend("db", testkit.Ready(1, db)).Has("query", "drop", "list_all"), testkit.ReadyBackend("web", testkit.Hangs).Has("get.all", "put"))
	exposed := surface.Gateway{Router: s.Router(front.Config{})}.Exposed()
	got := ""
	for _, d := range exposed.Definitions(old) {
		got += string(d)
	}
	if want := `{"name":"db__query"}{"name":"` + surface.JoinedName("web", "get.all") + `"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	b := old
	b.Agent = "b"
	if list := exposed.Definitions(b); list != nil {
		t.Errorf("got %s for an agent to whom nothing is exposed, want nothing", list)
	}
	for _, c := range []struct {
		caller agents.Caller
		name   string
		known  bool
	}{
		{old, "db__query", true}, {old, "db__list_all", false}, {old, "web__put", false}, {old, "query", false}, {b, "db__query", false},
	} {
		before := len(db.Calls())
		out, known := exposed.CallTool(context.Background(), c.caller, agents.ToolCall{Name: c.name, Args: json.RawMessage(`{"n":1.0}`)}, nil)
		if calls := db.Calls(); known != c.known || known != (len(calls) > before) || known && string(calls[before].Params) != `{"name":"query","arguments":{"n":1.0}}` {
			t.Errorf("%s as %s: got %s, %v and that %v was sent; want %v", c.name, c.caller.Agent, out, known, calls, c.known)
		}
	}
	// What is exposed and not allowed is a refusal, as by execute_tool.
	if out, known := exposed.CallTool(context.Background(), old, agents.ToolCall{Name: "db__drop"}, nil); !known || !strings.Contains(string(out), "DENIED_BY_POLICY") {
		t.Errorf("got %s, %v, want a refusal", out, known)
	}
	if out, known := exposed.CallTool(context.Background(), old, agents.ToolCall{Name: "db__query", Args: json.RawMessage(`[]`)}, nil); !known || !strings.Contains(string(out), "INVALID_ARGUMENT") {
		t.Errorf("got %s, %v, want a refusal of the arguments", out, known)
	}
}

// The gate has results only, so a server's JSON-RPC error is one.
func TestExposed_aServersErrorIsAResult(t *testing.T) {
	s := testkit.NewStage(t, exposing, testkit.ReadyBackend("db", func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{Error: []byte(`{"code":-32602,"message":"bad s3cr3t-value"}`)}, nil
	}).Has("query"))
	exposed := surface.Gateway{Router: s.Router(front.Config{})}.Exposed()
	out, _ := exposed.CallTool(context.Background(), old, agents.ToolCall{Name: "db__query"}, nil)
	if got := string(out); !strings.Contains(got, `"isError":true`) || !strings.Contains(got, "[redacted TOKEN]") || strings.Contains(got, "structuredContent") {
		t.Errorf("got %s, want a result with isError", got)
	}
}

func TestExposed_mark_changesWithTheDefinitionsAlone(t *testing.T) {
	db := testkit.ReadyBackend("db", testkit.Hangs).Has("query")
	s := testkit.NewStage(t, exposing, db)
	exposed := surface.Gateway{Router: s.Router(front.Config{})}.Exposed()
	first := exposed.Mark(old)
	db.Has("query", "list_all")
	if got := exposed.Mark(old); got != first || got == 0 {
		t.Errorf("after a change of what is not exposed: got %d, want %d", got, first)
	}
	db.Has(`{"name":"query","description":"new"}`)
	if got := exposed.Mark(old); got == first {
		t.Errorf("after a change of a definition: got %d still, want another", got)
	}
}

// A model that finds a tool should know that it has it already, under another name.
func TestExposed_isNamedByASearch_ofTheSameAgent(t *testing.T) {
	s := testkit.NewStage(t, exposing, testkit.ReadyBackend("db", testkit.Hangs).Has("query", "list_all"))
	router := s.Router(front.Config{})
	g := gate.New(gate.Config{Router: router, Exposed: surface.Gateway{Router: router}.Exposed()})
	for agent, want := range map[string][]string{"a": {`"tool":"query","exposed":"db__query"`, `"tool":"list_all"}`}, "b": {`"tool":"query"}`}} {
		got, _ := g.CallTool(context.Background(), old, agents.ToolCall{Name: "search_tools", Args: json.RawMessage(`{"agent_id":"` + agent + `","query":"query list","max_schema_tokens":0}`)}, nil)
		for _, part := range want {
			if !strings.Contains(string(got), part) {
				t.Errorf("as %s: got %s, want it to contain %s", agent, got, part)
			}
		}
	}
}
