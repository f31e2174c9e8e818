package policy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/policy"
)

func TestExplainCaller_saysWhatEachStepSaw(t *testing.T) {
	p := policy.Compile(rules(true, person{
		id:    "a",
		allow: access{servers: []string{"db"}, tools: [][]string{{"db", "query", "list_*"}}},
		deny:  access{tools: [][]string{{"*", "list_secret*"}}},
	}))
	e := p.ExplainCaller("a", nil, "", tool("db", "list_secrets"))
	var b strings.Builder
	for _, s := range e.Steps {
		fmt.Fprintf(&b, "%v %s: %s", s.Decides, s.Step, s.Note)
		for _, m := range s.Matches {
			fmt.Fprintf(&b, " [%s %q %s]", m.Path, m.Pattern, m.Where())
		}
		b.WriteByte('\n')
	}
	want := `false unknown_agent: the rules know the agent
false server_denied: nothing in deny.servers matches the server
false server_not_allowed: allow.servers matches the server [agents.a.allow.servers[0] "db" rules.json:1:1]
false server_allowed: a tool was asked for
false tool_denied_exact: deny.tools does not have the tool's name
true tool_denied_pattern: a pattern in deny.tools matches the tool [agents.a.deny.tools["*"][0] "list_secret*" rules.json:6:1]
false tool_allowed_exact: allow.tools does not have the tool's name
false tool_allowed_pattern: a pattern in allow.tools matches the tool [agents.a.allow.tools["db"][1] "list_*" rules.json:4:1]
false implicit_grant: allow.tools has a key that matches the server, so only what is listed is granted [agents.a.allow.tools["db"] "db" rules.json:2:1]
false tool_not_allowed: an earlier step has decided
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if e.Allow || e.Step != policy.ToolDeniedPattern || e.Rule == nil || e.Rule.Line != 6 || len(e.Overruled) != 2 || e.PolicyHash != p.Hash() {
		t.Errorf("got %+v, want a denial by the pattern in line 6 that overrules 2", e)
	}
}

func TestExplainCaller_resolvesTheCallerAsACallWould(t *testing.T) {
	open := policy.Compile(rules(false, person{id: "default", allow: access{servers: []string{"docs"}}}, person{id: "a"}))
	shut := policy.Compile(rules(true, person{id: "a", allow: access{servers: []string{"*"}}}))
	cases := map[string]struct {
		p                     *policy.Policy
		agent                 string
		pinned                []string
		defaultAgent, rulesOf string
		allow                 bool
		code                  policy.IdentityCode
	}{
		"a stranger has the rules of default":          {open, "z", nil, "", "default", true, ""},
		"so has a caller without agent_id":             {open, "", nil, "", "default", true, ""},
		"unless another is configured":                 {open, "", nil, "a", "a", false, ""},
		"which must exist":                             {open, "", nil, "b", "", false, policy.FallbackAgentNotInRules},
		"a strict file wants an agent_id":              {shut, "", nil, "", "", false, policy.InvalidAgentID},
		"a strict file denies strangers":               {shut, "z", nil, "", "", false, ""},
		"a malformed one is refused":                   {open, "a b", nil, "", "", false, policy.InvalidAgentID},
		"a pin stands in for a missing agent_id":       {shut, "", []string{"a"}, "", "a", true, ""},
		"an agent outside of the pin is not explained": {shut, "b", []string{"a"}, "", "", false, policy.InvalidAgentID},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e := c.p.ExplainCaller(c.agent, c.pinned, c.defaultAgent, tool("docs", "read"))
			if e.Allow != c.allow || e.RulesOf != c.rulesOf || e.Code != c.code {
				t.Errorf("got %+v, want allow %v by the rules of %q, code %q", e, c.allow, c.rulesOf, c.code)
			}
			raw, err := json.Marshal(e)
			if err != nil || strings.Contains(string(raw), ":null") {
				t.Errorf("got %v %s, want no null", err, raw)
			}
		})
	}
}
