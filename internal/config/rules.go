package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
)

// Codes of the errors of a rules file.
const (
	CodeRulesWrongType  = "rules-wrong-type"
	CodeRulesNoAgents   = "rules-missing-agents"
	CodeRulesUnknownKey = "rules-unknown-key"
	CodeRulesReserved   = "rules-reserved-key"
	CodeRulesAgentID    = "rules-bad-agent-id"
	CodeRulesPattern    = "rules-bad-pattern"
)

// ParseRules reads the bytes of a .mcp-gateway-rules.json. It reports all
// problems at once, sorted by position; if one of them is an Error the Rules
// have no agents and deny everything. The file name is only quoted. Whether
// the rules fit the servers is CrossCheck's question.
func ParseRules(file string, src []byte) (policy.Rules, []Problem) {
	rules, _, problems := parseRules(file, src)
	return rules, problems
}

func parseRules(file string, src []byte) (policy.Rules, identity.Credentials, []Problem) {
	hash := sha256.Sum256(src)
	denyAll := policy.Rules{File: file, DenyOnMissingAgent: true, Hash: hex.EncodeToString(hash[:])}
	doc, problems := ParseDocument(file, src)
	if doc == nil {
		return denyAll, identity.Credentials{}, problems
	}
	p := rulesParser{report: newReport(file), rules: denyAll}
	p.addAll(problems)
	p.root(doc.Root)
	p.namedAgents()
	problems = p.finish()
	if HasErrors(problems) {
		return denyAll, identity.Credentials{}, problems
	}
	return p.rules, p.credentials, problems
}

// rulesParser holds what the parts of one rules file have in common.
type rulesParser struct {
	*report
	// at is where the rules stand in a bigger document, "" if they are the
	// whole: problems are there, while rules have paths of their own.
	at          string
	rules       policy.Rules
	credentials identity.Credentials
	named       []namedAgent // in credentials
}

// problem notes one error.
func (p *rulesParser) problem(pos policy.Position, path, code, hint, format string, args ...any) {
	p.add(pos, Error, p.path(path), code, hint, format, args...)
}

// path is a path of the rules as a path of the document.
func (p *rulesParser) path(path string) string {
	if p.at == "" || path == "" || path[0] == '[' {
		return p.at + path
	}
	return p.at + "." + path
}

// is reports whether a value is of a kind, and notes a problem if not. what is
// the kind in words, hint how to write it.
func (p *rulesParser) is(n *Node, kind Kind, path, what, hint string) bool {
	if n.Kind == kind {
		return true
	}
	subject := ""
	if path == "" {
		subject = "the rules "
	}
	p.problem(n.Pos(), path, CodeRulesWrongType, hint, "%smust be %s, not %s", subject, what, withArticle(n.Kind))
	return false
}

// unknown notes a key that is not in known. hints are for keys that stand in
// the wrong place.
func (p *rulesParser) unknown(m Member, path string, known []string, hints map[string]string) {
	hint, ok := hints[m.Key]
	if !ok {
		hint = keyHint(m.Key, known)
	}
	p.problem(m.KeyPos(), keyPath(path, m.Key), CodeRulesUnknownKey, hint, "unknown key %s", quote(m.Key))
}

// reserved notes a key that has a meaning in a version to come.
func (p *rulesParser) reserved(m Member, path string) {
	p.problem(m.KeyPos(), keyPath(path, m.Key), CodeRulesReserved,
		"remove it for now; ignoring it could open what it is meant to close", "%s is reserved and not supported yet", quote(m.Key))
}

func (p *rulesParser) root(root *Node) {
	if !p.is(root, KindObject, "", "an object", `write {"agents": {}}`) {
		return
	}
	found := false
	for _, m := range root.Members() {
		switch m.Key {
		case "agents":
			found = true
			p.agents(m.Value)
		case "defaults":
			p.defaults(m.Value)
		default:
			p.unknown(m, "", rootKeys, misplacedInRoot)
			near, _ := nearest(m.Key, rootKeys)
			found = found || near == "agents"
		}
	}
	if !found {
		p.problem(root.Pos(), "", CodeRulesNoAgents,
			`add "agents": {"NAME": {"allow": {"servers": ["..."]}}}; an empty object is fine and lets nobody in`,
			`the key "agents" is missing`)
	}
}

var rootKeys = []string{"agents", "defaults"}

var misplacedInRoot = map[string]string{
	"deny_on_missing_agent": `put it inside "defaults"`,
	"tokens":                `it belongs inside "defaults"`,
	"jwt":                   `it belongs inside "defaults"`,
	"mcpServers":            "servers belong in the servers file, .mcp.json",
	"allow":                 `put it inside an agent: "agents": {"NAME": {"allow": ...}}`,
	"deny":                  `put it inside an agent: "agents": {"NAME": {"deny": ...}}`,
}

