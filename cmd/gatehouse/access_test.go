package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestAccess_codes_sayWhatIsWrong(t *testing.T) {
	t.Parallel()
	g, a := beginRules(t, testkit.Servers{"files": testkit.Fake(t, "--tools", "query,list_tables"), "hidden": testkit.Fake(t)}, testkit.Rules{
		"a": {
			Allow:     []string{"files", "later_*"},
			Tools:     testkit.Tools{"files": {"echo", "query", "list_*", "absent_*"}},
			DenyTools: testkit.Tools{"*": {"list_secret*"}},
		},
		"nothing": {},
	}.JSON())
	g.Await(t, "server ready", "server", "files")
	cases := []struct{ name, agent, server, tool, want string }{
		{"an allowed tool", "a", "files", "query", ""},
		{"a server that is not allowed", "a", "hidden", "echo", "DENIED_BY_POLICY"},
		{"a server that is neither allowed nor there", "a", "nowhere", "echo", "DENIED_BY_POLICY"},
		{"an allowed server that is not there", "a", "later_on", "echo", "SERVER_NOT_FOUND"},
		{"a tool that is not allowed", "a", "files", "sleep", "DENIED_BY_POLICY"},
		{"a tool that is denied by pattern", "a", "files", "list_secrets", "DENIED_BY_POLICY"},
		{"an allowed tool that is not there", "a", "files", "absent_one", "TOOL_NOT_FOUND"},
		{"an agent that the rules do not know", "stranger", "files", "query", "DENIED_BY_POLICY"},
		{"an agent without any grant", "nothing", "files", "query", "DENIED_BY_POLICY"},
		{"a malformed agent id", "a@b", "files", "query", "INVALID_AGENT_ID"},
		{"no agent id", "", "files", "query", "INVALID_AGENT_ID"},
		{"names are case-sensitive", "a", "Files", "query", "DENIED_BY_POLICY"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := a.As(c.agent).Execute(t, c.server, c.tool, nil)
			if c.want == "" {
				r.Good(t)
				return
			}
			r.Failed(t, c.want)
		})
	}
}

func TestAccess_refusals_offerTheNearestOfWhatIsAllowed(t *testing.T) {
	t.Parallel()
	g, a := beginRules(t, testkit.Servers{"files": testkit.Fake(t, "--tools", "query,list_tables"), "hidden": testkit.Fake(t)}, testkit.Rules{
		"a": {Allow: []string{"files"}, Tools: testkit.Tools{"files": {"query", "list_*"}}, DenyTools: testkit.Tools{"files": {"*_secret_pattern"}}},
	}.JSON())
	g.Await(t, "server ready", "server", "files")

	e := a.Execute(t, "files", "query_db", nil).Failed(t, "DENIED_BY_POLICY")
	if !slices.Equal(e.Available, []string{"query", "list_tables"}) {
		t.Errorf("for query_db there is %v, want [query list_tables]", e.Available)
	}
	e = a.Execute(t, "fils", "query", nil).Failed(t, "DENIED_BY_POLICY")
	if !slices.Equal(e.Available, []string{"files"}) {
		t.Errorf("for fils there is %v, want [files]", e.Available)
	}
	r := a.Execute(t, "files", "a_secret_pattern", nil)
	e = r.Failed(t, "DENIED_BY_POLICY")
	if e.Rule != `agents.a.deny.tools.files[0]` && e.Rule != `agents.a.deny.tools["files"][0]` {
		t.Errorf("the rule is %q, want the first denied tool of files", e.Rule)
	}
	if strings.Contains(string(r.Structured), "*_secret_pattern") || strings.Contains(r.Text, "*_secret_pattern") {
		t.Errorf("the agent must not see the pattern: %s", r.Structured)
	}
}

// callMarks are the parts of a refusal that differ from call to call.
var callMarks = regexp.MustCompile(`"(call_id|generation|io\.gatehouse/call_id|io\.gatehouse/generation)":("[^"]*"|\d+)`)

