package policy_test

import (
	"testing"

	"gatehouse/internal/policy"
)

// ask is a question about anything but a tool, and the answer that it must have.
type ask struct {
	kind         policy.Kind
	server, name string
	step         policy.Step
	path         string
}

func TestDecideResource_andPrompt_eachStep(t *testing.T) {
	const resource, prompt = policy.Resources, policy.Prompts
	cases := map[string]struct {
		person person
		asks   []ask
	}{
		"steps about the server come first": {
			person{id: "a", allow: access{servers: []string{"*"}, resources: [][]string{{"*", "*"}}}, deny: access{servers: []string{"dead"}}},
			[]ask{
				{resource, "dead", "x", policy.ServerDenied, "agents.a.deny.servers[0]"},
				{prompt, "dead", "x", policy.ServerDenied, "agents.a.deny.servers[0]"},
			},
		},
		"a server that is not allowed has no resources": {
			person{id: "a", allow: access{resources: [][]string{{"db", "*"}}, prompts: [][]string{{"db", "*"}}}},
			[]ask{
				{resource, "db", "x", policy.ServerNotAllowed, ""},
				{prompt, "db", "x", policy.ServerNotAllowed, ""},
			},
		},
		"a server that is given whole has all": {
			person{id: "a", allow: access{servers: []string{"db"}}},
			[]ask{
				{resource, "db", "file:///x", policy.ImplicitGrant, "agents.a.allow.servers[0]"},
				{prompt, "db", "ask", policy.ImplicitGrant, "agents.a.allow.servers[0]"},
				{policy.Servers, "db", "", policy.ServerAllowed, "agents.a.allow.servers[0]"},
			},
		},
		"a rule that gives tools gives neither resources nor prompts": {
			person{id: "a", allow: access{servers: []string{"db", "docs"}, tools: [][]string{{"d*", "query"}}}},
			[]ask{
				{resource, "db", "file:///x", policy.ResourceNotAllowed, ""},
				{prompt, "db", "ask", policy.PromptNotAllowed, ""},
			},
		},
		"a rule that gives resources leaves tools and prompts as they were": {
			person{id: "a", allow: access{servers: []string{"db"}, resources: [][]string{{"db", "file:///pub/*", "memo:1"}}}},
			[]ask{
				{resource, "db", "file:///pub/x", policy.ResourceAllowedPattern, `agents.a.allow.resources["db"][0]`},
				{resource, "db", "memo:1", policy.ResourceAllowedExact, `agents.a.allow.resources["db"][1]`},
				{resource, "db", "memo:2", policy.ResourceNotAllowed, ""},
				{prompt, "db", "ask", policy.ImplicitGrant, "agents.a.allow.servers[0]"},
				{policy.Tools, "db", "query", policy.ImplicitGrant, "agents.a.allow.servers[0]"},
			},
		},
		"an empty list gives nothing": {
			person{id: "a", allow: access{servers: []string{"db"}, resources: [][]string{{"db"}}, prompts: [][]string{{"*"}}}},
			[]ask{
				{resource, "db", "x", policy.ResourceNotAllowed, ""},
				{prompt, "db", "x", policy.PromptNotAllowed, ""},
			},
		},
		"denies come first": {
			person{
				id:    "a",
				allow: access{servers: []string{"*"}, resources: [][]string{{"*", "a", "b*"}}, prompts: [][]string{{"*", "a", "b*"}}},
				deny:  access{resources: [][]string{{"*", "b?", "b*d", "a"}}, prompts: [][]string{{"d*", "b", "b*d", "a"}}},
			},
			[]ask{
				{resource, "db", "a", policy.ResourceDeniedExact, `agents.a.deny.resources["*"][2]`},
				{resource, "db", "bad", policy.ResourceDeniedPattern, `agents.a.deny.resources["*"][1]`},
				{resource, "db", "be", policy.ResourceAllowedPattern, `agents.a.allow.resources["*"][1]`},
				{prompt, "db", "a", policy.PromptDeniedExact, `agents.a.deny.prompts["d*"][2]`},
				{prompt, "db", "bad", policy.PromptDeniedPattern, `agents.a.deny.prompts["d*"][1]`},
				{prompt, "db", "be", policy.PromptAllowedPattern, `agents.a.allow.prompts["*"][1]`},
				{prompt, "x", "a", policy.PromptAllowedExact, `agents.a.allow.prompts["*"][0]`},
			},
		},
		"an annotation is one in rules for tools only": {
			person{id: "a", allow: access{servers: []string{"db"}, prompts: [][]string{{"db", "@readOnly"}}}},
			[]ask{
				{prompt, "db", "@readOnly", policy.PromptAllowedExact, `agents.a.allow.prompts["db"][0]`},
				{prompt, "db", "x", policy.PromptNotAllowed, ""},
			},
		},
		"a URI that climbs is refused unless it is allowed by its bytes": {
			person{id: "a", allow: access{servers: []string{"db"}, resources: [][]string{{"db", "*", "file:///a/../b"}}}},
			[]ask{
				{resource, "db", "file:///a/../c", policy.ResourceRefused, ""},
				{resource, "db", "file:///a/../b", policy.ResourceAllowedExact, `agents.a.allow.resources["db"][1]`},
				{resource, "db", "file:///a/%2e./b", policy.ResourceRefused, ""},
			},
		},
		"a URI that climbs is refused where the server was given whole": {
			person{id: "a", allow: access{servers: []string{"db"}}},
			[]ask{{resource, "db", "file:///a/../c", policy.ResourceRefused, ""}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := policy.Compile(rules(true, c.person))
			for _, ask := range c.asks {
				got := p.Ask("a", policy.Question{Server: ask.server, Kind: ask.kind, Name: ask.name})
				if got.Step != ask.step || got.Path() != ask.path || got.Allow != ask.step.Allows() {
					t.Errorf("%s %q of %q: got allow %v, %s by %q; want %s by %q", ask.kind, ask.name, ask.server, got.Allow, got.Step, got.Path(), ask.step, ask.path)
				}
			}
		})
	}
}

