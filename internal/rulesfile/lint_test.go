package rulesfile_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
)

// chance writes rules of so few letters that they meet.
type chance struct{ *rand.Rand }

func (c chance) pattern() string {
	b := make([]byte, 1+c.IntN(3))
	for i := range b {
		b[i] = "aab*"[c.IntN(4)]
	}
	return string(b)
}

func (c chance) patterns(most int) []string {
	list := make([]string, c.IntN(most+1))
	for i := range list {
		list[i] = c.pattern()
	}
	return list
}

func (c chance) access() map[string]any {
	tools := map[string][]string{}
	for _, key := range c.patterns(3) {
		tools[key] = c.patterns(3)
	}
	return map[string]any{"servers": c.patterns(3), "tools": tools}
}

// agents writes two agents that share a role, or one without any.
func (c chance) agents(t *testing.T) policy.Rules {
	t.Helper()
	group := func(roles ...string) map[string]any {
		return map[string]any{"allow": c.access(), "deny": c.access(), "extends": append([]string{}, roles...)}
	}
	file := map[string]any{"agents": map[string]any{"a": group(), "b": map[string]any{}}}
	if c.IntN(2) == 0 {
		file = map[string]any{
			"agents": map[string]any{"a": group("r"), "b": group("r", "s")},
			"roles":  map[string]any{"r": group(), "s": group()},
		}
	}
	src, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	rules, problems := rulesfile.ParseRules("rules.json", src)
	if len(problems) > 0 {
		t.Fatalf("%v: %s, want no problem", problems, src)
	}
	return rules
}

// without is a copy of the rules that lacks the one at a position, with all
// that stands under it.
func without(rules policy.Rules, pos policy.Position) policy.Rules {
	gone := func(r policy.Rule) bool { return r.Pos == pos }
	tools := func(keys []policy.ServerRules) []policy.ServerRules {
		var left []policy.ServerRules
		for _, k := range keys {
			if !gone(k.Server) {
				k.Rules = slices.DeleteFunc(slices.Clone(k.Rules), gone)
				left = append(left, k)
			}
		}
		return left
	}
	rules.Agents = slices.Clone(rules.Agents)
	for i := range rules.Agents {
		a := &rules.Agents[i]
		a.Allow.Servers = slices.DeleteFunc(slices.Clone(a.Allow.Servers), gone)
		a.Deny.Servers = slices.DeleteFunc(slices.Clone(a.Deny.Servers), gone)
		a.Allow.Tools, a.Deny.Tools = tools(a.Allow.Tools), tools(a.Deny.Tools)
	}
	return rules
}

// What Lint calls useless is removed, and every short name is tried. The
// letter z is in no pattern.
func TestLint_aRuleThatIsSaidNotToMatter_doesNot(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := chance{rand.New(rand.NewPCG(seed, 0))}
	names := []string{"a", "b", "z", "aa", "ab", "ba", "bb", "az", "za", "zz", "aab", "aba", "baa", "aza", "azb", "zaz"}
	codes := map[string]int{}
	for range 250 {
		rules := c.agents(t)
		before := policy.Compile(rules)
		for _, p := range rulesfile.Lint(rules) {
			codes[p.Code]++
			after := policy.Compile(without(rules, policy.Position{File: p.File, Line: p.Line, Column: p.Column}))
			for _, server := range names {
				for i, tool := range append([]string{"", ""}, append(names, names...)...) {
					agent := []string{"a", "b"}[i%2]
					if was, is := before.Decide(agent, server, tool), after.Decide(agent, server, tool); was.Allow != is.Allow {
						t.Fatalf("seed %d: %s\nbut without it %s %s/%s is %s and not %s:\n%+v", seed, p, agent, server, tool, is.Step, was.Step, rules)
					}
				}
			}
		}
	}
	for _, code := range []string{
		"rules-duplicate", "rules-redundant", "rules-never-allows",
		"rules-unreachable-server", "rules-idle-deny",
	} {
		if codes[code] == 0 {
			t.Errorf("no random case showed %s", code)
		}
	}
}

func TestLint_tooManyPatterns_endsAndSaysSo(t *testing.T) {
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, `,"%05x*"`, i)
	}
	rules, problems := rulesfile.ParseRules("rules.json", []byte(`{"agents": {"a": {"allow": {"servers": [`+b.String()[1:]+`]}}}}`))
	if len(problems) > 0 {
		t.Fatal(problems[0])
	}
	if got := rulesfile.Lint(rules); !slices.ContainsFunc(got, func(p jsondoc.Problem) bool { return p.Code == "rules-lint-incomplete" }) {
		t.Errorf("got %d problems, none of which says that it is incomplete", len(got))
	}
}
