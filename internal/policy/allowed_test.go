package policy_test

import (
	"slices"
	"testing"

	"gatehouse/internal/policy"
)

func TestAllowedByName_areTheNamesThatTheRulesAllow(t *testing.T) {
	rule := func(patterns ...string) (rules []policy.Rule) {
		for _, p := range patterns {
			rules = append(rules, policy.Rule{Pattern: p})
		}
		return rules
	}
	tools := func(server string, names ...string) policy.ServerRules {
		return policy.ServerRules{Server: policy.Rule{Pattern: server}, Rules: rule(names...)}
	}
	p := policy.Compile(policy.Rules{DenyOnMissingAgent: true, Agents: []policy.Agent{
		{
			ID: "a",
			Allow: policy.Access{
				Servers: rule("db", "clock", "d*"),
				Tools:   []policy.ServerRules{tools("db", "query", "list_*", "drop", "query", "@readOnly"), tools("d*", "ping"), tools("dead", "x")},
			},
			Deny: policy.Access{Servers: rule("dead"), Tools: []policy.ServerRules{tools("*", "dr*")}},
		},
		{ID: "b", Allow: policy.Access{Servers: rule("*")}},
	}})
	for _, c := range []struct {
		agent, server string
		want          []string
	}{
		{"a", "db", []string{"ping", "query"}},
		{"a", "disk", []string{"ping"}},
		{"a", "clock", nil}, // Given whole.
		{"a", "dead", nil},
		{"a", "files", nil},
		{"b", "db", nil},
		{"nobody", "db", nil},
	} {
		if got := p.AllowedByName(c.agent, c.server); !slices.Equal(got, c.want) {
			t.Errorf("%s on %s: got %q, want %q", c.agent, c.server, got, c.want)
		}
	}
	if got := p.Words("a"); got != (policy.Words{}) {
		t.Errorf("words: got %+v, want none", got)
	}
}
