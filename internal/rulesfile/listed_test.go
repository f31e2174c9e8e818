package rulesfile_test

import (
	"fmt"
	"testing"

	"gatehouse/internal/policy"
)

const listedRules = `{"agents": {
 "a": {"extends": ["r"],
  "allow": {"servers": ["s"], "tools": {"s": ["@readOnly"]}, "resources": {"s": ["file:///pub/*"]}, "prompts": {"s": ["ask"]}},
  "expose": {"s": ["get"]}},
 "b": {"extends": ["r"]}
}, "roles": {"r": {
  "allow": {"servers": ["t"], "tools": {"t": ["!@destructive"]}, "resources": {"s": ["https://h/x?y=[1]"]}, "prompts": {"*": ["sum_*"]}},
  "deny": {"tools": {"*": ["@openWorld"]}, "resources": {"*": ["file:///pub/secret/*"]}, "prompts": {"*": ["sum_up"]}},
  "expose": {"t": ["list_*"]}}}}`

func TestParseRules_resourcesPromptsAnnotations_withThoseOfRoles(t *testing.T) {
	p := policy.Compile(parsed(t, listedRules))
	const tool, resource, prompt, known = policy.Tools, policy.Resources, policy.Prompts, policy.Known
	for _, c := range []struct {
		agent string
		policy.Question
		step policy.Step
		path string
		line int
	}{
		{"a", policy.Question{Server: "s", Kind: tool, Name: "x", Annotations: known | policy.ReadOnly}, policy.ToolAllowedPattern, "agents.a.allow.tools.s[0]", 3},
		{"a", policy.Question{Server: "s", Kind: tool, Name: "x", Annotations: known | policy.OpenWorld}, policy.ToolDeniedPattern, `roles.r.deny.tools["*"][0]`, 8},
		{"a", policy.Question{Server: "t", Kind: tool, Name: "x", Annotations: known}, policy.ToolAllowedPattern, "roles.r.allow.tools.t[0]", 7},
		{"a", policy.Question{Server: "s", Kind: resource, Name: "file:///pub/x"}, policy.ResourceAllowedPattern, "agents.a.allow.resources.s[0]", 3},
		{"a", policy.Question{Server: "s", Kind: resource, Name: "FILE:///pub/secret/x"}, policy.ResourceDeniedPattern, `roles.r.deny.resources["*"][0]`, 8},
		{"a", policy.Question{Server: "s", Kind: resource, Name: "https://h/x?y=[1]"}, policy.ResourceAllowedExact, "roles.r.allow.resources.s[0]", 7},
		{"b", policy.Question{Server: "t", Kind: resource, Name: "file:///x"}, policy.ResourceNotAllowed, "", 0},
		{"a", policy.Question{Server: "s", Kind: prompt, Name: "ask"}, policy.PromptAllowedExact, "agents.a.allow.prompts.s[0]", 3},
		{"b", policy.Question{Server: "t", Kind: prompt, Name: "sum_it"}, policy.PromptAllowedPattern, `roles.r.allow.prompts["*"][0]`, 7},
		{"b", policy.Question{Server: "t", Kind: prompt, Name: "sum_up"}, policy.PromptDeniedExact, `roles.r.deny.prompts["*"][0]`, 8},
	} {
		d := p.Ask(c.agent, c.Question)
		line := 0
		if d.Rule != nil {
			line = d.Rule.Pos.Line
		}
		if d.Step != c.step || d.Path() != c.path || line != c.line {
			t.Errorf("%s %+v: got %s by %q in line %d, want %s by %q in line %d", c.agent, c.Question, d.Step, d.Path(), line, c.step, c.path, c.line)
		}
	}
	got := fmt.Sprint(p.Exposed("a", "s", "get"), p.Exposed("a", "t", "list_x"), p.Exposed("b", "s", "get"), p.Exposed("b", "t", "list_x"))
	if want := "true true false true"; got != want {
		t.Errorf("exposed: got %s, want %s", got, want)
	}
}
