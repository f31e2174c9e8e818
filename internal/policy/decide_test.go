package policy_test

import (
	"strings"
	"testing"

	"gatehouse/internal/policy"
)

// question is a question and the answer that it must have.
type question struct {
	agent, server, tool string
	step                policy.Step
	path                string
}

func TestDecide_eachStep(t *testing.T) {
	cases := map[string]struct {
		rules policy.Rules
		asks  []question
	}{
		"an agent that the rules don't know is denied everything": {
			rules(true, person{id: "a", allow: access{servers: []string{"*"}}}),
			[]question{
				{"b", "db", "", policy.UnknownAgent, ""},
				{"b", "db", "query", policy.UnknownAgent, ""},
				{"", "db", "query", policy.UnknownAgent, ""},
				{"A", "db", "query", policy.UnknownAgent, ""},
				{"a\x00", "db", "query", policy.UnknownAgent, ""},
			},
		},
		"no agents at all deny all": {
			rules(true),
			[]question{{"a", "db", "query", policy.UnknownAgent, ""}},
		},
		"deny.servers beats allow.servers, with the first match in file order": {
			rules(true, person{
				id:    "a",
				allow: access{servers: []string{"*"}},
				deny:  access{servers: []string{"x", "prod-*", "prod-db"}},
			}),
			[]question{
				{"a", "prod-db", "", policy.ServerDenied, "agents.a.deny.servers[1]"},
				{"a", "prod-db", "query", policy.ServerDenied, "agents.a.deny.servers[1]"},
				{"a", "x", "query", policy.ServerDenied, "agents.a.deny.servers[0]"},
				{"a", "X", "", policy.ServerAllowed, "agents.a.allow.servers[0]"},
			},
		},
		"an exact server name before a pattern decides when it comes first": {
			rules(true, person{
				id:    "a",
				allow: access{servers: []string{"*"}},
				deny:  access{servers: []string{"prod-db", "prod-*"}},
			}),
			[]question{{"a", "prod-db", "", policy.ServerDenied, "agents.a.deny.servers[0]"}},
		},
		"a server that allow.servers doesn't match is denied": {
			rules(true, person{id: "a", allow: access{servers: []string{"db"}, tools: [][]string{{"files", "read"}}}}),
			[]question{
				{"a", "files", "", policy.ServerNotAllowed, ""},
				{"a", "files", "read", policy.ServerNotAllowed, ""},
				{"a", "db2", "", policy.ServerNotAllowed, ""},
				{"a", "DB", "", policy.ServerNotAllowed, ""},
				{"a", "", "", policy.ServerNotAllowed, ""},
			},
		},
		"an agent without allow may do nothing": {
			rules(true, person{id: "a"}),
			[]question{{"a", "db", "", policy.ServerNotAllowed, ""}, {"a", "db", "query", policy.ServerNotAllowed, ""}},
		},
		"without a tool the answer is that of the server": {
			rules(true, person{
				id:    "a",
				allow: access{servers: []string{"db", "d*"}, tools: [][]string{{"db"}}},
				deny:  access{tools: [][]string{{"*", "*"}}},
			}),
			[]question{
				{"a", "db", "", policy.ServerAllowed, "agents.a.allow.servers[0]"},
				{"a", "docs", "", policy.ServerAllowed, "agents.a.allow.servers[1]"},
			},
		},
		"an exact deny is asked before a denying pattern that stands earlier": {
			rules(true, person{
				id:    "a",
				allow: access{servers: []string{"db"}, tools: [][]string{{"db", "drop"}}},
				deny:  access{tools: [][]string{{"*", "dr*"}, {"db", "x", "drop"}}},
			}),
			[]question{
				{"a", "db", "drop", policy.ToolDeniedExact, `agents.a.deny.tools["db"][1]`},
				{"a", "db", "drop_all", policy.ToolDeniedPattern, `agents.a.deny.tools["*"][0]`},
			},
		},
		"a denying pattern beats an exact allow": {
			rules(true, person{
				id:    "a",
				allow: access{servers: []string{"db"}, tools: [][]string{{"db", "drop_table", "query"}}},
				deny:  access{tools: [][]string{{"*", "drop_*"}}},
			}),
			[]question{
				{"a", "db", "drop_table", policy.ToolDeniedPattern, `agents.a.deny.tools["*"][0]`},
				{"a", "db", "query", policy.ToolAllowedExact, `agents.a.allow.tools["db"][1]`},
			},
		},
		"all keys that match a server form one list in file order": {
			rules(true, person{
				id:    "a",
				allow: access{servers: []string{"*"}, tools: [][]string{{"d*", "list_*", "count"}, {"db", "l*", "count"}, {"*b", "count", "*"}}},
			}),
			[]question{
				{"a", "db", "list_x", policy.ToolAllowedPattern, `agents.a.allow.tools["d*"][0]`},
				{"a", "db", "lust", policy.ToolAllowedPattern, `agents.a.allow.tools["db"][0]`},
				{"a", "db", "count", policy.ToolAllowedExact, `agents.a.allow.tools["d*"][1]`},
				{"a", "b", "count", policy.ToolAllowedExact, `agents.a.allow.tools["*b"][0]`},
				{"a", "b", "other", policy.ToolAllowedPattern, `agents.a.allow.tools["*b"][1]`},
				{"a", "dx", "other", policy.ToolNotAllowed, ""},
			},
		},
		"a tool whose name is literally a pattern is matched by that pattern": {
			rules(true, person{id: "a", allow: access{servers: []string{"db"}, tools: [][]string{{"db", "list_*"}}}}),
			[]question{{"a", "db", "list_*", policy.ToolAllowedPattern, `agents.a.allow.tools["db"][0]`}},
		},
		"no key of allow.tools that matches the server is an implicit grant": {
			rules(true,
				person{id: "none", allow: access{servers: []string{"x", "db"}}},
				person{id: "other", allow: access{servers: []string{"d*"}, tools: [][]string{{"files", "read"}}}}),
			[]question{
				{"none", "db", "query", policy.ImplicitGrant, "agents.none.allow.servers[1]"},
				{"other", "db", "query", policy.ImplicitGrant, "agents.other.allow.servers[0]"},
			},
		},
		"an implicit grant is no answer to deny.tools": {
			rules(true, person{
				id:    "a",
				allow: access{servers: []string{"*"}},
				deny:  access{tools: [][]string{{"d*", "x", "y*"}}},
			}),
			[]question{
				{"a", "db", "x", policy.ToolDeniedExact, `agents.a.deny.tools["d*"][0]`},
				{"a", "db", "yy", policy.ToolDeniedPattern, `agents.a.deny.tools["d*"][1]`},
				{"a", "fs", "yy", policy.ImplicitGrant, "agents.a.allow.servers[0]"},
			},
		},
		"an empty list grants nothing, under a pattern too": {
			rules(true,
				person{id: "name", allow: access{servers: []string{"*"}, tools: [][]string{{"db"}}}},
				person{id: "star", allow: access{servers: []string{"*"}, tools: [][]string{{"*"}}}}),
			[]question{
				{"name", "db", "query", policy.ToolNotAllowed, ""},
				{"name", "fs", "read", policy.ImplicitGrant, "agents.name.allow.servers[0]"},
				{"star", "fs", "read", policy.ToolNotAllowed, ""},
				{"star", "fs", "", policy.ServerAllowed, "agents.star.allow.servers[0]"},
			},
		},
		"a key that allows other tools allows no more than those": {
			rules(true, person{id: "a", allow: access{servers: []string{"db"}, tools: [][]string{{"db", "query", "list_*"}}}}),
			[]question{
				{"a", "db", "query", policy.ToolAllowedExact, `agents.a.allow.tools["db"][0]`},
				{"a", "db", "list_", policy.ToolAllowedPattern, `agents.a.allow.tools["db"][1]`},
				{"a", "db", "Query", policy.ToolNotAllowed, ""},
				{"a", "db", "query\n", policy.ToolNotAllowed, ""},
				{"a", "db", "quеry", policy.ToolNotAllowed, ""}, // a Cyrillic letter
				{"a", "db", strings.Repeat("query", 1<<12), policy.ToolNotAllowed, ""},
			},
		},
		"strangers get the default agent's rules where missing agents are not denied": {
			rules(false,
				person{id: "default", allow: access{servers: []string{"docs"}}},
				person{id: "a", allow: access{servers: []string{"db"}}}),
			[]question{
				{"stranger", "docs", "read", policy.ImplicitGrant, "agents.default.allow.servers[0]"},
				{"stranger", "db", "read", policy.ServerNotAllowed, ""},
				{"a", "docs", "read", policy.ServerNotAllowed, ""},
				{"not well formed", "docs", "read", policy.UnknownAgent, ""},
				{"", "docs", "read", policy.UnknownAgent, ""},
			},
		},
		"strangers are denied where missing agents are, though default exists": {
			rules(true, person{id: "default", allow: access{servers: []string{"docs"}}}),
			[]question{{"stranger", "docs", "read", policy.UnknownAgent, ""}},
		},
		"strangers are denied where there is no default agent": {
			rules(false, person{id: "a", allow: access{servers: []string{"*"}}}),
			[]question{{"stranger", "docs", "read", policy.UnknownAgent, ""}},
		},
	}
	seen := map[policy.Step]bool{}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := policy.Compile(c.rules)
			for _, ask := range c.asks {
				got := p.Decide(p.StandIn(ask.agent), ask.server, ask.tool)
				if got.Step != ask.step || got.Path() != ask.path || got.Allow != ask.step.Allows() {
					t.Errorf("Decide(%q, %q, %.40q) = allow %v, %s by %q; want %s by %q",
						ask.agent, ask.server, ask.tool, got.Allow, got.Step, got.Path(), ask.step, ask.path)
				}
				if got.Hash != c.rules.Hash {
					t.Errorf("Hash = %q, want %q", got.Hash, c.rules.Hash)
				}
			}
		})
		for _, ask := range c.asks {
			seen[ask.step] = true
		}
	}
	for _, s := range policy.Steps() {
		if !seen[s] && (s.Asks(policy.Tools) || s.Asks(policy.Servers)) {
			t.Errorf("no case for step %s", s)
		}
	}
}

