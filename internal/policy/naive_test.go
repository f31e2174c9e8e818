package policy_test

import (
	"cmp"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
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

// naiveDecide reads the steps of the contract from the rules as written, without
// any preparation. What URIs mean it takes from the package: other tests look at
// that.
func naiveDecide(r policy.Rules, agent string, q policy.Question) (policy.Step, string) {
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
	if path, ok := naiveFirst(a.Deny.Servers, func(p string) bool { return naiveMatch(p, q.Server) }); ok {
		return policy.ServerDenied, path
	}
	grant, ok := naiveFirst(a.Allow.Servers, func(p string) bool { return naiveMatch(p, q.Server) })
	if !ok {
		return policy.ServerNotAllowed, ""
	}
	switch {
	case q.Kind == policy.Resources:
		return naiveListed(a, q, a.Deny.Resources, a.Allow.Resources, grant, policy.ResourceDeniedExact, policy.ResourceDeniedPattern,
			policy.ResourceAllowedExact, policy.ResourceAllowedPattern, policy.ResourceNotAllowed)
	case q.Kind == policy.Prompts:
		return naiveListed(a, q, a.Deny.Prompts, a.Allow.Prompts, grant, policy.PromptDeniedExact, policy.PromptDeniedPattern,
			policy.PromptAllowedExact, policy.PromptAllowedPattern, policy.PromptNotAllowed)
	case q.Kind == policy.Tools && q.Name != "":
		return naiveListed(a, q, a.Deny.Tools, a.Allow.Tools, grant, policy.ToolDeniedExact, policy.ToolDeniedPattern,
			policy.ToolAllowedExact, policy.ToolAllowedPattern, policy.ToolNotAllowed)
	}
	return policy.ServerAllowed, grant
}

// naiveListed takes the steps after those about the server; deniedExact and so on
// are what they are called for that kind.
func naiveListed(a *policy.Agent, q policy.Question, deny, allow []policy.ServerRules, grant string,
	deniedExact, deniedPattern, allowedExact, allowedPattern, notAllowed policy.Step,
) (policy.Step, string) {
	denied, _ := naiveList(deny, q.Server)
	if path, ok := naiveFirst(denied, func(p string) bool { return naiveExact(p, q, true) }); ok {
		return deniedExact, path
	}
	if path, ok := naiveFirst(denied, func(p string) bool { return naivePattern(p, q, true) }); ok {
		return deniedPattern, path
	}
	allowed, covered := naiveList(allow, q.Server)
	if path, ok := naiveFirst(allowed, func(p string) bool { return naiveExact(p, q, false) }); ok {
		return allowedExact, path
	}
	if q.Kind == policy.Resources && policy.RefusedURI(q.Name) {
		return policy.ResourceRefused, ""
	}
	if path, ok := naiveFirst(allowed, func(p string) bool { return naivePattern(p, q, false) }); ok {
		return allowedPattern, path
	}
	if _, tools := naiveList(a.Allow.Tools, q.Server); covered || tools {
		return notAllowed, ""
	}
	return policy.ImplicitGrant, grant
}

var naiveAnnotations = map[string]policy.Annotations{
	"@readOnly": policy.ReadOnly, "@destructive": policy.Destructive, "@idempotent": policy.Idempotent, "@openWorld": policy.OpenWorld,
}

// naiveSpellings are the pairs of pattern and name that are compared.
func naiveSpellings(pattern string, q policy.Question, denies bool) (patterns, names []string) {
	if q.Kind == policy.Resources && denies {
		return []string{pattern, policy.MeaningOf(pattern)}, policy.Meanings(q.Name)
	}
	return []string{pattern}, []string{q.Name}
}

func naiveExact(pattern string, q policy.Question, denies bool) bool {
	if _, is := naiveAnnotations[strings.TrimPrefix(pattern, "!")]; is && q.Kind == policy.Tools {
		return false
	}
	patterns, names := naiveSpellings(pattern, q, denies)
	return slices.ContainsFunc(patterns, func(p string) bool { return !strings.Contains(p, "*") && slices.Contains(names, p) })
}

func naivePattern(pattern string, q policy.Question, denies bool) bool {
	if bit, is := naiveAnnotations[strings.TrimPrefix(pattern, "!")]; is && q.Kind == policy.Tools {
		if q.Annotations&policy.Known == 0 {
			return denies
		}
		return strings.HasPrefix(pattern, "!") != (q.Annotations&bit != 0)
	}
	patterns, names := naiveSpellings(pattern, q, denies)
	for _, p := range patterns {
		if strings.Contains(p, "*") && slices.ContainsFunc(names, func(n string) bool { return naiveMatch(p, n) }) {
			return true
		}
	}
	return false
}

func naiveFirst(list []policy.Rule, matches func(pattern string) bool) (string, bool) {
	for _, r := range list {
		if matches(r.Pattern) {
			return r.Path, true
		}
	}
	return "", false
}

func naiveList(keys []policy.ServerRules, server string) (list []policy.Rule, covered bool) {
	for _, key := range keys {
		if naiveMatch(key.Server.Pattern, server) {
			list, covered = append(list, key.Rules...), true
		}
	}
	return list, covered
}

// chance makes random rules and names out of so few letters that they meet.
type chance struct{ *rand.Rand }

func (c chance) name() string {
	b := make([]byte, 1+c.IntN(1+c.IntN(4))) // Most are short: two of a kind must meet in every run.
	for i := range b {
		b[i] = "ab_"[c.IntN(3)]
	}
	if c.IntN(8) == 0 {
		return "long_prefix_" + string(b) + "_long_suffix"
	}
	return string(b)
}

func (c chance) pattern() string { return c.withStars(c.name(), 2) }

// withStars puts some stars into a text.
func (c chance) withStars(name string, most int) string {
	for range c.IntN(most + 1) {
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

// uri is a URI that means one of a few things.
func (c chance) uri() string {
	one := func(of ...string) string { return of[c.IntN(len(of))] }
	if c.IntN(3) == 0 {
		return one("f:a", "F:%61", "f:a/../b")
	}
	return one("f:", "F:", "http:", "file:", "") + one("//", "///", "//A/", "//a:80/", "//u@a/", "/", "") +
		one("a", "%61", "%2561", "b", "a/../b", "a\x00") + one("", "/", "//", "/./") + one("", "b", "%62", "?x", "#y", "%2e.")
}

// keyed makes lists by server, whose patterns are made by pattern.
func (c chance) keyed(pattern func() string) (lists [][]string) {
	for _, key := range c.patterns(2) {
		list := []string{key}
		for range c.IntN(4) {
			list = append(list, pattern())
		}
		lists = append(lists, list)
	}
	return lists
}

func (c chance) access() access {
	a := access{servers: c.patterns(3)}
	a.tools = c.keyed(func() string {
		if c.IntN(5) == 0 {
			return policy.AnnotationRules()[c.IntN(8)]
		}
		return c.pattern()
	})
	if c.IntN(2) == 0 {
		a.tools = nil
	}
	a.resources = c.keyed(func() string { return c.withStars(c.uri(), 1) })
	a.prompts = c.keyed(c.pattern)
	return a
}

// question asks about anything.
func (c chance) question() policy.Question {
	q := policy.Question{Server: c.name(), Kind: policy.Kind(c.IntN(4)), Name: c.name(), Annotations: policy.Annotations(c.IntN(32))}
	if q.Kind == policy.Resources {
		q.Name = c.uri()
	} else if c.IntN(10) == 0 {
		q.Name = ""
	}
	return q
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

// naivePolicies says how many random rules are tried: NAIVE_POLICIES=100000 is what
// they were all tried with.
func naivePolicies(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("NAIVE_POLICIES"), "3000"))
	if err != nil {
		t.Fatalf("NAIVE_POLICIES: %v", err)
	}
	return n
}

func TestDecide_agreesWithANaiveEvaluator(t *testing.T) {
	const questions = 40
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := chance{rand.New(rand.NewPCG(seed, 0))}
	counts := map[policy.Step]int{}
	for range naivePolicies(t) {
		r := c.rules()
		p := policy.Compile(r)
		for range questions {
			agent, q := []string{"x", "y", "z", "default", "no id"}[c.IntN(5)], c.question()
			step, path := naiveDecide(r, agent, q)
			got, trace := p.Ask(p.StandIn(agent), q), p.Explain(p.StandIn(agent), q)
			if got.Step != step || got.Path() != path || got.Allow != step.Allows() || trace.Decision != got {
				t.Fatalf("seed %d: Ask(%q, %+v) = %s %q, Explain %s; want %s %q, for the rules\n%+v",
					seed, agent, q, got.Step, got.Path(), trace.Decision.Step, step, path, r)
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
