package policy_test

import (
	"testing"

	"gatehouse/internal/policy"
)

func TestAnnotationsOf(t *testing.T) {
	const known = policy.Known
	for name, c := range map[string]struct {
		definition string
		want       policy.Annotations
	}{
		"nothing said counts as the specification has it": {`{"name":"t"}`, known | policy.Destructive | policy.OpenWorld},
		"no annotations": {`{"annotations":{}}`, known | policy.Destructive | policy.OpenWorld},
		"read-only is not destructive unless it says so": {`{"annotations":{"readOnlyHint":true}}`, known | policy.ReadOnly | policy.OpenWorld},
		"a contradiction is destructive": {
			`{"annotations":{"readOnlyHint":true,"destructiveHint":true}}`, known | policy.ReadOnly | policy.Destructive | policy.OpenWorld,
		},
		"all said": {
			`{"annotations": {"title":"x", "readOnlyHint" : false, "destructiveHint":false, "idempotentHint":true, "openWorldHint":false}}`, known | policy.Idempotent,
		},
		"words and numbers say nothing": {
			`{"annotations":{"readOnlyHint":"true","destructiveHint":0,"idempotentHint":1,"openWorldHint":null}}`, known | policy.Destructive | policy.OpenWorld,
		},
		"annotations that are not an object say nothing": {`{"annotations":[{"readOnlyHint":true}]}`, known | policy.Destructive | policy.OpenWorld},
		"twice is not known":                             {`{"annotations":{"readOnlyHint":false,"readOnlyHint":true}}`, 0},
		"another letter case is not known":               {`{"annotations":{"readonlyHint":true}}`, 0},
		"annotations twice are not known":                {`{"annotations":{},"annotations":{"readOnlyHint":true}}`, 0},
		"escapes are read":                               {`{"annotations":{"readOnly\u0048int":true}}`, known | policy.ReadOnly | policy.OpenWorld},
		"hints elsewhere do not count":                   {`{"readOnlyHint":true,"_meta":{"annotations":{"readOnlyHint":true}}}`, known | policy.Destructive | policy.OpenWorld},
		"nothing":                                        {``, 0}, "a list": {`[]`, 0},
	} {
		if got := policy.AnnotationsOf([]byte(c.definition)); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestDecideTool_byAnnotation(t *testing.T) {
	const known = policy.Known
	for name, c := range map[string]struct {
		allow, deny []string
		tool        string
		annotations policy.Annotations
		step        policy.Step
	}{
		"an annotation allows":                             {[]string{"@readOnly"}, nil, "get", known | policy.ReadOnly, policy.ToolAllowedPattern},
		"and not what lacks it":                            {[]string{"@readOnly"}, nil, "get", known, policy.ToolNotAllowed},
		"a negation allows what lacks it":                  {[]string{"!@destructive"}, nil, "get", known, policy.ToolAllowedPattern},
		"and not what has it":                              {[]string{"!@destructive"}, nil, "get", known | policy.Destructive, policy.ToolNotAllowed},
		"unknown matches no allow":                         {[]string{"@readOnly", "!@readOnly", "@openWorld", "!@openWorld"}, nil, "get", 0, policy.ToolNotAllowed},
		"unknown matches every deny":                       {nil, []string{"@readOnly"}, "get", 0, policy.ToolDeniedPattern},
		"unknown matches every negated deny":               {nil, []string{"!@idempotent"}, "get", 0, policy.ToolDeniedPattern},
		"a deny of what it is":                             {nil, []string{"@destructive"}, "get", known | policy.Destructive, policy.ToolDeniedPattern},
		"a deny of what it is not":                         {nil, []string{"@destructive"}, "get", known, policy.ImplicitGrant},
		"a name is allowed whatever it is":                 {[]string{"get", "@readOnly"}, nil, "get", 0, policy.ToolAllowedExact},
		"a deny beats an allowed name":                     {[]string{"get"}, []string{"@openWorld"}, "get", known | policy.OpenWorld, policy.ToolDeniedPattern},
		"a tool called like an annotation":                 {[]string{"@readOnly"}, nil, "@readOnly", known, policy.ToolNotAllowed},
		"a pattern with more than an annotation is a name": {[]string{"@readOnly*"}, nil, "@readOnlyX", known, policy.ToolAllowedPattern},
	} {
		a := access{servers: []string{"db"}}
		if c.allow != nil {
			a.tools = [][]string{append([]string{"db"}, c.allow...)}
		}
		p := policy.Compile(rules(true, person{id: "a", allow: a, deny: access{tools: [][]string{append([]string{"*"}, c.deny...)}}}))
		if got := p.DecideTool("a", "db", c.tool, c.annotations); got.Step != c.step {
			t.Errorf("%s: got %s, want %s", name, got.Step, c.step)
		}
		if !p.UsesAnnotations() && name != "a pattern with more than an annotation is a name" {
			t.Errorf("%s: got rules that use no annotations, want some", name)
		}
	}
}

func TestDecideTool_annotationsAndPatterns_firstInFileOrder(t *testing.T) {
	p := policy.Compile(rules(true, person{id: "a", allow: access{servers: []string{"db"}, tools: [][]string{{"*", "@readOnly"}, {"db", "get*", "!@openWorld"}}}}))
	for annotations, want := range map[policy.Annotations]string{
		policy.Known | policy.ReadOnly: `agents.a.allow.tools["*"][0]`,
		policy.Known:                   `agents.a.allow.tools["db"][0]`,
	} {
		if got := p.DecideTool("a", "db", "get", annotations); got.Path() != want {
			t.Errorf("%s: got %s, want %s", annotations, got.Path(), want)
		}
	}
	if got, want := p.DecideTool("a", "db", "put", policy.Known).Path(), `agents.a.allow.tools["db"][1]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnnotations_areWrittenAsRulesWriteThem(t *testing.T) {
	for a, want := range map[policy.Annotations]string{
		0:                                           "unknown",
		policy.Known | policy.ReadOnly:              "@readOnly !@destructive !@idempotent !@openWorld",
		policy.Known | policy.OpenWorld:             "!@readOnly !@destructive !@idempotent @openWorld",
		policy.ReadOnly /* without a definition */ : "unknown",
	} {
		if got := a.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