func TestAccess_denial_isTheSameWhetherTheNameExistsOrNot(t *testing.T) {
	t.Parallel()
	with := testkit.Servers{"files": testkit.Fake(t, "--tools", "secret"), "db": testkit.Fake(t)}
	without := testkit.Servers{"files": testkit.Fake(t)}
	g, _ := beginRules(t, with, testkit.Rules{
		"a": {Allow: []string{"files"}, Tools: testkit.Tools{"files": {"echo"}}},
	}.JSON())
	raw := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	answers := func() []string {
		var out []string
		for _, call := range []struct {
			tool string
			args map[string]any
		}{
			{"execute_tool", map[string]any{"server": "db", "tool": "echo"}},
			{"execute_tool", map[string]any{"server": "db", "tool": "nothing"}},
			{"execute_tool", map[string]any{"server": "files", "tool": "secret"}},
			{"get_server_tools", map[string]any{"server": "db"}},
			{"get_server_tools", map[string]any{"server": "files", "names": "secret"}},
		} {
			r := raw.Call(t, call.tool, call.args)
			out = append(out, callMarks.ReplaceAllString(string(r.Raw), `"$1":0`))
		}
		return out
	}
	g.Await(t, "server ready", "server", "files")
	g.Await(t, "server ready", "server", "db")
	exists := answers()
	mark := g.Log.Len()
	g.Apply(t, g.ServersFile, without.JSON())
	g.AwaitFrom(t, mark, "server ready", "server", "files")
	for i, absent := range answers() {
		if absent != exists[i] {
			t.Errorf("answer %d must not tell that the name exists:\n%s\n%s", i, exists[i], absent)
		}
	}
}

func TestAccess_listServers_showsOnlyWhatTheAgentMayUse(t *testing.T) {
	t.Parallel()
	_, a := beginRules(t, testkit.Servers{"one": testkit.Fake(t), "two": testkit.Fake(t), "three": testkit.Fake(t)}, testkit.Rules{
		"a": {Allow: []string{"t*"}, Deny: []string{"three"}},
	}.JSON())
	if got := a.ServerNames(t); !slices.Equal(got, []string{"two"}) {
		t.Errorf("got %v, want [two]", got)
	}
	if got := a.As("stranger").Call(t, "list_servers", nil); got.Code() != "DENIED_BY_POLICY" && len(got.Structured) > len(`{"servers":[]}`) {
		t.Errorf("a stranger gets %s, want a denial or no servers", got.Structured)
	}
}

func TestIdentity_withoutAgentID(t *testing.T) {
	t.Parallel()
	lenient := map[string]any{"deny_on_missing_agent": false}
	all := testkit.Grant{Allow: []string{"*"}}
	cases := []struct {
		name  string
		rules string
		env   string
		want  string
	}{
		{"a rules file that forbids it", testkit.Rules{"default": all}.JSON(), "", "INVALID_AGENT_ID"},
		{"an agent named default", testkit.Rules{"default": all}.JSONWith(lenient), "", ""},
		{"nothing to fall back on", testkit.Rules{"a": all}.JSONWith(lenient), "", "NO_FALLBACK_CONFIGURED"},
		{"GATEWAY_DEFAULT_AGENT", testkit.Rules{"a": all, "default": {}}.JSONWith(lenient), "a", ""},
		{"a GATEWAY_DEFAULT_AGENT that the rules lack", testkit.Rules{"a": all}.JSONWith(lenient), "b", "FALLBACK_AGENT_NOT_IN_RULES"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := testkit.StartGateway(t, testkit.Options{
				Servers: testkit.Servers{"s": testkit.Fake(t)}.JSON(), Rules: c.rules,
				Env: []string{"GATEWAY_DEFAULT_AGENT=" + c.env},
			})
			r := g.Agent(t, "").Execute(t, "s", "echo", nil)
			if c.want == "" {
				r.Good(t)
				return
			}
			r.Failed(t, c.want)
		})
	}
}

