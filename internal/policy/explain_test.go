package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/policy"
)

// notes prints a trace: a line for each step, "*" before the deciding one.
func notes(t policy.Trace) string {
	var b strings.Builder
	for _, s := range t.Steps {
		mark := " "
		if s.Decides {
			mark = "*"
		}
		fmt.Fprintf(&b, "%s %s%s\n", mark, s.Step, paths(s.Matches))
	}
	if over := t.Overruled(); len(over) > 0 {
		fmt.Fprintf(&b, "overruled%s\n", paths(over))
	}
	return b.String()
}

func paths(rules []*policy.Rule) string {
	var b strings.Builder
	for _, r := range rules {
		b.WriteString(" " + strings.TrimPrefix(r.Path, "agents.a."))
	}
	return b.String()
}

func TestExplain(t *testing.T) {
	p := policy.Compile(rules(true, person{
		id:    "a",
		allow: access{servers: []string{"d*", "db"}, tools: [][]string{{"*", "drop_*"}, {"db", "query", "drop_all", "dr*"}}},
		deny:  access{servers: []string{"dev-*"}, tools: [][]string{{"*", "drop_*"}, {"d*", "drop_all"}}},
	}))
	cases := map[string]struct{ agent, server, tool, want string }{
		"a deny shows every allow that it overrules": {"a", "db", "drop_all", `
  server_denied
  server_not_allowed allow.servers[0] allow.servers[1]
  server_allowed
* tool_denied_exact deny.tools["d*"][0]
  tool_denied_pattern deny.tools["*"][0]
  tool_allowed_exact allow.tools["db"][1]
  tool_allowed_pattern allow.tools["*"][0] allow.tools["db"][2]
  implicit_grant allow.tools["*"] allow.tools["db"]
  tool_not_allowed
overruled allow.servers[0] allow.servers[1] allow.tools["db"][1] allow.tools["*"][0] allow.tools["db"][2]
`},
		"an allow overrules nothing": {"a", "db", "query", `
  server_denied
  server_not_allowed allow.servers[0] allow.servers[1]
  server_allowed
  tool_denied_exact
  tool_denied_pattern
* tool_allowed_exact allow.tools["db"][0]
  tool_allowed_pattern
  implicit_grant allow.tools["*"] allow.tools["db"]
  tool_not_allowed
`},
		"a server question ends with the server": {"a", "dev-1", "", `
* server_denied deny.servers[0]
  server_not_allowed allow.servers[0]
  server_allowed
overruled allow.servers[0]
`},
		"a stranger has one step": {"z", "db", "query", "\n* unknown_agent\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := p.Explain(c.agent, tool(c.server, c.tool))
			if diff := cmp.Diff(notes(got), strings.TrimPrefix(c.want, "\n")); diff != "" {
				t.Errorf("trace (-got +want):\n%s", diff)
			}
			if got.Decision != p.Decide(c.agent, c.server, c.tool) {
				t.Errorf("Explain decides %+v, Decide does not", got.Decision)
			}
		})
	}
}

func TestExplain_saysWhoseRulesWereUsed(t *testing.T) {
	p := policy.Compile(rules(false, person{id: "default"}, person{id: "a"}))
	for agent, want := range map[string]string{"a": "a", "default": "default", "stranger": "", p.StandIn("stranger"): "default", "no id": ""} {
		if got := p.Explain(agent, tool("db", "")).Agent; got != want {
			t.Errorf("Explain(%q).Agent = %q, want %q", agent, got, want)
		}
	}
}
