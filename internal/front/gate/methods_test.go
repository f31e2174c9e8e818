package gate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
	"gatehouse/testkit"
)

// moreThanTools is a server with resources and prompts, whose answers are these.
func moreThanTools(answer testkit.Answer, tools ...string) (*srv, *testkit.Session) {
	info := endpoint.ServerInfo{ProtocolVersion: "2026-07-28", Tools: true, Capabilities: `{"tools":{},"resources":{"listChanged":true},"prompts":{"listChanged":true}}`}
	session := testkit.NewSession(1, answer).WithInfo(info)
	db := testkit.NewBackend("db", testkit.Ready(1, session))
	publish := func(list endpoint.List, names ...string) {
		next := endpoint.Catalog{Known: true, At: time.Now(), Info: info}
		for _, name := range names {
			next.Tools = append(next.Tools, endpoint.Tool{Name: name, Raw: fmt.Appendf(nil, `{"is":%q,"n":1.0}`, name)})
		}
		db.Cell.PublishList(list, next)
	}
	publish(endpoint.Tools, append([]string{"query"}, tools...)...)
	publish(endpoint.Resources, "note://a/1", "note://b/1")
	publish(endpoint.Templates, "note://a/{x}")
	publish(endpoint.Prompts, "greet", "other")
	return db, session
}

const someOfEach = `{"agents": {
	"a": {"allow": {"servers": ["db"], "resources": {"db": ["note://a/*"]}, "prompts": {"db": ["greet"]}}},
	"tools": {"allow": {"servers": ["db"], "tools": {"db": ["query"]}}},
	"all": {"allow": {"servers": ["db"]}, "deny": {"resources": {"*": ["*"]}}}
}}`

func (g *stage) run(tool, args string) answer {
	return g.call("execute_tool", fmt.Sprintf(`{"agent_id":"a","server":"db","tool":%q,"args":%s}`, tool, args))
}

func names(list []json.RawMessage) (out []string) {
	for _, raw := range list {
		var named struct{ Name, Is string }
		_ = json.Unmarshal(raw, &named)
		out = append(out, named.Name+named.Is)
	}
	return out
}

func TestMethods_areShownBehindTheTools_whereTheRulesLeaveSomething(t *testing.T) {
	db, _ := moreThanTools(testkit.Says(oneText))
	g := newGate(t, someOfEach, db)
	for agent, want := range map[string][]string{
		"a":     {"query", "resources/list", "resources/read", "prompts/list", "prompts/get"},
		"tools": {"query"},
		"all":   {"query", "prompts/list", "prompts/get"},
	} {
		var box struct{ Tools []json.RawMessage }
		got := g.call("get_server_tools", fmt.Sprintf(`{"agent_id":%q,"server":"db"}`, agent))
		if err := json.Unmarshal(got.Structured, &box); err != nil {
			t.Fatal(err)
		}
		if list := names(box.Tools); !slices.Equal(list, want) {
			t.Errorf("agent %s: got %q, want %q", agent, list, want)
		}
	}
	named := g.call("get_server_tools", `{"agent_id":"a","server":"db","names":"resources/read,query"}`)
	if def := string(rawjson.Get(named.Structured, "tools")); strings.Count(def, `"_meta":{"io.gatehouse/origin":"gateway"}`) != 1 || !strings.Contains(def, `"name":"resources/read"`) {
		t.Errorf("got the definitions %s, want that of the method alone in the gateway's name", def)
	}
	if got := string(named.raw); !strings.Contains(got, `"returned":2`) || !strings.Contains(got, `"not_found":[]`) || !strings.Contains(got, `"io.gatehouse/origin":"gateway"`) {
		t.Errorf("by name: got %s, want both, the second in the gateway's name", got)
	}
}

