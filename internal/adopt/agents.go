package adopt

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/clients"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/serversfile"
)

// takeOver merges the rules of another gateway, which are written as ours: its
// agents become agents here. One that is here already keeps the rules that it has.
func (m *merger) takeOver(found []clients.Found) error {
	for _, f := range found {
		if len(f.Agents) == 0 {
			continue
		}
		first := m.before.Rules == nil
		var taken []string
		for _, a := range f.Agents {
			if m.takeAgent(f.Client, a) {
				taken = append(taken, a.ID)
			}
		}
		if first && f.NamesOptional && len(taken) > 0 {
			w := ruleWriter{merger: m}
			w.change(func(src []byte) ([]byte, error) {
				return jsondoc.Set(src, []string{"defaults"}, "deny_on_missing_agent", []byte("false"))
			})
			if w.err != nil {
				return w.err
			}
		}
		if err := m.confine(f, taken); err != nil {
			return err
		}
	}
	return nil
}

// takeAgent adds an agent, and reports whether it did.
func (m *merger) takeAgent(from *clients.Client, a clients.Agent) bool {
	note := func(kind clients.Kind, format string, args ...any) {
		m.plan.Notes = append(m.plan.Notes, clients.Note{
			Client: from.ID, Pos: a.Pos, File: a.Pos.File, Line: a.Pos.Line, Kind: kind, Text: "agent " + jsondoc.Quote(a.ID) + ": " + fmt.Sprintf(format, args...),
		})
	}
	if m.leftover[a.ID] {
		note(clients.Restriction, "becomes an agent here, with the same rules")
		return true
	}
	if m.hasAgent(a.ID) {
		note(clients.Attention, "it is here already, and keeps the rules that it has here")
		return false
	}
	after, err := jsondoc.Set(m.rulesText(), []string{"agents"}, a.ID, a.Rules)
	if err != nil {
		note(clients.Left, "%v", err)
		return false
	}
	rules, problems := rulesfile.ParseRules(m.paths.Rules, after)
	for _, p := range problems {
		if p.Severity == jsondoc.Error {
			note(clients.Left, "its rules are not understood: %s: %s", p.Path, p.Message)
			return false
		}
	}
	m.texts.Rules = after
	note(clients.Restriction, "becomes an agent here, with the same rules")
	for _, p := range rulesfile.Lint(rules) {
		if p.Code == rulesfile.CodeWidens && strings.HasPrefix(p.Path, "agents."+a.ID+".") {
			note(clients.Attention, "%s %s; %s ignores such a key", p.Path, p.Message, from.Title)
		}
	}
	for _, agent := range rules.Agents {
		for _, t := range agent.Allow.Tools {
			if agent.ID == a.ID && len(t.Rules) == 0 {
				note(clients.Attention, "%s is empty: it allows no tool here; %s allows all of them", t.Server.Path, from.Title)
			}
		}
	}
	return true
}

func (m *merger) hasAgent(id string) bool {
	doc, _ := jsondoc.Parse("", m.rulesText())
	if doc == nil {
		return false
	}
	agents := doc.Root.Member("agents")
	return agents != nil && agents.Member(id) != nil
}

// leftBehind finds the agents of other gateways whose rules are here as this import would
// write them, while none of their gateway's servers is: files are written in that order.
func (m *merger) leftBehind(found []clients.Found) map[string]bool {
	ids := map[string]bool{}
	for _, f := range found {
		if slices.ContainsFunc(m.plan.Rows, func(r Row) bool { return r.Client == f.Client.ID && r.State == Same }) {
			continue
		}
		for _, a := range f.Agents {
			if m.isAsTakenOver(f, a) {
				ids[a.ID] = true
			}
		}
	}
	return ids
}

// isAsTakenOver reports whether an agent has the rules here that it would be given.
func (m *merger) isAsTakenOver(f clients.Found, a clients.Agent) bool {
	without, rules, found := jsondoc.Remove(m.before.Rules, []string{"agents"}, a.ID)
	if !found {
		return false
	}
	trial := *m
	trial.plan = Plan{Rows: slices.Clone(m.plan.Rows)}
	trial.texts.Rules = without
	if !trial.takeAgent(f.Client, a) || trial.confine(f, []string{a.ID}) != nil {
		return false
	}
	_, again, _ := jsondoc.Remove(trial.texts.Rules, []string{"agents"}, a.ID)
	return bytes.Equal(rules, again)
}

// confine denies agents that were taken over all servers that the other gateway does
// not have: a "*" in their rules never meant them.
func (m *merger) confine(f clients.Found, agents []string) error {
	if len(agents) == 0 {
		return nil
	}
	rules, problems := rulesfile.ParseRules(m.paths.Rules, m.texts.Rules)
	if err := problemOf(problems); err != nil {
		return err
	}
	now := policy.Compile(rules)
	m.nameUsers(f.Client.ID, agents, now)
	for _, agent := range agents {
		w := ruleWriter{merger: m, agent: agent}
		for _, name := range m.strangers(f.Client.ID) {
			if !now.Decide(agent, name, "").Allow {
				continue
			}
			w.add([]string{"deny", "servers"}, name)
			m.plan.Notes = append(m.plan.Notes, clients.Note{
				Client: f.Client.ID, File: m.paths.Rules, Pos: policy.Position{File: m.paths.Rules}, Server: name, Kind: clients.Restriction,
				Text: "a rule of the agent " + agent + " would allow it, but " + f.Client.Title + " does not have it: it is denied",
			})
		}
		if w.err != nil {
			return w.err
		}
	}
	return nil
}

// nameUsers says in the rows of a gateway's servers which of its agents may use them.
func (m *merger) nameUsers(client string, agents []string, rules *policy.Policy) {
	for i, r := range m.plan.Rows {
		if r.Client != client || r.State != New && r.State != Same {
			continue
		}
		users := slices.DeleteFunc(slices.Clone(agents), func(a string) bool { return !rules.Decide(a, r.Server, "").Allow })
		m.plan.Rows[i].Agent = strings.Join(users, ", ")
	}
}

// strangers are the servers that do not come from a client.
func (m *merger) strangers(client string) []string {
	file, _ := serversfile.Parse(m.paths.Servers, m.texts.Servers)
	var names []string
	for _, e := range file.Entries {
		if !slices.ContainsFunc(m.plan.Rows, func(r Row) bool {
			return r.Client == client && r.Server == e.Name && (r.State == New || r.State == Same)
		}) {
			names = append(names, e.Name)
		}
	}
	return names
}