func TestDecide_eachKind_isThatOfAsk(t *testing.T) {
	p := policy.Compile(rules(true, person{id: "a", allow: access{
		servers: []string{"db"}, tools: [][]string{{"db", "x", "@readOnly"}}, resources: [][]string{{"db", "y:*"}}, prompts: [][]string{{"db", "z"}},
	}}))
	for name, got := range map[string]policy.Decision{
		"resource": p.DecideResource("a", "db", "y:{path}"), "template": p.DecideTemplate("a", "db", "y:{path}"), "prompt": p.DecidePrompt("a", "db", "z"),
		"tool": p.DecideTool("a", "db", "other", policy.Known|policy.ReadOnly),
	} {
		if !got.Allow {
			t.Errorf("%s: got a deny by %s, want an allow", name, got.Step)
		}
	}
	for name, got := range map[string]policy.Decision{
		"resource": p.DecideResource("a", "db", "z"), "no uri": p.DecideResource("a", "db", ""), "template": p.DecideTemplate("a", "db", "{path}"),
		"prompt": p.DecidePrompt("a", "db", "x"), "no prompt": p.DecidePrompt("a", "db", ""),
		"tool": p.DecideTool("a", "db", "other", policy.Known), "unknown": p.Decide("a", "db", "other"),
	} {
		if got.Allow {
			t.Errorf("%s: got an allow by %s, want a deny", name, got.Step)
		}
	}
}

func TestExposed_followsTheRules_andSaysNothingOfWhatIsAllowed(t *testing.T) {
	r := rules(true, person{id: "a"}, person{id: "b"})
	rule := func(p string) policy.Rule { return policy.Rule{Pattern: p} }
	r.Agents[0].Expose = []policy.ServerRules{{Server: rule("d*"), Rules: []policy.Rule{rule("query"), rule("list_*")}}}
	p := policy.Compile(r)
	r.Agents[0].Expose[0].Rules[0] = rule("other")
	for tool, want := range map[string]bool{"query": true, "list_x": true, "Query": false, "list": false, "other": false} {
		if got := p.Exposed("a", "db", tool); got != want {
			t.Errorf("%s: got %v, want %v", tool, got, want)
		}
	}
	if p.Exposed("a", "x", "query") || p.Exposed("b", "db", "query") || p.Exposed("nobody", "db", "query") {
		t.Error("got a tool of another server or agent exposed, want none")
	}
	if !p.Exposes("a") || p.Exposes("b") || p.Exposes("nobody") {
		t.Errorf("got %v, %v, %v, want that a alone is shown tools", p.Exposes("a"), p.Exposes("b"), p.Exposes("nobody"))
	}
}
