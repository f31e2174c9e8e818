package serversfile

import (
	"fmt"
	"slices"

	"gatehouse/internal/jsondoc"
)

// restriction is what a key of another program means that restricts there.
type restriction struct {
	// instead says what does the same here. %s is the server's name, quoted.
	instead string
	// idle reports whether a value restricts nothing. A null never does.
	idle func(*jsondoc.Node) bool
}

const (
	denyToolsRule = `in the rules file write for each agent: "deny": {"tools": {%s: ["TOOL", ...]}}; ` +
		"then remove this key"
	allowToolsRule = `in the rules file write for each agent: "allow": {"tools": {%s: ["TOOL", ...]}}; ` +
		"then remove this key"
	filterRule = `in the rules file write for each agent: "allow": {"tools": {%s: ["TOOL", ...]}} for an allow list, ` +
		`"deny" in its place for a block list; then remove this key`
	allowServerRule = `in the rules file let only some agents use it: "agents": {"AGENT": {"allow": {"servers": [%s]}}}; ` +
		"then remove this key"
	sandboxRule = `gatehouse has no sandbox: make it part of "command", or keep agents off in the rules file with ` +
		`"deny": {"servers": [%s]}; then remove this key`
)

// restrictions are the keys that restrict in other programs. An empty list of
// what is allowed allows nothing there, and an empty one of what is not, all.
var restrictions = map[string]restriction{
	"disabledTools":  {denyToolsRule, isEmpty},
	"disabled_tools": {denyToolsRule, isEmpty},
	"excludeTools":   {denyToolsRule, isEmpty},
	"exclude_tools":  {denyToolsRule, isEmpty},
	"blockedTools":   {denyToolsRule, isEmpty},
	"deniedTools":    {denyToolsRule, isEmpty},
	"enabledTools":   {allowToolsRule, never},
	"enabled_tools":  {allowToolsRule, never},
	"includeTools":   {allowToolsRule, never},
	"include_tools":  {allowToolsRule, never},
	"allowedTools":   {allowToolsRule, never},
	"allowed_tools":  {allowToolsRule, never},
	"tools":          {allowToolsRule, everyTool},
	"toolFilter":     {filterRule, func(n *jsondoc.Node) bool { return isEmpty(n) || n.Kind == jsondoc.KindObject && listsNothing(n) }},
	"authTokens":     {allowServerRule, isEmpty},
	"sandbox":        {sandboxRule, isFalse},
	"sandboxEnabled": {sandboxRule, isFalse},
}

func never(*jsondoc.Node) bool { return false }

func isEmpty(n *jsondoc.Node) bool {
	switch n.Kind {
	case jsondoc.KindArray:
		return len(n.Elements()) == 0
	case jsondoc.KindObject:
		return len(n.Members()) == 0
	case jsondoc.KindString:
		return n.Text() == ""
	case jsondoc.KindNull:
		return true
	case jsondoc.KindNumber, jsondoc.KindBool:
	}
	return false
}

func isFalse(n *jsondoc.Node) bool { return n.Kind == jsondoc.KindBool && !n.Bool() }

// listsNothing reports whether a filter of tools has no "list", or an empty
// one: then the proxy that knows it lets all through, whatever its mode.
func listsNothing(filter *jsondoc.Node) bool {
	list := filter.Member("list")
	return list == nil || isEmpty(list)
}

// everyTool reports whether a "tools" key lets all tools through: ["*"], or an
// object in which every tool is on.
func everyTool(n *jsondoc.Node) bool {
	if n.Kind == jsondoc.KindObject {
		return !slices.ContainsFunc(n.Members(), func(tool jsondoc.Member) bool {
			enabled := tool.Value.Member("enabled")
			return tool.Value.Kind != jsondoc.KindObject || enabled != nil && !enabled.Bool()
		})
	}
	return n.Kind == jsondoc.KindArray && slices.ContainsFunc(n.Elements(), func(e *jsondoc.Node) bool { return e.Text() == "*" })
}

// restricting refuses a key that restricts in another program: to ignore it
// would open what its owner closed. One that restricts nothing is nothing.
func (p *parser) restricting(m jsondoc.Member, path string, r restriction, server string) {
	if m.Value.Kind == jsondoc.KindNull || r.idle(m.Value) {
		p.ignored = append(p.ignored, m)
		return
	}
	p.Add(m.KeyPos(), jsondoc.Error, path, codeRestrictingKey, fmt.Sprintf(r.instead, jsondoc.Quote(server)),
		"the key %q restricts in other programs, but not here: the rules file decides who may use what", m.Key)
}

// otherOptions reports the restricting keys of a proxy's "options" object, for
// one server or, with the name "*", for all.
func (p *parser) otherOptions(n *jsondoc.Node, path, server string) {
	if n == nil {
		return
	}
	for _, m := range n.Members() {
		if r, restricts := restrictions[m.Key]; restricts && m.Key != "tools" {
			p.restricting(m, jsondoc.KeyPath(path, m.Key), r, server)
		}
	}
}
