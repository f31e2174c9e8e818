package rulesfile

import (
	"slices"

	"gatehouse/internal/jsondoc"
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

// ParseTests reads the bytes of a file of policy tests: an array of
// objects with "rules" (an object as in a rules file, or the path of one) and
// "cases". readFile gets such a path as written; to resolve it, and to read no
// more than MaxFileBytes and one byte, is up to it. All problems come at once,
// those of the rules files too, sorted by file and position; if one of them is
// an Error there are no tests.
func ParseTests(file string, src []byte, readFile func(path string) ([]byte, error)) ([]Test, []jsondoc.Problem) {
	doc, problems := jsondoc.Parse(file, src)
	if doc == nil {
		return nil, problems
	}
	p := testsParser{Report: jsondoc.NewReport(file), readFile: readFile, files: map[string]policy.Rules{}}
	p.AddAll(problems)
	tests := p.root(doc.Root)
	problems = p.Finish()
	if jsondoc.HasErrors(problems) {
		return nil, problems
	}
	return tests, problems
}

type testsParser struct {
	*jsondoc.Report
	readFile func(string) ([]byte, error)
	files    map[string]policy.Rules // by path, so that each is read once
}

func (p *testsParser) is(n *jsondoc.Node, kind jsondoc.Kind, path, what, hint string) bool {
	if n.Kind == kind {
		return true
	}
	subject := ""
	if path == "" {
		subject = "the file "
	}
	p.Add(n.Pos(), jsondoc.Error, path, CodeTestWrongType, hint, "%smust be %s, not %s", subject, what, jsondoc.WithArticle(n.Kind))
	return false
}

// members gives an object's members by key, and notes unknown and missing
// ones.
func (p *testsParser) members(n *jsondoc.Node, path string, required, optional []string) map[string]*jsondoc.Node {
	known := slices.Concat(required, optional)
	p.UnknownKeys(n, path, CodeTestUnknownKey, jsondoc.Error, known)
	members := make(map[string]*jsondoc.Node, len(known))
	for _, key := range known {
		value := n.Member(key)
		if value != nil {
			members[key] = value
		} else if slices.Contains(required, key) {
			p.Add(n.Pos(), jsondoc.Error, path, CodeTestMissingKey, "add it", "the key %q is missing", key)
		}
	}
	return members
}

func (p *testsParser) root(root *jsondoc.Node) []Test {
	const form = `write [{"rules": "PATH", "cases": [{"agent": "...", "server": "...", "tool": "...", "allow": true}]}]`
	if !p.is(root, jsondoc.KindArray, "", "an array of tests", form) {
		return nil
	}
	tests := make([]Test, 0, len(root.Elements()))
	for i, e := range root.Elements() {
		path := jsondoc.IndexPath("", i)
		if p.is(e, jsondoc.KindObject, path, "an object", form) {
			tests = append(tests, p.test(e, path))
		}
	}
	return tests
}

func (p *testsParser) test(n *jsondoc.Node, path string) Test {
	var test Test
	members := p.members(n, path, []string{"rules", "cases"}, nil)
	if rules := members["rules"]; rules != nil {
		test.Rules = p.rules(rules, jsondoc.KeyPath(path, "rules"))
	}
	cases := members["cases"]
	if cases == nil || !p.is(cases, jsondoc.KindArray, jsondoc.KeyPath(path, "cases"), "an array of cases", "") {
		return test
	}
	for i, e := range cases.Elements() {
		at := jsondoc.IndexPath(jsondoc.KeyPath(path, "cases"), i)
		if p.is(e, jsondoc.KindObject, at, "an object", `write {"agent": "...", "server": "...", "allow": true}`) {
			test.Cases = append(test.Cases, p.policyCase(e, at))
		}
	}
	return test
}

func (p *testsParser) policyCase(n *jsondoc.Node, path string) TestCase {
	c := TestCase{Pos: n.Pos(), Path: path}
	members := p.members(n, path, []string{"agent", "server", "allow"}, []string{"tool", "step"})
	for key, to := range map[string]*string{"agent": &c.Agent, "server": &c.Server, "tool": &c.Tool} {
		if m := members[key]; m != nil && p.is(m, jsondoc.KindString, jsondoc.KeyPath(path, key), "a string", "") {
			*to = m.Text()
		}
	}
	allow, step := members["allow"], members["step"]
	if allow != nil && p.is(allow, jsondoc.KindBool, jsondoc.KeyPath(path, "allow"), "true or false", "") {
		c.Allow = allow.Bool()
	}
	if step != nil && p.is(step, jsondoc.KindString, jsondoc.KeyPath(path, "step"), "a string", "") {
		c.Step = p.step(step, jsondoc.KeyPath(path, "step"))
	}
	if c.Step != 0 && allow != nil && allow.Kind == jsondoc.KindBool && c.Step.Allows() != c.Allow {
		p.Add(step.Pos(), jsondoc.Error, jsondoc.KeyPath(path, "step"), CodeTestStep, `change "allow" or "step"`,
			"the step %s always means %s, so the case cannot hold", c.Step, verb(c.Step.Allows()))
	}
	return c
}

func (p *testsParser) step(n *jsondoc.Node, path string) policy.Step {
	step, ok := policy.ParseStep(n.Text())
	if !ok {
		var names []string
		for _, s := range policy.Steps() {
			names = append(names, s.String())
		}
		p.Add(n.Pos(), jsondoc.Error, path, CodeTestStep, jsondoc.KeyHint(n.Text(), names), "unknown step %s", jsondoc.Quote(n.Text()))
	}
	return step
}

// rules reads rules in place or from the file that is named.
func (p *testsParser) rules(n *jsondoc.Node, path string) policy.Rules {
	if n.Kind == jsondoc.KindString {
		return p.rulesFile(n, path)
	}
	if !p.is(n, jsondoc.KindObject, path, "an object of rules or the path of a rules file", "") {
		return policy.Rules{}
	}
	inline := parser{Report: p.Report, at: path, rules: policy.Rules{File: p.File, DenyOnMissingAgent: true}}
	inline.root(n)
	return inline.rules
}

func (p *testsParser) rulesFile(n *jsondoc.Node, path string) policy.Rules {
	name := n.Text()
	if rules, ok := p.files[name]; ok {
		return rules
	}
	src, err := p.readFile(name)
	if err != nil {
		p.Add(n.Pos(), jsondoc.Error, path, CodeTestReadRules, "paths are relative to this file", "cannot read the rules: %v", err)
		return policy.Rules{}
	}
	rules, problems := ParseRules(name, src)
	p.AddAll(problems)
	p.files[name] = rules
	return rules
}
