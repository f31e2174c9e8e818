package rulesfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/suggest"
)

func (p *parser) agents(n *jsondoc.Node, path string) {
	if !p.is(n, jsondoc.KindObject, path, "an object of agents", `write {"NAME": {"allow": {"servers": ["..."]}}}`) {
		return
	}
	for _, m := range n.Members() {
		at := jsondoc.KeyPath(path, m.Key)
		if reason := badAgentID(m.Key); reason != "" {
			p.problem(m.KeyPos(), at, codeAgentID,
				"use 1 to "+strconv.Itoa(policy.MaxAgentIDBytes)+` letters, digits, "_", "." and "-"`,
				"Validation error: an agent id %s", reason)
		}
		p.groups = append(p.groups, p.group(m, at, misplacedInAgent, ""))
	}
}

func badAgentID(id string) string {
	switch {
	case policy.ValidAgentID(id):
		return ""
	case id == "":
		return "must not be empty"
	case len(id) > policy.MaxAgentIDBytes:
		return "must not be longer than " + strconv.Itoa(policy.MaxAgentIDBytes) + " bytes"
	}
	// The code point tells letters apart that look alike.
	bad := firstBad(id)
	return fmt.Sprintf("must not contain %q (%U)", bad, bad)
}

// firstBad is the first character of id that no agent id may contain.
func firstBad(id string) rune {
	for _, c := range id {
		if !policy.ValidAgentID(string(c)) {
			return c
		}
	}
	return 0
}

// group reads an agent or a role. without is a key of agents that this one must not
// have.
func (p *parser) group(m jsondoc.Member, path string, misplaced map[string]string, without string) group {
	g := group{Agent: policy.Agent{ID: m.Key, Pos: m.KeyPos()}}
	a := &g.Agent
	if !p.is(m.Value, jsondoc.KindObject, path, "an object", `write {"allow": {"servers": ["..."]}}`) {
		return g
	}
	keys := jsondoc.Keys{
		{Name: "allow", Read: func(n *jsondoc.Node, path string) {
			a.Allow = p.access(n, path)
			if tools := n.Member("tools"); tools != nil {
				a.AllowToolsPos = tools.Pos()
			}
		}},
		{Name: "deny", Read: func(n *jsondoc.Node, path string) { a.Deny = p.access(n, path) }},
		{Name: "expose", Read: func(n *jsondoc.Node, path string) { a.Expose = p.byServer(n, path, exposedTools) }},
		{Name: "limits", Read: func(n *jsondoc.Node, path string) { a.Limits = p.limits(n, path) }},
		{Name: "extends", Read: func(n *jsondoc.Node, path string) { g.extends = p.extends(n, path) }},
		{Name: "instructions", Read: func(n *jsondoc.Node, path string) { a.Instructions = p.instructions(n, path) }},
	}
	keys = slices.DeleteFunc(keys, func(k jsondoc.Key) bool { return k.Name == without })
	p.object(m.Value, path, keys, misplaced)
	return g
}

const intoAccess = `put it inside "allow" or "deny"`

var misplacedInAgent = map[string]string{
	"servers": intoAccess, "tools": intoAccess, "resources": intoAccess, "prompts": intoAccess,
}

// access reads the object of "allow" or "deny".
func (p *parser) access(n *jsondoc.Node, path string) (a policy.Access) {
	if !p.is(n, jsondoc.KindObject, path, "an object", `write {"servers": ["..."], "tools": {"SERVER": ["..."]}}`) {
		return a
	}
	p.object(n, path, jsondoc.Keys{
		{Name: "servers", Read: func(n *jsondoc.Node, path string) { a.Servers = p.patterns(n, path, servers) }},
		{Name: "tools", Read: func(n *jsondoc.Node, path string) { a.Tools = p.byServer(n, path, tools) }},
		{Name: "resources", Read: func(n *jsondoc.Node, path string) { a.Resources = p.byServer(n, path, resources) }},
		{Name: "prompts", Read: func(n *jsondoc.Node, path string) { a.Prompts = p.byServer(n, path, prompts) }},
	}, misplacedInAccess)
	return a
}

