package gate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

// For a name that the rules don't allow the answer is the same bytes, whether
// such a server or tool exists or not, and in whatever state it is.
func TestDenied_answersAreTheSameBytesWhetherItExistsOrNot(t *testing.T) {
	visible := func() *srv { return up("db", testkit.Says(oneText)).Has("query", "list_tables") }
	hidden := func() *srv {
		return up("db", testkit.Says(oneText)).Has("query", "list_secrets", "list_tables", "drop")
	}
	for _, c := range []struct {
		name, tool, args string
		worlds           [][]*srv
	}{
		{"a tool of a denied server", "execute_tool", `{"agent_id":"a","server":"secret","tool":"x"}`, [][]*srv{
			{visible()},
			{visible(), up("secret", testkit.Says(oneText)).Has("x")},
			{visible(), server("secret", endpoint.Status{State: endpoint.Starting})},
			{visible(), server("secret", endpoint.Status{State: endpoint.Quarantined})},
		}},
		{"the tools of a denied server", "get_server_tools", `{"agent_id":"a","server":"secret"}`, [][]*srv{
			{visible()},
			{visible(), up("secret", testkit.Says(oneText))},
			{visible(), server("secret", endpoint.Status{State: endpoint.Idle})},
		}},
		{"a denied tool of a server that one may use", "execute_tool", `{"agent_id":"a","server":"db","tool":"list_secrets"}`, [][]*srv{
			{visible()},
			{hidden()},
		}},
		{"a tool that no rule allows", "execute_tool", `{"agent_id":"a","server":"db","tool":"drop"}`, [][]*srv{
			{visible()},
			{hidden()},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var first string
			for i, world := range c.worlds {
				g := newGate(t, someRules, world...)
				got := string(g.call(c.tool, c.args).raw)
				if !strings.Contains(got, "DENIED_BY_POLICY") {
					t.Fatalf("world %d: got %s, want DENIED_BY_POLICY", i, got)
				}
				if i == 0 {
					first = got
				}
				if got != first {
					t.Errorf("world %d answers otherwise: got\n%s\nwant\n%s", i, got, first)
				}
				if heard := g.Heard(); len(heard) > 0 {
					t.Errorf("world %d: the supervisor was asked: %v, want nothing", i, heard)
				}
			}
		})
	}
}

func TestDenied_availableIsTheNearestTwentyOfOnesOwn(t *testing.T) {
	var tools []string
	for i := range 30 {
		tools = append(tools, fmt.Sprintf("list_table_%02d", i))
	}
	rules := `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["list_*", "query"]}}}}}`
	g := newGate(t, rules, up("db", testkit.Says(oneText)).Has(append(tools, "query", "quary_private")...))
	got := g.execute("db", "quary").err
	if got.Code != "DENIED_BY_POLICY" || len(got.Available) != 20 || got.Available[0] != "query" || slices.Contains(got.Available, "quary_private") {
		t.Errorf("got %+v, want DENIED_BY_POLICY with 20 names, query first and quary_private not among them", got)
	}
}

func TestIdentity_ofACall(t *testing.T) {
	const rules = `{"agents": {"a": {"allow": {"servers": ["db"]}}, "b": {"allow": {"servers": ["files"]}}, "default": {"allow": {"servers": ["files"]}}},
		"defaults": {"deny_on_missing_agent": false}}`
	for _, c := range []struct {
		name    string
		cfg     settings
		args    string
		servers string // what list_servers shows, or the error's code
		agent   string // in the audit
	}{
		{"named", settings{}, `{"agent_id":"a"}`, "db", "a"},
		{"not named is the agent default", settings{}, `{}`, "files", "default"},
		{"no arguments at all", settings{}, ``, "files", "default"},
		{"null arguments", settings{}, `null`, "files", "default"},
		{"empty counts as not named", settings{}, `{"agent_id":""}`, "files", "default"},
		{"null counts as not named", settings{}, `{"agent_id":null}`, "files", "default"},
		{"not named is the configured agent", settings{DefaultAgent: "a"}, `{}`, "db", "a"},
		{"pinned and not named is the first", settings{Pinned: []string{"b", "a"}}, `{}`, "files", "b"},
		{"pinned and named", settings{Pinned: []string{"b", "a"}}, `{"agent_id":"a"}`, "db", "a"},
		{"pinned to another", settings{Pinned: []string{"b"}}, `{"agent_id":"a"}`, "INVALID_AGENT_ID", ""},
		{"malformed", settings{}, `{"agent_id":"a/b"}`, "INVALID_AGENT_ID", ""},
		{"too long", settings{}, `{"agent_id":"` + strings.Repeat("x", 5000) + `"}`, "INVALID_AGENT_ID", ""},
		{"a stranger gets the rules of default", settings{}, `{"agent_id":"stranger"}`, "files", "default"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGateWith(t, c.cfg, rules, up("db", testkit.Says(oneText)), up("files", testkit.Says(oneText)))
			got := g.call("list_servers", c.args)
			shown := got.err.Code
			if !got.IsError {
				shown = strings.Join(serverNames(t, got), " ")
			}
			if shown != c.servers {
				t.Errorf("got %s, want %s", shown, c.servers)
			}
			if r := g.Record(); r.AgentID != c.agent {
				t.Errorf("audit: got agent %q, want %q", r.AgentID, c.agent)
			}
		})
	}
}