func TestDecide_ruleHasItsPosition(t *testing.T) {
	p := policy.Compile(rules(true, person{id: "a", deny: access{servers: []string{"x", "d*"}}}))
	got := p.Decide("a", "db", "query").Rule
	want := policy.Rule{
		Pattern: "d*", Path: "agents.a.deny.servers[1]",
		Pos: policy.Position{File: "rules.json", Line: 2, Column: 1},
	}
	if got == nil || *got != want {
		t.Errorf("rule = %+v, want %+v", got, want)
	}
}

func TestCompile_sharesNoMemoryWithTheRules(t *testing.T) {
	r := rules(true, person{
		id:    "a",
		allow: access{servers: []string{"db"}, tools: [][]string{{"db", "query"}}},
	})
	p := policy.Compile(r)
	r.Agents[0].Allow.Servers[0].Pattern = "other"
	r.Agents[0].Allow.Tools[0].Rules[0] = policy.Rule{Pattern: "other"}
	if got := p.Decide("a", "db", "query"); got.Step != policy.ToolAllowedExact || got.Rule.Pattern != "query" {
		t.Errorf("decision changed with the caller's rules: %+v, want query, allowed by its name", got)
	}
}

func TestDecide_allocatesNothing(t *testing.T) {
	p := policy.Compile(benchRules(10, false))
	for _, tool := range []string{"", "export_public_rows", "drop_all_secret", "unknown"} {
		if n := testing.AllocsPerRun(100, func() { p.Decide("agent-0003", "server-3", tool) }); n != 0 {
			t.Errorf("Decide with tool %q allocates %v times, want 0", tool, n)
		}
		if n := testing.AllocsPerRun(100, func() { p.DecidePrompt("agent-0003", "server-3", tool) }); n != 0 {
			t.Errorf("DecidePrompt of %q allocates %v times, want 0", tool, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { p.Decide("stranger", "server-3", "x") }); n != 0 {
		t.Errorf("Decide for a stranger allocates %v times, want 0", n)
	}
}

func TestPolicy_accessors_tellWhatTheRulesSay(t *testing.T) {
	p := policy.Compile(rules(false, person{id: "b"}, person{id: "a"}))
	if !p.HasAgent("a") || p.HasAgent("c") || p.HasAgent("") {
		t.Error("HasAgent is wrong about a, c or the empty id")
	}
	if got, want := p.Hash(), "hash-of-the-rules"; got != want {
		t.Errorf("Hash() = %q, want that of the rules, %q", got, want)
	}
}

func TestStep_namesAreThoseOfTheContract(t *testing.T) {
	want := "unknown_agent server_denied server_not_allowed server_allowed tool_denied_exact tool_denied_pattern " +
		"tool_allowed_exact tool_allowed_pattern implicit_grant tool_not_allowed " +
		"resource_denied_exact resource_denied_pattern resource_allowed_exact resource_refused resource_allowed_pattern resource_not_allowed " +
		"prompt_denied_exact prompt_denied_pattern prompt_allowed_exact prompt_allowed_pattern prompt_not_allowed"
	var got []string
	for _, s := range policy.Steps() {
		got = append(got, s.String())
		if back, ok := policy.ParseStep(s.String()); !ok || back != s {
			t.Errorf("ParseStep(%q) = %v, %v, want %v", s, back, ok, s)
		}
	}
	if strings.Join(got, " ") != want {
		t.Errorf("steps = %s\nwant    %s", strings.Join(got, " "), want)
	}
	if _, ok := policy.ParseStep(""); ok {
		t.Error("ParseStep takes the empty name for a step")
	}
}

func TestStep_text(t *testing.T) {
	var s policy.Step
	if err := s.UnmarshalText([]byte("implicit_grant")); err != nil || s != policy.ImplicitGrant {
		t.Errorf("UnmarshalText = %v, %v, want %v", s, err, policy.ImplicitGrant)
	}
	if text, err := s.MarshalText(); err != nil || string(text) != "implicit_grant" {
		t.Errorf("MarshalText = %q, %v, want implicit_grant", text, err)
	}
	if err := s.UnmarshalText([]byte("nonsense")); err == nil {
		t.Error("UnmarshalText takes nonsense for a step")
	}
	if err := s.UnmarshalText(nil); err != nil || s != 0 {
		t.Errorf("UnmarshalText of nothing = %v, %v; want the zero Step", s, err)
	}
}
