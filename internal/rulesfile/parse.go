package rulesfile

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"gatehouse/internal/identity"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/suggest"
)

// Codes of the errors of a rules file.
const (
	codeWrongType  = "rules-wrong-type"
	codeNoAgents   = "rules-missing-agents"
	codeUnknownKey = "rules-unknown-key"
	codeAgentID    = "rules-bad-agent-id"
	codePattern    = "rules-bad-pattern"
	codeWords      = "rules-bad-instructions"
	codeLimit      = "rules-bad-limit"
	codeRoleName   = "rules-bad-role-name"
	codeRoleTwice  = "rules-duplicate-role"
	codeRoleCycle  = "rules-role-cycle"
	// codeUnknownRole is an error: what it would deny would be open.
	codeUnknownRole = "rules-unknown-role"
	// codeTooManyRules is about roles that multiply.
	codeTooManyRules = "rules-too-many-rules"
)

// ParseRules is Parse for who needs no credentials.
func ParseRules(file string, src []byte) (policy.Rules, []jsondoc.Problem) {
	rules, _, problems := Parse(file, src)
	return rules, problems
}

// Parse reads the bytes of a .mcp-gateway-rules.json. It reports all problems
// at once, sorted by position; if one of them is an Error, the Rules have no
// agents and deny everything, and there are no credentials. The file name is
// only quoted. Whether the rules fit the servers is CrossCheck's question.
func Parse(file string, src []byte) (policy.Rules, identity.Credentials, []jsondoc.Problem) {
	hash := sha256.Sum256(src)
	denyAll := policy.Rules{File: file, DenyOnMissingAgent: true, Hash: hex.EncodeToString(hash[:])}
	doc, problems := jsondoc.Parse(file, src)
	if doc == nil {
		return denyAll, identity.Credentials{}, problems
	}
	p := parser{Report: jsondoc.NewReport(file), rules: denyAll}
	p.AddAll(problems)
	p.root(doc.Root)
	p.namedAgents()
	problems = p.Finish()
	if jsondoc.HasErrors(problems) {
		return denyAll, identity.Credentials{}, problems
	}
	return p.rules, p.credentials, problems
}

// parser holds what the parts of one rules file have in common.
type parser struct {
	*jsondoc.Report
	// at is where the rules stand in a bigger document, "" if they are the
	// whole: problems are there, while rules have paths of their own.
	at          string
	rules       policy.Rules
	credentials identity.Credentials
	named       []namedAgent // in credentials

	// groups are the agents as they are written, and roles the roles.
	groups, roles []group
	defaultLimits policy.Limits
}

// problem notes one error.
func (p *parser) problem(pos policy.Position, path, code, hint, format string, args ...any) {
	p.Add(pos, jsondoc.Error, p.path(path), code, hint, format, args...)
}

// path is a path of the rules as a path of the document.
func (p *parser) path(path string) string {
	if p.at == "" || path == "" || path[0] == '[' {
		return p.at + path
	}
	return p.at + "." + path
}

// is reports whether a value is of a kind, and notes a problem if not. what is
// the kind in words, hint how to write it.
func (p *parser) is(n *jsondoc.Node, kind jsondoc.Kind, path, what, hint string) bool {
	if n.Kind == kind {
		return true
	}
	subject := ""
	if path == "" {
		subject = "the rules "
	}
	p.problem(n.Pos(), path, codeWrongType, hint, "%smust be %s, not %s", subject, what, jsondoc.WithArticle(n.Kind))
	return false
}

// object reads an object that may have these keys and no others. hints are for
// keys that stand in the wrong place.
func (p *parser) object(n *jsondoc.Node, path string, keys jsondoc.Keys, hints map[string]string) {
	keys.Read(n, path, func(m jsondoc.Member, path string) { p.unknown(m, path, keys.Names(), hints) })
}

// unknown notes a key that is not in known.
func (p *parser) unknown(m jsondoc.Member, path string, known []string, hints map[string]string) {
	if p.OtherCase(m, p.path(path), known) {
		return
	}
	hint, ok := hints[m.Key]
	if !ok {
		hint = jsondoc.KeyHint(m.Key, known)
	}
	p.problem(m.KeyPos(), path, codeUnknownKey, hint, "unknown key %s", jsondoc.Quote(m.Key))
}

func (p *parser) root(root *jsondoc.Node) {
	if !p.is(root, jsondoc.KindObject, "", "an object", `write {"agents": {}}`) {
		return
	}
	keys := jsondoc.Keys{
		{Name: "agents", Read: p.agents},
		{Name: "roles", Read: p.readRoles},
		{Name: "defaults", Read: p.defaults},
		{Name: "$schema", Read: func(n *jsondoc.Node, path string) {
			p.is(n, jsondoc.KindString, path, "a string", "it is for editors; remove it if in doubt")
		}},
	}
	p.object(root, "", keys, misplacedInRoot)
	p.merge()
	agents := func(m jsondoc.Member) bool {
		near, _ := suggest.Nearest(m.Key, keys.Names())
		return near == "agents"
	}
	if !slices.ContainsFunc(root.Members(), agents) {
		p.problem(root.Pos(), "", codeNoAgents,
			`add "agents": {"NAME": {"allow": {"servers": ["..."]}}}; an empty object is fine and lets nobody in`,
			`the key "agents" is missing`)
	}
}

var misplacedInRoot = map[string]string{
	"deny_on_missing_agent": `put it inside "defaults"`,
	"instructions":          `put it inside "defaults", or inside an agent`,
	"tokens":                `it belongs inside "defaults"`,
	"jwt":                   `it belongs inside "defaults"`,
	"mcpServers":            "servers belong in the servers file, .mcp.json",
	"expose":                `put it inside an agent or a role`,
	"resources":             `put it inside "allow" or "deny" of an agent`,
	"prompts":               `put it inside "allow" or "deny" of an agent`,
	"allow":                 `put it inside an agent: "agents": {"NAME": {"allow": ...}}`,
	"deny":                  `put it inside an agent: "agents": {"NAME": {"deny": ...}}`,
	"limits":                `put it inside an agent, a role, or "defaults"`,
	"extends":               `put it inside an agent or a role`,
}

func (p *parser) defaults(n *jsondoc.Node, path string) {
	if !p.is(n, jsondoc.KindObject, path, "an object", `write {"deny_on_missing_agent": true}`) {
		return
	}
	p.object(n, path, jsondoc.Keys{
		{Name: "deny_on_missing_agent", Read: func(value *jsondoc.Node, path string) {
			if p.is(value, jsondoc.KindBool, path, "true or false", "write it without quotes; the default is true") {
				p.rules.DenyOnMissingAgent = value.Bool()
				p.rules.DenyOnMissingAgentPos = n.KeyPos("deny_on_missing_agent")
			}
		}},
		{Name: "instructions", Read: func(value *jsondoc.Node, path string) { p.rules.Instructions = p.instructions(value, path) }},
		{Name: "limits", Read: func(value *jsondoc.Node, path string) { p.defaultLimits = p.limits(value, path) }},
		{Name: "tokens", Read: p.tokens},
		{Name: "jwt", Read: p.jwt},
	}, nil)
}