func TestIdentity_pinned_mayBeNobodyElse(t *testing.T) {
	t.Parallel()
	rules := testkit.Rules{"a": {Allow: []string{"*"}}, "b": {Allow: []string{"*"}}, "first": {Allow: []string{"one"}}}.JSON()
	servers := testkit.Servers{"one": testkit.Fake(t), "two": testkit.Fake(t)}

	g, _ := beginRules(t, servers, rules, "--agent", "first,a")
	a := g.Agent(t, "")
	if got := a.ServerNames(t); !slices.Equal(got, []string{"one"}) {
		t.Errorf("without agent_id the pin's first agent sees %v", got)
	}
	a.As("a").Execute(t, "two", "echo", nil).Good(t)
	a.As("b").Execute(t, "two", "echo", nil).Failed(t, "INVALID_AGENT_ID")

	g, _ = beginRules(t, servers, rules, "--agent", "first")
	reply, err := g.Raw(t).Request(t.Context(), "tools/list", nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(reply.Message), "agent_id") {
		t.Errorf("agent_id must not be in the schemas of a connection that is one agent: %s", reply.Message)
	}
	g.Agent(t, "b").Execute(t, "one", "echo", nil).Failed(t, "INVALID_AGENT_ID")
}

func TestIdentity_pinnedAgentThatTheRulesLack_isDeniedWhateverTheFallback(t *testing.T) {
	t.Parallel()
	rules := `{"agents": {"default": {"allow": {"servers": ["*"]}}}, "defaults": {"deny_on_missing_agent": false}}`
	g, _ := beginRules(t, testkit.Servers{"s": testkit.Fake(t)}, rules, "--agent", "backend")
	for _, id := range []string{"", "backend"} {
		a := g.Agent(t, id)
		if got := a.ServerNames(t); len(got) != 0 {
			t.Errorf("agent_id %q: it sees %v, want nothing", id, got)
		}
		a.Execute(t, "s", "echo", nil).Failed(t, "DENIED_BY_POLICY")
	}
	g.Await(t, "a pinned agent is not in the rules: it may do nothing until it is", "agent", "backend")
	g.Stop(t)
	for line := range strings.Lines(testkit.ReadFile(t, g.AuditFile)) {
		if strings.Contains(line, `"operation":"execute_tool"`) {
			for _, want := range []string{`"agent_id":"backend"`, `"requested_agent":"backend"`, `"step":"unknown_agent"`, `"decision":"DENY"`} {
				if !strings.Contains(line, want) {
					t.Errorf("the audit log does not say %s: %s", want, line)
				}
			}
		}
	}
}

func TestAudit_eachCall_leavesALine(t *testing.T) {
	t.Parallel()
	g, a := beginRules(t, testkit.Servers{"s": testkit.Fake(t)}, testkit.Rules{
		"a": {Allow: []string{"s"}, Tools: testkit.Tools{"s": {"echo"}}},
	}.JSON())
	a.Execute(t, "s", "echo", map[string]any{"password": "an-argument-value"}).Good(t)
	denied := a.Execute(t, "s", "env", nil).Failed(t, "DENIED_BY_POLICY")
	a.As("a@b").Execute(t, "s", "echo", nil).Failed(t, "INVALID_AGENT_ID")
	if code := g.Stop(t); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	text := testkit.ReadFile(t, g.AuditFile)
	if strings.Contains(text, "an-argument-value") {
		t.Error("the audit log holds an argument")
	}
	decisions := map[string]map[string]any{}
	for line := range strings.Lines(text) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("bad line: %v: %s, want a JSON object", err, line)
		}
		if v["operation"] == "execute_tool" {
			decisions[v["decision"].(string)] = v
		}
	}
	allow, deny, invalid := decisions["ALLOW"], decisions["DENY"], decisions["ERROR"]
	if allow == nil || deny == nil || invalid == nil {
		t.Fatalf("there is not one of each decision:\n%s", text)
	}
	for _, key := range []string{"v", "timestamp", "call_id", "instance", "seq", "agent_id", "client", "operation", "server", "tool", "decision", "step", "generation", "policy_hash", "latency_ms"} {
		if _, ok := allow[key]; !ok {
			t.Errorf("the line of the allowed call lacks %s: %v", key, allow)
		}
	}
	if deny["call_id"] != denied.CallID || deny["step"] != "tool_not_allowed" || deny["tool"] != "env" {
		t.Errorf("the line of the denied call is %v, want tool_not_allowed for env in call %s", deny, denied.CallID)
	}
}