var misplacedInAccess = map[string]string{"expose": `put it beside "allow", inside the agent or role`}

// byServer reads an object of lists by server.
func (p *parser) byServer(n *jsondoc.Node, path string, what listed) []policy.ServerRules {
	if !p.is(n, jsondoc.KindObject, path, "an object of lists by server", `write {"SERVER": ["`+strings.ToUpper(what.noun)+`", ...]}`) {
		return nil
	}
	list := make([]policy.ServerRules, 0, len(n.Members()))
	for _, m := range n.Members() {
		at := jsondoc.KeyPath(path, m.Key)
		p.checkPattern(m.Key, m.KeyPos(), at, servers)
		list = append(list, policy.ServerRules{
			Server: policy.Rule{Pattern: m.Key, Path: at, Pos: m.KeyPos()},
			Rules:  p.patterns(m.Value, at, what),
		})
	}
	return list
}

// listed says of what patterns are.
type listed struct {
	noun, name string
	// annotations may stand in for names.
	annotations bool
	// uris may have characters that look like wildcards elsewhere.
	uris bool
}

var (
	servers      = listed{noun: "server", name: "the name of a server"}
	tools        = listed{noun: "tool", name: "the name of a tool", annotations: true}
	exposedTools = listed{noun: "tool", name: "the name of a tool"}
	limitedTools = exposedTools
	resources    = listed{noun: "uri", name: "the URI of a resource", uris: true}
	prompts      = listed{noun: "prompt", name: "the name of a prompt"}
)

// patterns reads an array of names or patterns.
func (p *parser) patterns(n *jsondoc.Node, path string, what listed) []policy.Rule {
	if !p.is(n, jsondoc.KindArray, path, "an array of strings", `write ["`+strings.ToUpper(what.noun)+`", ...]`) {
		return nil
	}
	rules := make([]policy.Rule, 0, len(n.Elements()))
	for i, e := range n.Elements() {
		at := jsondoc.IndexPath(path, i)
		if !p.is(e, jsondoc.KindString, at, "a string", "write "+what.name+", or a pattern with *") {
			continue
		}
		pos := e.Pos()
		p.checkPattern(e.Text(), pos, at, what)
		rules = append(rules, policy.Rule{Pattern: e.Text(), Path: at, Pos: pos})
	}
	return rules
}

// checkPattern refuses what looks like another kind of pattern, and nothing.
func (p *parser) checkPattern(text string, pos policy.Position, path string, what listed) {
	if text == "" {
		p.problem(pos, path, codePattern, `write `+what.name+`, or "*" for all`,
			"an empty pattern matches nothing")
		return
	}
	if i := strings.IndexAny(text, "?[]"); i >= 0 && !what.uris {
		p.problem(pos, path, codePattern, `use "*", which stands for any run of characters, or list the names`,
			"%q has no meaning in a pattern: \"*\" is the only wildcard", text[i:i+1])
	}
	switch {
	case what == servers:
	case what.annotations && looksLikeAnnotation(text) && !policy.IsAnnotation(text):
		hint := "annotations: " + strings.Join(policy.AnnotationRules(), ", ")
		if near, found := suggest.Nearest(text, policy.AnnotationRules()); found {
			hint = "did you mean " + jsondoc.Quote(near) + "?"
		}
		p.problem(pos, path, codePattern, hint, "unknown annotation %s", jsondoc.Quote(text))
	case !what.annotations && policy.IsAnnotation(text): // As a name it would close nothing.
		p.problem(pos, path, codePattern, "write "+what.name+", or a pattern with *",
			"annotations such as %s decide in allow.tools and deny.tools only", jsondoc.Quote(text))
	}
}

// looksLikeAnnotation reports whether a pattern is letters behind "@" or "!@".
func looksLikeAnnotation(text string) bool {
	word, ok := strings.CutPrefix(strings.TrimPrefix(text, "!"), "@")
	return ok && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