func (p *rulesParser) defaults(n *Node) {
	const path = "defaults"
	if !p.is(n, KindObject, path, "an object", `write {"deny_on_missing_agent": true}`) {
		return
	}
	for _, m := range n.Members() {
		switch m.Key {
		case "deny_on_missing_agent":
			if p.is(m.Value, KindBool, keyPath(path, m.Key), "true or false", "write it without quotes; the default is true") {
				p.rules.DenyOnMissingAgent = m.Value.Bool()
				p.rules.DenyOnMissingAgentPos = m.KeyPos()
			}
		case "tokens":
			p.tokens(m.Value)
		case "jwt":
			p.jwt(m.Value)
		default:
			p.unknown(m, path, []string{"deny_on_missing_agent", "tokens", "jwt"}, nil)
		}
	}
}

func (p *rulesParser) agents(n *Node) {
	const path = "agents"
	if !p.is(n, KindObject, path, "an object of agents", `write {"NAME": {"allow": {"servers": ["..."]}}}`) {
		return
	}
	for _, m := range n.Members() {
		at := keyPath(path, m.Key)
		if reason := badAgentID(m.Key); reason != "" {
			p.problem(m.KeyPos(), at, CodeRulesAgentID,
				"use 1 to "+strconv.Itoa(policy.MaxAgentIDBytes)+` letters, digits, "_", "." and "-"`,
				"Validation error: an agent id %s", reason)
		}
		p.rules.Agents = append(p.rules.Agents, p.agent(m, at))
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

func (p *rulesParser) agent(m Member, path string) policy.Agent {
	a := policy.Agent{ID: m.Key, Pos: m.KeyPos()}
	if !p.is(m.Value, KindObject, path, "an object", `write {"allow": {"servers": ["..."]}}`) {
		return a
	}
	for _, part := range m.Value.Members() {
		at := keyPath(path, part.Key)
		switch part.Key {
		case "allow":
			a.AllowServers, a.AllowTools = p.access(part.Value, at)
			if tools := part.Value.Member("tools"); tools != nil {
				a.AllowToolsPos = tools.Pos()
			}
		case "deny":
			a.DenyServers, a.DenyTools = p.access(part.Value, at)
		case "expose", "limits", "extends":
			p.reserved(part, path)
		default:
			p.unknown(part, path, []string{"allow", "deny"}, misplacedInAgent)
		}
	}
	return a
}

var misplacedInAgent = map[string]string{
	"servers": `put it inside "allow" or "deny"`,
	"tools":   `put it inside "allow" or "deny"`,
}

// access reads the object of "allow" or "deny".
func (p *rulesParser) access(n *Node, path string) ([]policy.Rule, []policy.ToolRules) {
	var servers []policy.Rule
	var tools []policy.ToolRules
	if !p.is(n, KindObject, path, "an object", `write {"servers": ["..."], "tools": {"SERVER": ["..."]}}`) {
		return nil, nil
	}
	for _, m := range n.Members() {
		at := keyPath(path, m.Key)
		switch m.Key {
		case "servers":
			servers = p.patterns(m.Value, at, "server")
		case "tools":
			tools = p.tools(m.Value, at)
		default:
			p.unknown(m, path, []string{"servers", "tools"}, nil)
		}
	}
	return servers, tools
}

func (p *rulesParser) tools(n *Node, path string) []policy.ToolRules {
	if !p.is(n, KindObject, path, "an object of lists by server", `write {"SERVER": ["TOOL", ...]}`) {
		return nil
	}
	tools := make([]policy.ToolRules, 0, len(n.Members()))
	for _, m := range n.Members() {
		at := keyPath(path, m.Key)
		p.checkPattern(m.Key, m.KeyPos(), at, "server")
		tools = append(tools, policy.ToolRules{
			Server: policy.Rule{Pattern: m.Key, Path: at, Pos: m.KeyPos()},
			Tools:  p.patterns(m.Value, at, "tool"),
		})
	}
	return tools
}

// patterns reads an array of names or patterns. what says of what.
func (p *rulesParser) patterns(n *Node, path, what string) []policy.Rule {
	if !p.is(n, KindArray, path, "an array of strings", `write ["`+strings.ToUpper(what)+`", ...]`) {
		return nil
	}
	rules := make([]policy.Rule, 0, len(n.Elements()))
	for i, e := range n.Elements() {
		at := indexPath(path, i)
		if !p.is(e, KindString, at, "a string", "write the name of a "+what+", or a pattern with *") {
			continue
		}
		pos := e.Pos()
		p.checkPattern(e.Text(), pos, at, what)
		rules = append(rules, policy.Rule{Pattern: e.Text(), Path: at, Pos: pos})
	}
	return rules
}

// checkPattern refuses what looks like another kind of pattern, and nothing.
func (p *rulesParser) checkPattern(text string, pos policy.Position, path, what string) {
	if text == "" {
		p.problem(pos, path, CodeRulesPattern, `write the name of a `+what+`, or "*" for all`,
			"an empty pattern matches nothing")
		return
	}
	if i := strings.IndexAny(text, "?[]"); i >= 0 {
		p.problem(pos, path, CodeRulesPattern, `use "*", which stands for any run of characters, or list the names`,
			"%q has no meaning in a pattern: \"*\" is the only wildcard", text[i:i+1])
	}
}
