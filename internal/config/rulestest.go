package config

import (
	"fmt"
	"slices"

	"gatehouse/internal/policy"
)

// Codes of the problems of a file for `gatehouse policy test`.
const (
	CodeTestWrongType  = "policy-test-wrong-type"
	CodeTestUnknownKey = "policy-test-unknown-key"
	CodeTestMissingKey = "policy-test-missing-key"
	CodeTestStep       = "policy-test-bad-step"
	CodeTestReadRules  = "policy-test-cannot-read-rules"
)

// PolicyTest is one set of rules and what is expected of them.
type PolicyTest struct {
	Rules policy.Rules
	Cases []PolicyCase
}

// PolicyCase is one question and the answer that is expected.
type PolicyCase struct {
	Agent, Server string
	Tool          string // "" asks for the server
	Allow         bool
	Step          policy.Step // the zero Step leaves it open
	Pos           policy.Position
	Path          string // of the case in its file, such as [0].cases[2]
}

// PolicyDifference is a case whose answer is not the expected one.
type PolicyDifference struct {
	Case PolicyCase
	Got  policy.Decision
}

// PolicyTestResult is the outcome of a run.
type PolicyTestResult struct {
	Cases       int // how many were run
	Differences []PolicyDifference
}

// OK says whether every case had the expected answer.
func (r PolicyTestResult) OK() bool { return len(r.Differences) == 0 }

// RunPolicyTests asks every case, in order.
func RunPolicyTests(tests []PolicyTest) PolicyTestResult {
	var result PolicyTestResult
	for _, test := range tests {
		p := policy.Compile(test.Rules)
		for _, c := range test.Cases {
			result.Cases++
			got := p.Decide(c.Agent, c.Server, c.Tool)
			if got.Allow != c.Allow || (c.Step != 0 && got.Step != c.Step) {
				result.Differences = append(result.Differences, PolicyDifference{Case: c, Got: got})
			}
		}
	}
	return result
}

// String says in one line what was asked, expected and answered, and by which
// rule. It is for the person who owns the rules, not for agents.
func (d PolicyDifference) String() string {
	tool := ""
	if d.Case.Tool != "" {
		tool = fmt.Sprintf(", tool %q", d.Case.Tool)
	}
	want := verb(d.Case.Allow)
	if d.Case.Step != 0 {
		want += " by " + d.Case.Step.String()
	}
	got := verb(d.Got.Allow) + " by " + d.Got.Step.String()
	if r := d.Got.Rule; r != nil {
		got += fmt.Sprintf(" (%s at %s:%d:%d)", r.Path, r.Pos.File, r.Pos.Line, r.Pos.Column)
	}
	return fmt.Sprintf("%s:%d:%d: %s: agent %q, server %q%s: want %s, got %s",
		d.Case.Pos.File, d.Case.Pos.Line, d.Case.Pos.Column, d.Case.Path, d.Case.Agent, d.Case.Server, tool, want, got)
}

func verb(allow bool) string {
	if allow {
		return "allow"
	}
	return "deny"
}

// ParsePolicyTests reads the bytes of a file of policy tests: an array of
// objects with "rules" (an object as in a rules file, or the path of one) and
// "cases". readFile gets such a path as written; to resolve it, and to read no
// more than MaxFileBytes and one byte, is up to it. All problems come at once,
// those of the rules files too, sorted by file and position; if one of them is
// an Error there are no tests.
func ParsePolicyTests(file string, src []byte, readFile func(path string) ([]byte, error)) ([]PolicyTest, []Problem) {
	doc, problems := ParseDocument(file, src)
	if doc == nil {
		return nil, problems
	}
	p := testsParser{report: newReport(file), readFile: readFile, files: map[string]policy.Rules{}}
	p.addAll(problems)
	tests := p.root(doc.Root)
	problems = p.finish()
	if HasErrors(problems) {
		return nil, problems
	}
	return tests, problems
}

type testsParser struct {
	*report
	readFile func(string) ([]byte, error)
	files    map[string]policy.Rules // by path, so that each is read once
}

func (p *testsParser) is(n *Node, kind Kind, path, what, hint string) bool {
	if n.Kind == kind {
		return true
	}
	subject := ""
	if path == "" {
		subject = "the file "
	}
	p.add(n.Pos(), Error, path, CodeTestWrongType, hint, "%smust be %s, not %s", subject, what, withArticle(n.Kind))
	return false
}

