package rulesfile_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
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

// uri is a URI or a pattern of them; lintURIs are some that meet.
func (c chance) uri() string {
	return []string{"f:a*", "F:a*", "f:%61*", "f:a", "*a", "f:*/../a", "f:a/../a", "f:a//*", "f:a/*", "*", "F:*"}[c.IntN(11)]
}

var lintURIs = []string{"", "z", "f:a", "F:a", "f:%61", "f:a/a", "f:a//a", "f:a/../a", "F:a/../a", "f:a/./a", "f:z", "F:z/a"}

// byServer makes lists by server of what one makes.
func (c chance) byServer(one func() string) map[string][]string {
	lists := map[string][]string{}
	for _, key := range c.patterns(2) {
		lists[key] = []string{}
		for range c.IntN(4) {
			lists[key] = append(lists[key], one())
		}
	}
	return lists
}

func (c chance) access() map[string]any {
	tool := func() string {
		if c.IntN(4) == 0 {
			return policy.AnnotationRules()[c.IntN(4)]
		}
		return c.pattern()
	}
	return map[string]any{"servers": c.patterns(3), "tools": c.byServer(tool), "resources": c.byServer(c.uri), "prompts": c.byServer(c.pattern)}
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
	listed := func(keys []policy.ServerRules) []policy.ServerRules {
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
		for _, access := range []*policy.Access{&a.Allow, &a.Deny} {
			access.Servers = slices.DeleteFunc(slices.Clone(access.Servers), gone)
			access.Tools, access.Resources, access.Prompts = listed(access.Tools), listed(access.Resources), listed(access.Prompts)
		}
	}
	return rules
}

// promising are the codes of rules that matter, and promise more than they keep.
var promising = []string{"rules-servers-word", "rules-deny-is-no-fence", "rules-not-a-wildcard", "rules-wildcard-key-widens"}

// What Lint calls useless is removed, and every short name is tried. The
// letter z is in no pattern.
func TestLint_aRuleThatIsSaidNotToMatter_doesNot(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := chance{rand.New(rand.NewPCG(seed, 0))}
	names := []string{"a", "b", "z", "aa", "ab", "ba", "bb", "az", "za", "zz", "aab", "aba", "baa", "aza", "azb", "zaz"}
	var questions []policy.Question
	for _, server := range names[:8] {
		questions = append(questions, policy.Question{Server: server})
		for i, name := range names {
			for _, a := range []policy.Annotations{0, policy.Known, policy.Known | policy.ReadOnly, policy.Known | policy.Destructive}[i%3:] {
				questions = append(questions, policy.Question{Server: server, Kind: policy.Tools, Name: name, Annotations: a})
			}
			questions = append(questions, policy.Question{Server: server, Kind: policy.Prompts, Name: name})
		}
		for _, uri := range lintURIs {
			questions = append(questions, policy.Question{Server: server, Kind: policy.Resources, Name: uri})
		}
	}
	codes := map[string]int{}
	for range 150 {
		rules := c.agents(t)
		before := sync.OnceValue(func() []policy.Decision { return answers(policy.Compile(rules), questions) })
		for _, p := range rulesfile.Lint(rules) {
			codes[p.Code]++
			if slices.Contains(promising, p.Code) {
				continue
			}
			after := policy.Compile(without(rules, policy.Position{File: p.File, Line: p.Line, Column: p.Column}))
			for i, is := range answers(after, questions) {
				if was := before()[i]; was.Allow != is.Allow {
					t.Fatalf("seed %d: %s\nbut without it %s %+v is %s and not %s:\n%+v", seed, p, asking(i), questions[i], is.Step, was.Step, rules)
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

// answers are what rules say to questions, which two agents ask in turn.
func answers(p *policy.Policy, questions []policy.Question) []policy.Decision {
	all := make([]policy.Decision, len(questions))
	for i, q := range questions {
		all[i] = p.Ask(asking(i), q)
	}
	return all
}

func asking(question int) string { return []string{"a", "b"}[question%2] }

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
