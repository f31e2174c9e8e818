package policy_test

import (
	"fmt"

	"gatehouse/internal/policy"
)

// access is the allow or deny of an agent in short: server patterns, and tool
// lists whose first element is the key.
type access struct {
	servers []string
	tools   [][]string
}

// person is an agent in short.
type person struct {
	id          string
	allow, deny access
}

// rules builds Rules with the paths and the order that the parser would give.
func rules(denyOnMissing bool, people ...person) policy.Rules {
	r := policy.Rules{DenyOnMissingAgent: denyOnMissing, Hash: "hash-of-the-rules"}
	line := 0
	rule := func(pattern, format string, args ...any) policy.Rule {
		line++
		return policy.Rule{
			Pattern: pattern, Path: fmt.Sprintf(format, args...),
			Pos: policy.Position{File: "rules.json", Line: line, Column: 1},
		}
	}
	for _, p := range people {
		a := policy.Agent{ID: p.id}
		a.AllowServers, a.AllowTools = lists(p.allow, "agents."+p.id+".allow", rule)
		a.DenyServers, a.DenyTools = lists(p.deny, "agents."+p.id+".deny", rule)
		r.Agents = append(r.Agents, a)
	}
	return r
}

func lists(a access, path string, rule func(string, string, ...any) policy.Rule) ([]policy.Rule, []policy.ToolRules) {
	var servers []policy.Rule
	for i, s := range a.servers {
		servers = append(servers, rule(s, "%s.servers[%d]", path, i))
	}
	var tools []policy.ToolRules
	for _, list := range a.tools {
		key := fmt.Sprintf("%s.tools[%q]", path, list[0])
		t := policy.ToolRules{Server: rule(list[0], "%s", key)}
		for i, pattern := range list[1:] {
			t.Tools = append(t.Tools, rule(pattern, "%s[%d]", key, i))
		}
		tools = append(tools, t)
	}
	return servers, tools
}