func serverNames(t *testing.T, a answer) []string {
	t.Helper()
	var list struct {
		Servers []struct{ Name string }
	}
	if err := json.Unmarshal(a.Structured, &list); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range list.Servers {
		names = append(names, s.Name)
	}
	return names
}

func TestAudit_oneRecordOfEachCall(t *testing.T) {
	crash := func() *srv {
		s := up("db", testkit.Hangs)
		s.Cell.Status().Session.Close(&endpoint.Exit{Reason: "gone"})
		testkit.Publish(s.Cell, endpoint.Status{State: endpoint.Quarantined})
		return s
	}
	for _, c := range []struct {
		name, tool, args string
		server           *srv
		want             audit.Record
	}{
		{
			"allowed", "execute_tool", `{"agent_id":"a","server":"db","tool":"query"}`, nil,
			audit.Record{AgentID: "a", RequestedAgent: "a", Server: "db", Tool: "query", Decision: audit.Allow, Step: "tool_allowed_exact", Rule: "agents.a.allow.tools.db[0]", Outcome: "ok"},
		},
		{
			"denied", "execute_tool", `{"agent_id":"a","server":"db","tool":"list_secrets"}`, nil,
			audit.Record{AgentID: "a", RequestedAgent: "a", Server: "db", Tool: "list_secrets", Decision: audit.Deny, Step: "tool_denied_exact", Rule: "agents.a.deny.tools.db[0]", Outcome: "DENIED_BY_POLICY"},
		},
		{
			"refused arguments", "execute_tool", `{"agent_id":"a","server":"db","nonsense":1}`, nil,
			audit.Record{RequestedAgent: "a", Server: "db", Decision: audit.Error, Outcome: "INVALID_ARGUMENT"},
		},
		{
			"no such agent", "execute_tool", `{"agent_id":"a!","server":"db","tool":"query"}`, nil,
			audit.Record{RequestedAgent: "a!", Server: "db", Tool: "query", Decision: audit.Error, Outcome: "INVALID_AGENT_ID"},
		},
		{
			"the tool's own error", "execute_tool", `{"agent_id":"a","server":"db","tool":"query"}`, up("db", testkit.Says(`{"content":[],"isError":true}`)),
			audit.Record{AgentID: "a", RequestedAgent: "a", Server: "db", Tool: "query", Decision: audit.Allow, Step: "tool_allowed_exact", Rule: "agents.a.allow.tools.db[0]", Outcome: "tool_error"},
		},
		{
			"allowed, but not to be had", "execute_tool", `{"agent_id":"a","server":"db","tool":"query"}`, crash(),
			audit.Record{AgentID: "a", RequestedAgent: "a", Server: "db", Tool: "query", Decision: audit.Allow, Step: "tool_allowed_exact", Rule: "agents.a.allow.tools.db[0]", Outcome: "SERVER_UNAVAILABLE"},
		},
		{
			"a list of servers", "list_servers", `{"agent_id":"a"}`, nil,
			audit.Record{AgentID: "a", RequestedAgent: "a", Decision: audit.Allow, Outcome: "ok"},
		},
		{
			"a list of tools", "get_server_tools", `{"agent_id":"a","server":"db"}`, nil,
			audit.Record{AgentID: "a", RequestedAgent: "a", Server: "db", Decision: audit.Allow, Step: "server_allowed", Rule: "agents.a.allow.servers[0]", Outcome: "ok"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.server
			if s == nil {
				s = up("db", testkit.Says(oneText)).Has("query")
			}
			g := newGate(t, someRules, s)
			g.call(c.tool, c.args)
			got := g.Record()
			if got.LatencyMS < 0 {
				t.Errorf("latency %v, want 0 or more", got.LatencyMS)
			}
			hash := got.PolicyHash
			c.want.CallID, c.want.Client, c.want.Operation, c.want.Generation = "gw-1", "tester/1", c.tool, 1
			got.LatencyMS, got.PolicyHash, got.Sent, got.Got = 0, "", 0, 0
			if got != c.want || len(hash) != 64 {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestDefinitions_areFour(t *testing.T) {
	g := newGate(t, allowAll)
	for _, d := range g.gate.Definitions() {
		var def struct {
			InputSchema map[string]any
			Annotations map[string]bool
			Name        string
		}
		if err := json.Unmarshal(d, &def); err != nil {
			t.Fatal(err)
		}
		for key := range def.InputSchema {
			if !slices.Contains([]string{"type", "properties", "required"}, key) {
				t.Errorf("%s: the schema must not use %s", def.Name, key)
			}
		}
		if def.Annotations["readOnlyHint"] != (def.Name != "execute_tool") {
			t.Errorf("%s: got annotations %v, want readOnlyHint %v", def.Name, def.Annotations, def.Name != "execute_tool")
		}
	}
	if n := len(g.gate.Definitions()); n != 4 {
		t.Errorf("got %d tools, want 4", n)
	}
}

func TestDefinitions_leaveOutWhatCannotBeChosen(t *testing.T) {
	for _, c := range []struct {
		name   string
		pinned []string
		want   bool
	}{
		{"unpinned", nil, true},
		{"pinned to two", []string{"a", "b"}, true},
		{"pinned to one", []string{"a"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGateWith(t, settings{Pinned: c.pinned, Debug: true}, allowAll)
			if n := len(g.gate.Definitions()); n != 5 {
				t.Errorf("got %d tools with debug, want 5", n)
			}
			for _, d := range g.gate.Definitions() {
				if got := strings.Contains(string(d), `"agent_id"`); got != c.want {
					t.Errorf("has agent_id: %v: %s, want %v", got, d, c.want)
				}
			}
		})
	}
}

func TestStatus_isOnlyThereWithDebug(t *testing.T) {
	if got := newGate(t, allowAll).call("get_gateway_status", `{"agent_id":"a"}`); got.err.Code != "unknown tool" {
		t.Errorf("got %s, want unknown tool", got.raw)
	}
	s := up("db", testkit.Says(oneText))
	g := newGateWith(t, settings{Debug: true}, someRules, s, up("secret", testkit.Says(oneText)))
	got := g.call("get_gateway_status", `{"agent_id":"a"}`)
	if got.IsError || strings.Contains(string(got.raw), "secret") || !strings.Contains(string(got.raw), `"db"`) {
		t.Errorf("the caller's own view is %s, want db without its secrets", got.raw)
	}
}

func TestUnknownTool_isNotKnown(t *testing.T) {
	if got := newGate(t, allowAll).call("drop_tables", `{}`); got.err.Code != "unknown tool" {
		t.Errorf("got %s, want unknown tool", got.raw)
	}
}

func TestListServers_describesWhatTheAgentMayUse(t *testing.T) {
	info := func(i endpoint.ServerInfo) *srv {
		s := up("db", testkit.Hangs)
		s.Cell.PublishCatalog(endpoint.Catalog{Known: true, Info: i, Tools: []endpoint.Tool{{Name: "query"}, {Name: "drop"}}})
		return s
	}
	for _, c := range []struct {
		name   string
		server *srv
		want   string
	}{
		{"by the entry's own text", info(endpoint.ServerInfo{Description: "x"}).With(func(e *serversfile.Entry) { e.Description = "The data" }), `{"name":"db","description":"The data","tools":1}`},
		{"by the server's description", info(endpoint.ServerInfo{Description: "of itself", Title: "T"}), `{"name":"db","description":"of itself","tools":1}`},
		{"by its title", info(endpoint.ServerInfo{Title: "T", Instructions: "do"}), `{"name":"db","description":"T","tools":1}`},
		{"by the first line of its instructions", info(endpoint.ServerInfo{Instructions: "\nfirst\nsecond"}), `{"name":"db","description":"first","tools":1}`},
		{"by the tools that one may use", info(endpoint.ServerInfo{}), `{"name":"db","description":"tools: query","tools":1}`},
		{"without a count while its tools are not known", server("db", endpoint.Status{State: endpoint.Starting}), `{"name":"db","state":"starting"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGate(t, someRules, c.server)
			got := g.call("list_servers", `{"agent_id":"a"}`)
			if want := `{"servers":[` + c.want + `]}`; string(got.Structured) != want {
				t.Errorf("got  %s\nwant %s", got.Structured, want)
			}
			var block struct{ Text string }
			if err := json.Unmarshal(got.Content[0], &block); err != nil || block.Text != string(got.Structured) {
				t.Errorf("the text is not the same value: %s", got.Content)
			}
		})
	}
}
