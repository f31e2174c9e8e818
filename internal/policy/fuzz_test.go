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
// where a new key takes an implicit grant away.
func FuzzDecide(f *testing.F) {
	f.Add(uint64(1), "x", "a", "b", "*", uint8(1), uint8(0))
	f.Add(uint64(2), "default", "ab", "", "a*", uint8(1), uint8(3))
	f.Add(uint64(3), "stranger", "long_prefix_a_long_suffix", "a_b", "*_*", uint8(3), uint8(31))
	f.Add(uint64(4), "no id", "", "\x00", "", uint8(2), uint8(1))
	f.Add(uint64(5), "x", "a", "F:/%61//b", "f:///a/*", uint8(2), uint8(1))
	f.Add(uint64(6), "x", "a", "b", "!@readOnly", uint8(1), uint8(17))
	f.Fuzz(func(t *testing.T, seed uint64, agent, server, name, pattern string, kind, annotations uint8) {
		server, name, pattern = fuzzName(server), fuzzName(name), fuzzName(pattern)
		q := policy.Question{Server: server, Kind: policy.Kind(kind % 4), Name: name, Annotations: policy.Annotations(annotations % 32)}
		r := chance{rand.New(rand.NewPCG(seed, 1))}.rules()
		p := policy.Compile(r)
		got := p.Ask(p.StandIn(agent), q)
		if again := policy.Compile(r).Ask(p.StandIn(agent), q); again.Step != got.Step || again.Path() != got.Path() {
			t.Fatalf("not deterministic: %v, then %v", got, again)
		}
		if step, path := naiveDecide(r, agent, q); got.Step != step || got.Path() != path || got.Allow != step.Allows() {
			t.Fatalf("got %s %q, want %s %q", got.Step, got.Path(), step, path)
		}
		checkDenyWins(t, p, agent, q)
		checkMonotone(t, r, got, agent, q, pattern)
		checkUnknownIsNarrower(t, p, got, agent, q)
	})
}

// checkDenyWins looks at the whole trace of an allow for a deny that matched.
func checkDenyWins(t *testing.T, p *policy.Policy, agent string, q policy.Question) {
	trace := p.Explain(p.StandIn(agent), q)
	if !trace.Decision.Allow {
		return
	}
	for _, s := range trace.Steps {
		if !s.Step.Allows() && s.Step != policy.ServerNotAllowed && len(s.Matches) > 0 {
			t.Fatalf("allowed by %s although %s matches", trace.Decision.Step, s.Matches[0].Path)
		}
	}
}

// checkUnknownIsNarrower: what is denied for a known tool is denied for an unknown
// one, so an agent that hears the latter learns nothing.
func checkUnknownIsNarrower(t *testing.T, p *policy.Policy, got policy.Decision, agent string, q policy.Question) {
	q.Annotations = 0
	if unknown := p.Ask(p.StandIn(agent), q); unknown.Allow && !got.Allow {
		t.Fatalf("allowed by %s while its definition is not known, denied by %s when it is", unknown.Step, got.Step)
	}
}

// checkMonotone adds one rule of each kind to every agent.
func checkMonotone(t *testing.T, r policy.Rules, before policy.Decision, agent string, q policy.Question, pattern string) {
	rule := policy.Rule{Pattern: pattern, Path: "added"}
	keyed := []policy.ServerRules{{Server: rule, Rules: []policy.Rule{{Pattern: "*", Path: "added"}, rule}}, {Server: policy.Rule{Pattern: "*"}, Rules: []policy.Rule{rule}}}
	for _, kind := range []policy.Kind{policy.Servers, policy.Tools, policy.Resources, policy.Prompts} {
		var more policy.Access
		switch kind {
		case policy.Servers:
			more.Servers = []policy.Rule{rule}
		case policy.Tools:
			more.Tools = keyed
		case policy.Resources:
			more.Resources = keyed
		case policy.Prompts:
			more.Prompts = keyed
		}
		for _, denies := range []bool{true, false} {
			changed := withMore(r, more, denies)
			after := changed.Ask(changed.StandIn(agent), q)
			switch {
			case denies && after.Allow && !before.Allow:
				t.Fatalf("a deny of %ss on %q must not widen %s to %s", kind, pattern, before.Step, after.Step)
			case !denies && before.Allow && !after.Allow && before.Step != policy.ImplicitGrant:
				t.Fatalf("an allow of %ss on %q must not narrow %s to %s", kind, pattern, before.Step, after.Step)
			}
		}
	}
}

// withMore adds rules to every agent.
func withMore(r policy.Rules, more policy.Access, denies bool) *policy.Policy {
	r.Agents = slices.Clone(r.Agents)
	for i := range r.Agents {
		to := &r.Agents[i].Allow
		if denies {
			to = &r.Agents[i].Deny
		}
		*to = policy.Access{
			Servers: slices.Clip(to.Servers), Tools: slices.Clip(to.Tools),
			Resources: slices.Clip(to.Resources), Prompts: slices.Clip(to.Prompts),
		}
		to.Append(more)
	}
	return policy.Compile(r)
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
