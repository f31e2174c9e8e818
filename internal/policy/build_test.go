package policy_test

import (
	"fmt"

	"gatehouse/internal/policy"
)

// access is the allow or deny of an agent in short: server patterns, and lists by
// server whose first element is the key.
type access struct {
	servers                   []string
	tools, resources, prompts [][]string
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
		a.Allow = lists(p.allow, "agents."+p.id+".allow", rule)
		a.Deny = lists(p.deny, "agents."+p.id+".deny", rule)
		r.Agents = append(r.Agents, a)
	}
	return r
}

func lists(a access, path string, rule func(string, string, ...any) policy.Rule) (out policy.Access) {
	for i, s := range a.servers {
		out.Servers = append(out.Servers, rule(s, "%s.servers[%d]", path, i))
	}
	keyed := func(name string, lists [][]string) (keys []policy.ServerRules) {
		for _, list := range lists {
			key := fmt.Sprintf("%s.%s[%q]", path, name, list[0])
			t := policy.ServerRules{Server: rule(list[0], "%s", key)}
			for i, pattern := range list[1:] {
				t.Rules = append(t.Rules, rule(pattern, "%s[%d]", key, i))
			}
			keys = append(keys, t)
		}
		return keys
	}
	out.Tools, out.Resources, out.Prompts = keyed("tools", a.tools), keyed("resources", a.resources), keyed("prompts", a.prompts)
	return out
}

// tool is a question about a tool.
func tool(server, name string) policy.Question {
	return policy.Question{Server: server, Kind: policy.Tools, Name: name}
}
