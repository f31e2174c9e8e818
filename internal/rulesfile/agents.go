package rulesfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
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
			p.access(n, path, &a.AllowServers, &a.AllowTools)
			if tools := n.Member("tools"); tools != nil {
				a.AllowToolsPos = tools.Pos()
			}
		}},
		{Name: "deny", Read: func(n *jsondoc.Node, path string) { p.access(n, path, &a.DenyServers, &a.DenyTools) }},
		{Name: "limits", Read: func(n *jsondoc.Node, path string) { a.Limits = p.limits(n, path) }},
		{Name: "extends", Read: func(n *jsondoc.Node, path string) { g.extends = p.extends(n, path) }},
		{Name: "instructions", Read: func(n *jsondoc.Node, path string) { a.Instructions = p.instructions(n, path) }},
	}
	keys = slices.DeleteFunc(keys, func(k jsondoc.Key) bool { return k.Name == without })
	keys.Read(m.Value, path, func(m jsondoc.Member, path string) {
		if slices.Contains(reservedKeys, m.Key) {
			p.reserved(m, path)
			return
		}
		p.unknown(m, path, keys.Names(), misplaced)
	})
	return g
}

// reservedKeys of an agent or a role have a meaning in a version to come.
var reservedKeys = []string{"expose"}

var misplacedInAgent = map[string]string{
	"servers": `put it inside "allow" or "deny"`,
	"tools":   `put it inside "allow" or "deny"`,
}

// access reads the object of "allow" or "deny".
func (p *parser) access(n *jsondoc.Node, path string, servers *[]policy.Rule, tools *[]policy.ToolRules) {
	if !p.is(n, jsondoc.KindObject, path, "an object", `write {"servers": ["..."], "tools": {"SERVER": ["..."]}}`) {
		return
	}
	p.object(n, path, jsondoc.Keys{
		{Name: "servers", Read: func(n *jsondoc.Node, path string) { *servers = p.patterns(n, path, "server") }},
		{Name: "tools", Read: func(n *jsondoc.Node, path string) { *tools = p.tools(n, path) }},
	}, nil)
}

func (p *parser) tools(n *jsondoc.Node, path string) []policy.ToolRules {
	if !p.is(n, jsondoc.KindObject, path, "an object of lists by server", `write {"SERVER": ["TOOL", ...]}`) {
		return nil
	}
	tools := make([]policy.ToolRules, 0, len(n.Members()))
	for _, m := range n.Members() {
		at := jsondoc.KeyPath(path, m.Key)
		p.checkPattern(m.Key, m.KeyPos(), at, "server")
		tools = append(tools, policy.ToolRules{
			Server: policy.Rule{Pattern: m.Key, Path: at, Pos: m.KeyPos()},
			Tools:  p.patterns(m.Value, at, "tool"),
		})
	}
	return tools
}

// patterns reads an array of names or patterns. what says of what.
func (p *parser) patterns(n *jsondoc.Node, path, what string) []policy.Rule {
	if !p.is(n, jsondoc.KindArray, path, "an array of strings", `write ["`+strings.ToUpper(what)+`", ...]`) {
		return nil
	}
	rules := make([]policy.Rule, 0, len(n.Elements()))
	for i, e := range n.Elements() {
		at := jsondoc.IndexPath(path, i)
		if !p.is(e, jsondoc.KindString, at, "a string", "write the name of a "+what+", or a pattern with *") {
			continue
		}
		pos := e.Pos()
		p.checkPattern(e.Text(), pos, at, what)
		rules = append(rules, policy.Rule{Pattern: e.Text(), Path: at, Pos: pos})
	}
	return rules
}

// checkPattern refuses what looks like another kind of pattern, and nothing.
func (p *parser) checkPattern(text string, pos policy.Position, path, what string) {
	if text == "" {
		p.problem(pos, path, codePattern, `write the name of a `+what+`, or "*" for all`,
			"an empty pattern matches nothing")
		return
	}
	if i := strings.IndexAny(text, "?[]"); i >= 0 {
		p.problem(pos, path, codePattern, `use "*", which stands for any run of characters, or list the names`,
			"%q has no meaning in a pattern: \"*\" is the only wildcard", text[i:i+1])
	}
}