func TestMethods_run_byTheRules(t *testing.T) {
	db, session := moreThanTools(func(_ context.Context, req endpoint.Request) (endpoint.Response, error) {
		switch req.Method {
		case "resources/read":
			return endpoint.Response{Result: []byte(`{"contents":[{"uri":"note://a/9","text":"x","n":1.0},{"uri":"note://a/9b","blob":"AA=="}],"resultType":"complete","_meta":{"k":1.0}}`)}, nil
		default:
			return endpoint.Response{Result: []byte(`{"description":"Greets.","messages":[{"role":"user","content":{"type":"text","text":"Say hi"}},` +
				`{"role":"assistant","content":{"type":"image","data":"AA==","mimeType":"image/png"}}],"resultType":"complete"}`)}, nil
		}
	})
	g := newGate(t, someOfEach, db)
	for _, c := range []struct{ tool, args, want string }{
		{"resources/list", `{}`, `{"server":"db","resources":[{"is":"note://a/1","n":1.0}],"resourceTemplates":[{"is":"note://a/{x}","n":1.0}]}`},
		{"resources/list", `{"pattern":"*/1"}`, `{"server":"db","resources":[{"is":"note://a/1","n":1.0}],"resourceTemplates":[]}`},
		{"prompts/list", `{}`, `{"server":"db","prompts":[{"is":"greet","n":1.0}]}`},
	} {
		if got := g.run(c.tool, c.args); string(got.Structured) != c.want {
			t.Errorf("%s %s: got %s, want %s", c.tool, c.args, got.raw, c.want)
		}
	}
	for _, c := range []struct{ tool, args, want string }{
		{"resources/read", `{"uri":"note://a/9"}`, `{"content":[{"type":"resource","resource":{"uri":"note://a/9","text":"x","n":1.0}},{"type":"resource","resource":{"uri":"note://a/9b","blob":"AA=="}}],"_meta":{"k":1.0,`},
		{"prompts/get", `{"name":"greet","arguments":{"who":"me"}}`, `{"content":[{"type":"text","text":"Greets."},{"type":"text","text":"user: Say hi"},{"type":"text","text":"assistant:"},{"type":"image","data":"AA==","mimeType":"image/png"}],`},
	} {
		if got := g.run(c.tool, c.args); !strings.HasPrefix(string(got.raw), c.want) {
			t.Errorf("%s: got %s, want it to begin with %s", c.tool, got.raw, c.want)
		}
	}
	var sent []string
	for _, req := range session.Calls() {
		sent = append(sent, req.Method+" "+string(req.Params))
	}
	if want := []string{`resources/read {"uri":"note://a/9"}`, `prompts/get {"name":"greet","arguments":{"who":"me"}}`}; !slices.Equal(sent, want) {
		t.Errorf("the server was sent %q, want %q", sent, want)
	}
	for _, c := range []struct{ tool, args, code string }{
		{"resources/read", `{"uri":"note://b/1"}`, "DENIED_BY_POLICY"},
		{"resources/read", `{}`, "INVALID_ARGUMENT"},
		{"prompts/get", `{"name":"other"}`, "DENIED_BY_POLICY"},
		{"prompts/get", `{"name":"greet","arguments":[1]}`, "INVALID_ARGUMENT"},
		{"resources/list", `{"pattern":"a?"}`, "INVALID_ARGUMENT"},
		{"resources/subscribe", `{"uri":"note://a/1"}`, "TOOL_NOT_FOUND"},
	} {
		if got := g.run(c.tool, c.args); got.err.Code != c.code {
			t.Errorf("%s %s: got %s, want %s", c.tool, c.args, got.raw, c.code)
		}
	}
	records := g.Records()
	if r := records[3]; r.Operation != "resources/read" || r.Resource != "note://a/9" || r.Tool != "" || r.Rule != `agents.a.allow.resources.db[0]` {
		t.Errorf("the audit log has %+v, want a reading of note://a/9 and its rule", r)
	}
}

func TestMethods_aServersOwnToolOfSuchAName_wins(t *testing.T) {
	db, session := moreThanTools(testkit.Says(oneText), "resources/read")
	g := newGate(t, `{"agents": {"a": {"allow": {"servers": ["db"]}}, "b": {"allow": {"servers": ["db"], "resources": {"db": ["*"]}}, "deny": {"tools": {"db": ["resources/*"]}}}}}`, db)
	for agent, want := range map[string]string{"a": "tools/call", "b": "resources/read"} {
		g.call("execute_tool", fmt.Sprintf(`{"agent_id":%q,"server":"db","tool":"resources/read","args":{"uri":"note://a/1"}}`, agent))
		calls := session.Calls()
		if got := calls[len(calls)-1].Method; got != want {
			t.Errorf("agent %s: the server was sent %s, want %s", agent, got, want)
		}
	}
}

func TestMethods_ofAServerThatHasOnlyTools_areToolsThatItDoesNotHave(t *testing.T) {
	g := newGate(t, allowAll, up("db", testkit.Says(oneText)).Has("query"))
	if got := g.run("resources/read", `{"uri":"a://b"}`); got.err.Code != "TOOL_NOT_FOUND" {
		t.Errorf("got %s, want TOOL_NOT_FOUND", got.raw)
	}
	if got := g.tools(""); !slices.Equal(names(got.Tools), []string{"query"}) {
		t.Errorf("got %q, want query alone", names(got.Tools))
	}
}

func TestMethods_aQuestionForInput_passes(t *testing.T) {
	const asks = `{"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}}}`
	db, _ := moreThanTools(testkit.Says(asks))
	g := newGate(t, someOfEach, db)
	got := g.callAs(context.Background(), agents.Caller{Protocol: "2026-07-28"}, "execute_tool",
		`{"agent_id":"a","server":"db","tool":"resources/read","args":{"uri":"note://a/1"}}`, nil)
	if !strings.HasPrefix(string(got.raw), asks[:len(asks)-1]) {
		t.Errorf("got %s, want %s", got.raw, asks)
	}
}
