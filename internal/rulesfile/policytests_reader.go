package rulesfile

import (
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

// Codes of the problems of a file for `gatehouse policy test`.
const (
	codeTestWrongType  = "policy-test-wrong-type"
	codeTestUnknownKey = "policy-test-unknown-key"
	codeTestMissingKey = "policy-test-missing-key"
	codeTestStep       = "policy-test-bad-step"
	codeTestTwoThings  = "policy-test-two-questions"
	codeTestReadRules  = "policy-test-cannot-read-rules"
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
	p.Add(n.Pos(), jsondoc.Error, path, codeTestWrongType, hint, "%smust be %s, not %s", subject, what, jsondoc.WithArticle(n.Kind))
	return false
}

// object reads an object that may have these keys, and must have the required
// ones.
func (p *testsParser) object(n *jsondoc.Node, path string, keys jsondoc.Keys, required ...string) {
	keys.Read(n, path, func(m jsondoc.Member, path string) {
		p.UnknownKey(m, path, codeTestUnknownKey, jsondoc.Error, keys.Names())
	})
	for _, key := range required {
		if n.Member(key) == nil {
			p.Add(n.Pos(), jsondoc.Error, path, codeTestMissingKey, "add it", "the key %q is missing", key)
		}
	}
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
	p.object(n, path, jsondoc.Keys{
		{Name: "rules", Read: func(n *jsondoc.Node, path string) { test.Rules = p.rules(n, path) }},
		{Name: "cases", Read: func(n *jsondoc.Node, path string) { test.Cases = p.cases(n, path) }},
	}, "rules", "cases")
	return test
}

func (p *testsParser) cases(n *jsondoc.Node, path string) []TestCase {
	if !p.is(n, jsondoc.KindArray, path, "an array of cases", "") {
		return nil
	}
	var cases []TestCase
	for i, e := range n.Elements() {
		at := jsondoc.IndexPath(path, i)
		if p.is(e, jsondoc.KindObject, at, "an object", `write {"agent": "...", "server": "...", "allow": true}`) {
			cases = append(cases, p.policyCase(e, at))
		}
	}
	return cases
}

func (p *testsParser) policyCase(n *jsondoc.Node, path string) TestCase {
	c := TestCase{Pos: n.Pos(), Path: path, Question: policy.Question{Kind: policy.Tools}}
	p.object(n, path, jsondoc.Keys{
		{Name: "agent", Read: p.text(&c.Agent)},
		{Name: "server", Read: p.text(&c.Server)},
		{Name: "allow", Read: func(n *jsondoc.Node, path string) {
			p.is(n, jsondoc.KindBool, path, "true or false", "")
			c.Allow = n.Bool()
		}},
		{Name: "tool", Read: p.name(&c, policy.Tools)},
		{Name: "resource", Read: p.name(&c, policy.Resources)},
		{Name: "prompt", Read: p.name(&c, policy.Prompts)},
		{Name: "annotations", Read: func(n *jsondoc.Node, path string) { c.Annotations = p.annotations(n, path) }},
		{Name: "step", Read: func(n *jsondoc.Node, path string) { c.Step = p.step(n, path) }},
		{Name: "limits", Read: func(n *jsondoc.Node, path string) { c.Limits = p.limits(n, path) }},
	}, "agent", "server", "allow")
	p.oneThing(n, path)
	allow, step := n.Member("allow"), n.Member("step")
	if c.Step != 0 && allow != nil && allow.Kind == jsondoc.KindBool && c.Step.Allows() != c.Allow {
		p.Add(step.Pos(), jsondoc.Error, jsondoc.KeyPath(path, "step"), codeTestStep, `change "allow" or "step"`,
			"the step %s always means %s, so the case cannot hold", c.Step, verb(c.Step.Allows()))
	} else if kind := c.Kind; c.Step != 0 && step != nil {
		if c.Name == "" {
			kind = policy.Servers
		}
		if !c.Step.Asks(kind) {
			p.Add(step.Pos(), jsondoc.Error, jsondoc.KeyPath(path, "step"), codeTestStep, "leave it out, or ask for what it is about",
				"a question about a %s never gets to the step %s, so the case cannot hold", kind, c.Step)
		}
	}
	return c
}

// name makes a reader of what a case asks for.
func (p *testsParser) name(c *TestCase, kind policy.Kind) func(*jsondoc.Node, string) {
	return func(n *jsondoc.Node, path string) {
		if p.is(n, jsondoc.KindString, path, "a string", "") && n.Text() != "" {
			c.Kind, c.Name = kind, n.Text()
		}
	}
}

// oneThing refuses a case that asks for two things, or says annotations of something
// that is no tool.
func (p *testsParser) oneThing(n *jsondoc.Node, path string) {
	var asked []string
	for _, kind := range policy.Listed {
		if n.Member(kind.String()) != nil {
			asked = append(asked, kind.String())
		}
	}
	if len(asked) > 1 {
		p.Add(n.Pos(), jsondoc.Error, path, codeTestTwoThings, "make two cases of it", "%q and %q cannot be combined", asked[0], asked[1])
	}
	if n.Member("annotations") != nil && n.Member("tool") == nil {
		p.Add(n.KeyPos("annotations"), jsondoc.Error, jsondoc.KeyPath(path, "annotations"), codeTestTwoThings, `add "tool"`, "only a tool has annotations")
	}
}

// annotations reads what a tool's definition says: it is not known without them.
func (p *testsParser) annotations(n *jsondoc.Node, path string) policy.Annotations {
	form := `write some of ` + strings.Join(policy.AnnotationRules(), ", ") + `, each once; an empty array is a definition that says nothing`
	if !p.is(n, jsondoc.KindArray, path, "an array of annotations", form) {
		return 0
	}
	var list []string
	for _, e := range n.Elements() {
		list = append(list, e.Text())
	}
	a, ok := policy.AnnotationsSaid(list)
	if !ok {
		p.Add(n.Pos(), jsondoc.Error, path, codeTestWrongType, form, "must be annotations that do not contradict each other")
	}
	return a
}

// limits reads which limits are expected: numbers, or null for none.
func (p *testsParser) limits(n *jsondoc.Node, path string) map[string]int64 {
	if !p.is(n, jsondoc.KindObject, path, "an object", `write {"calls_per_minute": 60, "concurrent": null}`) {
		return nil
	}
	limits := map[string]int64{}
	var keys jsondoc.Keys
	for _, key := range policy.LimitKeys {
		keys = append(keys, jsondoc.Key{Name: key, Read: func(n *jsondoc.Node, path string) {
			number, whole := n.Int()
			if n.Kind != jsondoc.KindNull && (!whole || number < 1) {
				p.Add(n.Pos(), jsondoc.Error, path, codeTestWrongType, "write null for no limit", "must be a whole number from 1 on, or null")
			}
			limits[key] = number
		}})
	}
	p.object(n, path, keys)
	return limits
}

// text makes a reader of a string.
func (p *testsParser) text(to *string) func(*jsondoc.Node, string) {
	return func(n *jsondoc.Node, path string) {
		if p.is(n, jsondoc.KindString, path, "a string", "") {
			*to = n.Text()
		}
	}
}

func (p *testsParser) step(n *jsondoc.Node, path string) policy.Step {
	if !p.is(n, jsondoc.KindString, path, "a string", "") {
		return 0
	}
	step, ok := policy.ParseStep(n.Text())
	if !ok {
		var names []string
		for _, s := range policy.Steps() {
			names = append(names, s.String())
		}
		p.Add(n.Pos(), jsondoc.Error, path, codeTestStep, jsondoc.KeyHint(n.Text(), names), "unknown step %s", jsondoc.Quote(n.Text()))
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
		p.Add(n.Pos(), jsondoc.Error, path, codeTestReadRules, "paths are relative to this file", "cannot read the rules: %v", err)
		return policy.Rules{}
	}
	rules, problems := ParseRules(name, src)
	p.AddAll(problems)
	p.files[name] = rules
	return rules
}
