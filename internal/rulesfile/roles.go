package rulesfile

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/suggest"
)

// maxMerged is how many rules all agents together may have, those of their roles
// included: a small file can multiply.
const maxMerged = 1_000_000

// group is an agent or a role as it is written.
type group struct {
	policy.Agent

	extends []reference
}

// reference names a role.
type reference struct {
	role, path string
	pos        policy.Position
}

func (p *parser) readRoles(n *jsondoc.Node, path string) {
	if !p.is(n, jsondoc.KindObject, path, "an object of roles", `write {"NAME": {"allow": {"servers": ["..."]}}}`) {
		return
	}
	for _, m := range n.Members() {
		at := jsondoc.KeyPath(path, m.Key)
		if reason := badAgentID(m.Key); reason != "" {
			p.problem(m.KeyPos(), at, codeRoleName, `use letters, digits, "_", "." and "-"`, "the name of a role %s", reason)
		}
		p.rules.Roles = append(p.rules.Roles, policy.Role{Name: m.Key, Pos: m.KeyPos()})
		p.roles = append(p.roles, p.group(m, at, misplacedInRole, "instructions"))
	}
}

var misplacedInRole = map[string]string{
	"servers": intoAccess, "tools": intoAccess, "resources": intoAccess, "prompts": intoAccess,
	"instructions": `put it inside an agent, or inside "defaults"`,
}

// extends reads a list of roles.
func (p *parser) extends(n *jsondoc.Node, path string) []reference {
	if !p.is(n, jsondoc.KindArray, path, "an array of roles", `write ["ROLE", ...]`) {
		return nil
	}
	var list []reference
	for i, e := range n.Elements() {
		at := jsondoc.IndexPath(path, i)
		if !p.is(e, jsondoc.KindString, at, "a string", "write the name of a role") {
			continue
		}
		if slices.ContainsFunc(list, func(r reference) bool { return r.role == e.Text() }) {
			p.problem(e.Pos(), at, codeRoleTwice, "remove one of them", "the role %s occurs twice", jsondoc.Quote(e.Text()))
			continue
		}
		list = append(list, reference{e.Text(), at, e.Pos()})
	}
	return list
}

// merge makes the agents of what is written: each with the rules of its roles, and
// the limits of the defaults.
func (p *parser) merge() {
	m := merger{parser: p, byName: map[string]*group{}, names: []string{}}
	for i := range p.roles {
		m.byName[p.roles[i].ID] = &p.roles[i]
		m.names = append(m.names, p.roles[i].ID)
	}
	slices.Sort(m.names)
	if !m.checkReferences() || !m.checkCycles() {
		return
	}
	rules := 0
	for i := range p.groups {
		agent := m.merged(&p.groups[i])
		if rules += size(&agent); rules > maxMerged {
			p.problem(agent.Pos, jsondoc.KeyPath("agents", agent.ID), codeTooManyRules, "extend roles of fewer rules",
				"all agents together have more than %d rules, those of their roles included", maxMerged)
			return
		}
		p.rules.Agents = append(p.rules.Agents, agent)
	}
}

// merger looks up roles.
type merger struct {
	*parser

	byName map[string]*group
	names  []string // sorted
}

// checkReferences reports whether every role that is extended exists.
func (m *merger) checkReferences() bool {
	ok := true
	for _, g := range slices.Concat(m.roles, m.groups) {
		for _, r := range g.extends {
			if m.byName[r.role] != nil {
				continue
			}
			ok = false
			hint := `add it to "roles"`
			if near, found := suggest.Nearest(r.role, m.names); found {
				hint = "did you mean " + jsondoc.Quote(near) + "?"
			} else if len(m.names) > 0 {
				hint = "roles: " + namesOf(m.names)
			}
			m.problem(r.pos, r.path, codeUnknownRole, hint, "there is no role %s", jsondoc.Quote(r.role))
		}
	}
	return ok
}

