package policy_test

import (
	"math/rand/v2"
	"testing"

	"gatehouse/internal/policy"
)

// words returns every text of at most n of these letters.
func words(letters string, n int) []string {
	all, last := []string{""}, []string{""}
	for range n {
		var next []string
		for _, w := range last {
			for i := range len(letters) {
				next = append(next, w+letters[i:i+1])
			}
		}
		all, last = append(all, next...), next
	}
	return all
}

// The letter z is in no pattern: it is what Covers assumes that names can have.
func TestCoversAndOverlap_agreeWithTryingEveryName(t *testing.T) {
	patterns, names := words("ab*", 4), words("abz", 5)
	matching := map[string]map[string]bool{}
	for _, p := range patterns {
		matching[p] = map[string]bool{}
		for _, n := range names {
			if naiveMatch(p, n) {
				matching[p][n] = true
			}
		}
	}
	for _, p := range patterns {
		for _, q := range patterns {
			covers, overlap := true, false
			for n := range matching[q] {
				covers = covers && matching[p][n]
				overlap = overlap || matching[p][n]
			}
			if got := policy.Covers(p, q); got != covers {
				t.Fatalf("Covers(%q, %q) = %v, want %v", p, q, got, covers)
			}
			// Two patterns of four characters may have nothing in common but
			// names longer than those tried.
			if got := policy.Overlap(p, q); got != overlap && (overlap || len(p)+len(q) <= 5) {
				t.Fatalf("Overlap(%q, %q) = %v, want %v", p, q, got, overlap)
			}
		}
	}
}

func TestOverlap_ofVeryLongPatterns_isDecidedByTheirEnds(t *testing.T) {
	long := func(head, tail string) string {
		b := make([]byte, 1<<20+1)
		for i := range b {
			b[i] = "*x"[i%2]
		}
		return head + string(b) + tail
	}
	if policy.Overlap(long("a", "b"), long("b", "b")) || policy.Overlap(long("a", "b"), long("a", "c")) {
		t.Error("patterns with different ends overlap")
	}
	if !policy.Overlap(long("a", "b"), long("ab", "bb")) {
		t.Error("patterns with like ends do not overlap")
	}
}

func TestMayReach_saysNoOnlyWhereNoServerIsAllowed(t *testing.T) {
	c := chance{rand.New(rand.NewPCG(3, 4))}
	names := words("ab_", 4)
	counts := map[bool]int{}
	for range 3000 {
		r := c.rules()
		p := policy.Compile(r)
		for i := range r.Agents {
			a, pattern := &r.Agents[i], c.pattern()
			may := a.MayReach(pattern)
			counts[may]++
			for _, n := range names {
				if !may && naiveMatch(pattern, n) && p.Decide(a.ID, n, "").Allow {
					t.Fatalf("MayReach(%q) = false, want true: %q is allowed by %+v", pattern, n, a)
				}
			}
		}
	}
	if counts[true] == 0 || counts[false] == 0 {
		t.Errorf("only one answer was seen: %v", counts)
	}
}

func TestMayReach_seesOneRuleOfDenyAtATime(t *testing.T) {
	for _, c := range []struct {
		allow, deny []string
		server      string
		want        bool
	}{
		{[]string{"db"}, nil, "d*", true},
		{[]string{"db"}, nil, "web", false},
		{[]string{"d*"}, []string{"d*"}, "*", false},
		{[]string{"db"}, []string{"d*"}, "*", false},
		{[]string{"*"}, []string{"d*"}, "db", false},
		{[]string{"*"}, []string{"d*"}, "*", true},
		{[]string{"db", "web"}, []string{"db"}, "*", true},
		{[]string{"*"}, []string{"d*", "*"}, "web", false},
	} {
		a := policy.Agent{ID: "a"}
		for _, p := range c.allow {
			a.Allow.Servers = append(a.Allow.Servers, policy.Rule{Pattern: p})
		}
		for _, p := range c.deny {
			a.Deny.Servers = append(a.Deny.Servers, policy.Rule{Pattern: p})
		}
		if got := a.MayReach(c.server); got != c.want {
			t.Errorf("allow %q, deny %q: MayReach(%q) = %t, want %t", c.allow, c.deny, c.server, got, c.want)
		}
	}
}
