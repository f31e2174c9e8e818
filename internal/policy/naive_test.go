package policy_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gatehouse/internal/policy"
)

// naiveMatch is the plainest matcher there is: a table over all prefixes.
func naiveMatch(pattern, name string) bool {
	ok := make([]bool, len(name)+1) // ok[j]: the pattern read so far matches name[:j]
	ok[0] = true
	for i := range len(pattern) {
		next := make([]bool, len(name)+1)
		for j := range next {
			if pattern[i] == '*' {
				next[j] = ok[j] || j > 0 && next[j-1]
			} else {
				next[j] = j > 0 && ok[j-1] && name[j-1] == pattern[i]
			}
		}
		ok = next
	}
	return ok[len(name)]
}

// naiveDecide reads the nine steps of the contract from the rules as written,
// without any preparation.
func naiveDecide(r policy.Rules, agent, server, tool string) (policy.Step, string) {
	var a *policy.Agent
	for _, id := range []string{agent, "default"} {
		for i := range r.Agents {
			if a == nil && r.Agents[i].ID == id && (id == agent || !r.DenyOnMissingAgent && policy.ValidAgentID(agent)) {
				a = &r.Agents[i]
			}
		}
	}
	if a == nil {
		return policy.UnknownAgent, ""
	}
	if path, ok := naiveFirst(a.DenyServers, server, nil); ok {
		return policy.ServerDenied, path
	}
	grant, ok := naiveFirst(a.AllowServers, server, nil)
	if !ok {
		return policy.ServerNotAllowed, ""
	}
	if tool == "" {
		return policy.ServerAllowed, grant
	}
	isExact := func(pattern string) bool { return !slices.Contains([]byte(pattern), '*') }
	isPattern := func(pattern string) bool { return slices.Contains([]byte(pattern), '*') }
	denied, _ := naiveList(a.DenyTools, server)
	if path, ok := naiveFirst(denied, tool, isExact); ok {
		return policy.ToolDeniedExact, path
	}
	if path, ok := naiveFirst(denied, tool, isPattern); ok {
		return policy.ToolDeniedPattern, path
	}
	allowed, covered := naiveList(a.AllowTools, server)
	if path, ok := naiveFirst(allowed, tool, isExact); ok {
		return policy.ToolAllowedExact, path
	}
	if path, ok := naiveFirst(allowed, tool, isPattern); ok {
		return policy.ToolAllowedPattern, path
	}
	if !covered {
		return policy.ImplicitGrant, grant
	}
	return policy.ToolNotAllowed, ""
}

func naiveFirst(list []policy.Rule, name string, kind func(string) bool) (string, bool) {
	for _, r := range list {
		if (kind == nil || kind(r.Pattern)) && naiveMatch(r.Pattern, name) {
			return r.Path, true
		}
	}
	return "", false
}

func naiveList(tools []policy.ToolRules, server string) (list []policy.Rule, covered bool) {
	for _, key := range tools {
		if naiveMatch(key.Server.Pattern, server) {
			list, covered = append(list, key.Tools...), true
		}
	}
	return list, covered
}

// chance makes random rules and names out of so few letters that they meet.
type chance struct{ *rand.Rand }

func (c chance) name() string {
	b := make([]byte, 1+c.IntN(4))
	for i := range b {
		b[i] = "ab_"[c.IntN(3)]
	}
	if c.IntN(8) == 0 {
		return "long_prefix_" + string(b) + "_long_suffix"
	}
	return string(b)
}

func (c chance) pattern() string {
	name := c.name()
	for range c.IntN(3) {
		at := c.IntN(len(name) + 1)
		name = name[:at] + "*" + name[min(len(name), at+c.IntN(2)):]
	}
	return name
}

func (c chance) patterns(most int) []string {
	list := make([]string, c.IntN(most+1))
	for i := range list {
		list[i] = c.pattern()
	}
	return list
}

func (c chance) access() access {
	a := access{servers: c.patterns(3)}
	for _, key := range c.patterns(3) {
		a.tools = append(a.tools, append([]string{key}, c.patterns(4)...))
	}
	return a
}

func (c chance) rules() policy.Rules {
	people := make([]person, 1+c.IntN(3))
	for i, id := range c.Perm(len(people)) {
		people[i] = person{id: []string{"default", "x", "y"}[id], allow: c.access()}
		if c.IntN(3) > 0 {
			people[i].allow.servers = append(people[i].allow.servers, "*")
		}
		if c.IntN(2) == 0 {
			people[i].deny = c.access()
		}
	}
	return rules(c.IntN(2) == 0, people...)
}

func TestDecide_agreesWithANaiveEvaluator(t *testing.T) {
	const policies, questions = 4000, 40
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := chance{rand.New(rand.NewPCG(seed, 0))}
	counts := map[policy.Step]int{}
	for range policies {
		r := c.rules()
		p := policy.Compile(r)
		for range questions {
			agent, server, tool := []string{"x", "y", "z", "default", "no id"}[c.IntN(5)], c.name(), c.name()
			if c.IntN(10) == 0 {
				tool = ""
			}
			step, path := naiveDecide(r, agent, server, tool)
			got, trace := p.Decide(p.StandIn(agent), server, tool), p.Explain(p.StandIn(agent), server, tool)
			if got.Step != step || got.Path() != path || got.Allow != step.Allows() || trace.Decision != got {
				t.Fatalf("seed %d: Decide(%q, %q, %q) = %s %q, Explain %s; want %s %q, for the rules\n%+v",
					seed, agent, server, tool, got.Step, got.Path(), trace.Decision.Step, step, path, r)
			}
			counts[step]++
		}
	}
	for _, s := range policy.Steps() {
		if counts[s] == 0 {
			t.Errorf("seed %d: no random case reached step %s", seed, s)
		}
	}
}