// members gives an object's members by key, and notes unknown and missing
// ones.
func (p *testsParser) members(n *Node, path string, required, optional []string) map[string]*Node {
	known := slices.Concat(required, optional)
	p.unknownKeys(n, path, CodeTestUnknownKey, Error, known)
	members := make(map[string]*Node, len(known))
	for _, key := range known {
		value := n.Member(key)
		if value != nil {
			members[key] = value
		} else if slices.Contains(required, key) {
			p.add(n.Pos(), Error, path, CodeTestMissingKey, "add it", "the key %q is missing", key)
		}
	}
	return members
}

func (p *testsParser) root(root *Node) []PolicyTest {
	const form = `write [{"rules": "PATH", "cases": [{"agent": "...", "server": "...", "tool": "...", "allow": true}]}]`
	if !p.is(root, KindArray, "", "an array of tests", form) {
		return nil
	}
	tests := make([]PolicyTest, 0, len(root.Elements()))
	for i, e := range root.Elements() {
		path := indexPath("", i)
		if p.is(e, KindObject, path, "an object", form) {
			tests = append(tests, p.test(e, path))
		}
	}
	return tests
}

func (p *testsParser) test(n *Node, path string) PolicyTest {
	var test PolicyTest
	members := p.members(n, path, []string{"rules", "cases"}, nil)
	if rules := members["rules"]; rules != nil {
		test.Rules = p.rules(rules, keyPath(path, "rules"))
	}
	cases := members["cases"]
	if cases == nil || !p.is(cases, KindArray, keyPath(path, "cases"), "an array of cases", "") {
		return test
	}
	for i, e := range cases.Elements() {
		at := indexPath(keyPath(path, "cases"), i)
		if p.is(e, KindObject, at, "an object", `write {"agent": "...", "server": "...", "allow": true}`) {
			test.Cases = append(test.Cases, p.policyCase(e, at))
		}
	}
	return test
}

func (p *testsParser) policyCase(n *Node, path string) PolicyCase {
	c := PolicyCase{Pos: n.Pos(), Path: path}
	members := p.members(n, path, []string{"agent", "server", "allow"}, []string{"tool", "step"})
	for key, to := range map[string]*string{"agent": &c.Agent, "server": &c.Server, "tool": &c.Tool} {
		if m := members[key]; m != nil && p.is(m, KindString, keyPath(path, key), "a string", "") {
			*to = m.Text()
		}
	}
	allow, step := members["allow"], members["step"]
	if allow != nil && p.is(allow, KindBool, keyPath(path, "allow"), "true or false", "") {
		c.Allow = allow.Bool()
	}
	if step != nil && p.is(step, KindString, keyPath(path, "step"), "a string", "") {
		c.Step = p.step(step, keyPath(path, "step"))
	}
	if c.Step != 0 && allow != nil && allow.Kind == KindBool && c.Step.Allows() != c.Allow {
		p.add(step.Pos(), Error, keyPath(path, "step"), CodeTestStep, `change "allow" or "step"`,
			"the step %s always means %s, so the case cannot hold", c.Step, verb(c.Step.Allows()))
	}
	return c
}

func (p *testsParser) step(n *Node, path string) policy.Step {
	step, ok := policy.ParseStep(n.Text())
	if !ok {
		var names []string
		for _, s := range policy.Steps() {
			names = append(names, s.String())
		}
		p.add(n.Pos(), Error, path, CodeTestStep, keyHint(n.Text(), names), "unknown step %s", quote(n.Text()))
	}
	return step
}

// rules reads rules in place or from the file that is named.
func (p *testsParser) rules(n *Node, path string) policy.Rules {
	if n.Kind == KindString {
		return p.rulesFile(n, path)
	}
	if !p.is(n, KindObject, path, "an object of rules or the path of a rules file", "") {
		return policy.Rules{}
	}
	inline := rulesParser{report: p.report, at: path, rules: policy.Rules{File: p.file, DenyOnMissingAgent: true}}
	inline.root(n)
	return inline.rules
}

func (p *testsParser) rulesFile(n *Node, path string) policy.Rules {
	name := n.Text()
	if rules, ok := p.files[name]; ok {
		return rules
	}
	src, err := p.readFile(name)
	if err != nil {
		p.add(n.Pos(), Error, path, CodeTestReadRules, "paths are relative to this file", "cannot read the rules: %v", err)
		return policy.Rules{}
	}
	rules, problems := ParseRules(name, src)
	p.addAll(problems)
	p.files[name] = rules
	return rules
}
