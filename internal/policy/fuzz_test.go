package policy_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gatehouse/internal/policy"
)

// fuzzName cuts what the fuzzer sends into what the naive matcher can bear.
func fuzzName(s string) string { return s[:min(len(s), 200)] }

func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""},
		{"*", "a"},
		{"a*b*c", "abc"},
		{"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaa"},
		{"ab*ba", "aba"},
		{"a\x00*", "a"},
		{"é*\xff", "é\xff"},
		{"12345678*12345678", "1234567812345678"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		pattern, name = fuzzName(pattern), fuzzName(name)
		if got, want := policy.MatchPattern(pattern, name), naiveMatch(pattern, name); got != want {
			t.Errorf("MatchPattern(%q, %q) = %v, want %v", pattern, name, got, want)
		}
	})
}

// FuzzDecide checks what must hold of every policy and question: the answer is
// total, deterministic, that of its step and of the naive evaluator; a matching
// deny wins; one more deny never widens, and one more allow never narrows but
// where a new key of allow.tools takes an implicit grant away.
func FuzzDecide(f *testing.F) {
	f.Add(uint64(1), "x", "a", "b", "*")
	f.Add(uint64(2), "default", "ab", "", "a*")
	f.Add(uint64(3), "stranger", "long_prefix_a_long_suffix", "a_b", "*_*")
	f.Add(uint64(4), "no id", "", "\x00", "")
	f.Fuzz(func(t *testing.T, seed uint64, agent, server, tool, pattern string) {
		server, tool, pattern = fuzzName(server), fuzzName(tool), fuzzName(pattern)
		r := chance{rand.New(rand.NewPCG(seed, 1))}.rules()
		p := policy.Compile(r)
		got := p.Decide(p.StandIn(agent), server, tool)
		if again := policy.Compile(r).Decide(p.StandIn(agent), server, tool); again.Step != got.Step || again.Path() != got.Path() {
			t.Fatalf("not deterministic: %v, then %v", got, again)
		}
		if step, path := naiveDecide(r, agent, server, tool); got.Step != step || got.Path() != path || got.Allow != step.Allows() {
			t.Fatalf("Decide = %s %q, want %s %q", got.Step, got.Path(), step, path)
		}
		checkDenyWins(t, p, agent, server, tool)
		checkMonotone(t, r, got, agent, server, tool, pattern)
	})
}

// checkDenyWins looks at the whole trace of an allow for a deny that matched.
func checkDenyWins(t *testing.T, p *policy.Policy, agent, server, tool string) {
	trace := p.Explain(p.StandIn(agent), server, tool)
	if !trace.Decision.Allow {
		return
	}
	for _, s := range trace.Steps {
		switch s.Step {
		case policy.ServerDenied, policy.ToolDeniedExact, policy.ToolDeniedPattern:
			if len(s.Matches) > 0 {
				t.Fatalf("allowed by %s although %s matches", trace.Decision.Step, s.Matches[0].Path)
			}
		default:
		}
	}
}

// checkMonotone adds one rule of each kind to every agent.
func checkMonotone(t *testing.T, r policy.Rules, before policy.Decision, agent, server, tool, pattern string) {
	rule := policy.Rule{Pattern: pattern, Path: "added"}
	tools := policy.ToolRules{Server: rule, Tools: []policy.Rule{{Pattern: "*", Path: "added"}, rule}}
	changes := []struct {
		name   string
		denies bool
		change func(*policy.Agent)
	}{
		{"a server deny", true, func(a *policy.Agent) { a.DenyServers = append(slices.Clone(a.DenyServers), rule) }},
		{"a tool deny", true, func(a *policy.Agent) { a.DenyTools = append(slices.Clone(a.DenyTools), tools) }},
		{"a server allow", false, func(a *policy.Agent) { a.AllowServers = append(slices.Clone(a.AllowServers), rule) }},
		{"a tool allow", false, func(a *policy.Agent) { a.AllowTools = append(slices.Clone(a.AllowTools), tools) }},
		{"a tool allow of one name", false, func(a *policy.Agent) {
			a.AllowTools = append(slices.Clone(a.AllowTools), policy.ToolRules{Server: policy.Rule{Pattern: "*"}, Tools: []policy.Rule{rule}})
		}},
	}
	for _, c := range changes {
		more := r
		more.Agents = slices.Clone(r.Agents)
		for i := range more.Agents {
			c.change(&more.Agents[i])
		}
		changed := policy.Compile(more)
		after := changed.Decide(changed.StandIn(agent), server, tool)
		switch {
		case c.denies && after.Allow && !before.Allow:
			t.Fatalf("%s on %q must not widen %s to %s", c.name, pattern, before.Step, after.Step)
		case !c.denies && before.Allow && !after.Allow && before.Step != policy.ImplicitGrant:
			t.Fatalf("%s on %q must not narrow %s to %s", c.name, pattern, before.Step, after.Step)
		}
	}
}

// FuzzAlgebra checks Covers and Overlap against a name that both patterns may
// match: a wrong "covers" would call a rule useless that is not, a wrong "no
// overlap" would call a server unreachable that is not.
func FuzzAlgebra(f *testing.F) {
	f.Add("*", "a*b", "ab")
	f.Add("a*a", "a*a*a", "aaa")
	f.Add("**b*", "*b", "xb")
	f.Fuzz(func(t *testing.T, p, q, name string) {
		p, q, name = fuzzName(p), fuzzName(q), fuzzName(name)
		inP, inQ := naiveMatch(p, name), naiveMatch(q, name)
		if inQ && !inP && policy.Covers(p, q) {
			t.Errorf("Covers(%q, %q), but only the second matches %q", p, q, name)
		}
		if inP && inQ && !policy.Overlap(p, q) {
			t.Errorf("no Overlap(%q, %q), but both match %q", p, q, name)
		}
		if policy.Overlap(p, q) != policy.Overlap(q, p) {
			t.Errorf("Overlap(%q, %q) must not depend on the order", p, q)
		}
	})
}