// namesOf lists names, at most 20 of them.
func namesOf(names []string) string {
	const most = 20
	text := strings.Join(names[:min(len(names), most)], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// checkCycles reports whether no role extends itself, by way of whatever others.
func (m *merger) checkCycles() bool {
	ok := true
	done, at, way := map[string]bool{}, map[string]int{}, []string{}
	var visit func(g *group)
	visit = func(g *group) {
		at[g.ID] = len(way)
		way = append(way, g.ID)
		for _, r := range g.extends {
			if begin, found := at[r.role]; found {
				ok = false
				m.problem(r.pos, r.path, codeRoleCycle, "remove one of these", "roles extend each other in a circle: %s", circle(append(slices.Clone(way[begin:]), r.role)))
			} else if !done[r.role] {
				visit(m.byName[r.role])
			}
		}
		way = way[:len(way)-1]
		delete(at, g.ID)
		done[g.ID] = true
	}
	for i := range m.roles {
		if !done[m.roles[i].ID] {
			visit(&m.roles[i])
		}
	}
	return ok
}

// circle words a way through roles, and leaves out the middle of a long one.
func circle(way []string) string {
	const most = 10
	if len(way) > most {
		way = slices.Concat(way[:most/2], []string{fmt.Sprintf("(%d more)", len(way)-most)}, way[len(way)-most/2:])
	}
	return strings.Join(way, " → ")
}

// order lists what a group consists of: itself, then each of its roles followed
// by what that extends, each once.
func (m *merger) order(g *group) []*group {
	var all []*group
	seen := map[*group]bool{}
	var visit func(g *group)
	visit = func(g *group) {
		if seen[g] {
			return
		}
		seen[g] = true
		all = append(all, g)
		for _, r := range g.extends {
			visit(m.byName[r.role])
		}
	}
	visit(g)
	return all
}

// merged is an agent with the rules of its roles after its own. Of limits, the
// first in that order counts.
func (m *merger) merged(g *group) policy.Agent {
	a := g.Agent
	// Other agents have the rules of the same role: each gets lists of its own.
	allow, deny, expose := a.Allow, a.Deny, a.Expose
	a.Allow, a.Deny, a.Expose = policy.Access{}, policy.Access{}, nil
	a.Allow.Append(allow)
	a.Deny.Append(deny)
	a.Expose = append(a.Expose, expose...)
	a.Limits.PerTool = slices.Clone(a.Limits.PerTool)
	own := a.Limits
	own.PerTool = slices.Clone(own.PerTool)
	for _, role := range m.order(g)[1:] {
		a.Roles = append(a.Roles, role.ID)
		a.Allow.Append(role.Allow)
		a.Deny.Append(role.Deny)
		a.Expose = append(a.Expose, role.Expose...)
		if len(a.Limits.PerTool) <= maxPerTool {
			a.Limits.Inherit(role.Limits)
		}
	}
	a.Limits.Inherit(m.defaultLimits)
	m.checkBursts(own, a.Limits)
	if n := len(a.Limits.PerTool); n > maxPerTool {
		m.tooManyPerTool(a.Pos, jsondoc.KeyPath("agents", a.ID), n)
	}
	a.Limits.Settle()
	return a
}

// size counts the rules of an agent, and its roles.
func size(a *policy.Agent) int {
	n := len(a.Roles) + len(a.Allow.Servers) + len(a.Deny.Servers)
	for _, list := range listsOf(a) {
		for _, t := range list {
			n += 1 + len(t.Rules)
		}
	}
	return n
}

// listsOf are an agent's lists by server, those of expose too.
func listsOf(a *policy.Agent) [][]policy.ServerRules {
	lists := [][]policy.ServerRules{a.Expose}
	for _, k := range policy.Listed {
		lists = append(lists, a.Allow.Of(k), a.Deny.Of(k))
	}
	return lists
}
