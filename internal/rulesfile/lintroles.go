package rulesfile

import (
	"maps"
	"slices"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

const codeUnusedRole = "rules-unused-role"

// roleFindings are findings about rules of roles. Such a rule has no effect only if
// it has none for every agent that has it.
type roleFindings struct {
	agents map[policy.Position]int // how many have the rule
	found  map[policy.Position]*roleFinding
	agent  int // counts the agents that have been looked at
}

type roleFinding struct {
	agents int // for how many it holds
	last   int // the agent that was counted last
	say    func()
}

func newRoleFindings(rules policy.Rules) roleFindings {
	f := roleFindings{agents: map[policy.Position]int{}, found: map[policy.Position]*roleFinding{}}
	for _, a := range rules.Agents {
		if len(a.Roles) == 0 {
			continue
		}
		for _, servers := range [][]policy.Rule{a.Allow.Servers, a.Deny.Servers} {
			f.count(servers...)
		}
		for _, list := range listsOf(&a) {
			for _, t := range list {
				f.count(t.Server)
				f.count(t.Rules...)
			}
		}
	}
	return f
}

func (f *roleFindings) count(rules ...policy.Rule) {
	for _, r := range rules {
		if inRole(r) {
			f.agents[r.Pos]++
		}
	}
}

// inRole reports whether a rule stands in a role.
func inRole(r policy.Rule) bool { return len(r.Path) > 5 && r.Path[:5] == "roles" }

// next says that another agent is looked at.
func (f *roleFindings) next() { f.agent++ }

// note keeps a finding about a rule of a role; it returns false for any other.
func (f *roleFindings) note(r policy.Rule, say func()) bool {
	if !inRole(r) {
		return false
	}
	found := f.found[r.Pos]
	if found == nil {
		found = &roleFinding{last: -1, say: say}
		f.found[r.Pos] = found
	}
	if found.last != f.agent {
		found.last = f.agent
		found.agents++
	}
	return true
}

// sayOfRoles says what holds for all agents of a role.
func (l *linter) sayOfRoles() {
	for pos, found := range l.roles.found {
		if found.agents == l.roles.agents[pos] {
			found.say()
		}
	}
}

// unusedRoles warns of roles that no agent has.
func (l *linter) unusedRoles(rules policy.Rules) {
	used := map[string]bool{}
	for _, a := range rules.Agents {
		for _, name := range a.Roles {
			used[name] = true
		}
	}
	for _, r := range rules.Roles {
		if used[r.Name] {
			continue
		}
		hint := "extend it in an agent, or remove it"
		if len(used) > 0 {
			hint += "; in use: " + namesOf(slices.Sorted(maps.Keys(used)))
		}
		l.Add(r.Pos, jsondoc.Warning, jsondoc.KeyPath("roles", r.Name), codeUnusedRole, hint, "no agent extends the role %s", jsondoc.Quote(r.Name))
	}
}
