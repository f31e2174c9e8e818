package adopt

import (
	"slices"

	"gatehouse/internal/clients"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/rulesfile"
)

// access is what an agent is given of one server.
type access struct {
	server  *clients.Server
	allowed *[]string // nil is all tools
	denied  []string
	kept    bool // not given at all, and denied
	off     bool // not given, as the client has switched it off
}

// give notes who may use the servers of one name, which are one server.
func (m *merger) give(all []*clients.Server, state State, what string) {
	everybodyOff := !slices.ContainsFunc(all, func(s *clients.Server) bool { return !s.Off })
	for _, s := range all {
		agent := s.Client.ID
		if s.Client.Agentless {
			m.row(s, state, "", what)
			if s.Allowed != nil || len(s.Denied) > 0 || s.Kept {
				m.note(s, clients.Attention, "it is given to no agent, as the rules of %s decide: write the same restrictions for the agents that you allow it to", s.Client.Title)
			}
			continue
		}
		if m.given[agent] == nil {
			m.given[agent] = map[string]*access{}
		}
		a := m.given[agent][s.Name]
		first := a == nil
		if first {
			a = &access{server: s, allowed: s.Allowed, off: true}
			m.given[agent][s.Name] = a
		} else if s.Allowed != nil {
			a.allowed = both(a.allowed, *s.Allowed)
		}
		a.denied = append(a.denied, s.Denied...)
		a.kept = a.kept || s.Kept
		a.off = a.off && s.Off && !everybodyOff
		if a.kept || a.off {
			agent = ""
		}
		m.row(s, state, agent, what)
	}
}

// both are the tools that two lists allow.
func both(a *[]string, b []string) *[]string {
	if a == nil {
		return &b
	}
	common := []string{}
	for _, tool := range b {
		if slices.ContainsFunc(*a, func(p string) bool { return policy.Covers(p, tool) }) {
			common = append(common, tool)
		}
	}
	return &common
}

// grant writes the rules: what each client's agent may use, and then, for all
// others that would gain something, that they may not.
func (m *merger) grant(found []clients.Found) error {
	for _, f := range found {
		if f.Client.Agentless {
			continue
		}
		if err := m.grantTo(f.Client.ID, f.Rules); err != nil {
			return err
		}
	}
	return m.keepOut()
}

// grantTo writes the rules of one client's agent, in the order of names. Denials
// come first: whoever reads the file in between sees too little allowed.
func (m *merger) grantTo(agent string, rules []clients.ToolRule) error {
	given := m.given[agent]
	if len(given) == 0 && len(rules) == 0 {
		return nil
	}
	w := ruleWriter{merger: m, agent: agent}
	for _, r := range rules {
		if r.Tool == policy.Wildcard {
			w.add([]string{"deny", "servers"}, r.Server)
		} else {
			w.add([]string{"deny", "tools", r.Server}, r.Tool)
		}
	}
	names := sortedNames(given)
	for _, name := range names {
		a := given[name]
		if a.kept {
			w.add([]string{"deny", "servers"}, name)
		}
		for _, tool := range a.denied {
			w.add([]string{"deny", "tools", name}, tool)
		}
	}
	for _, name := range names {
		w.allow(name, given[name])
	}
	return w.err
}

func sortedNames(given map[string]*access) []string {
	names := make([]string, 0, len(given))
	for name := range given {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ruleWriter adds to the rules of one agent.
type ruleWriter struct {
	*merger

	agent string
	err   error
}

// allow makes a server available, unless a rule of the owner's would give more tools than
// the client may use.
func (w *ruleWriter) allow(name string, a *access) {
	own := w.own()
	hasList := false
	if own != nil && a.allowed != nil {
		for _, t := range own.Allow.Tools {
			if !policy.MatchPattern(t.Server.Pattern, name) {
				continue
			}
			hasList = hasList || t.Server.Pattern == name
			for _, tool := range t.Rules {
				if !slices.ContainsFunc(*a.allowed, func(p string) bool { return policy.Covers(p, tool.Pattern) }) {
					w.note(a.server, clients.Attention, "it is not given to %s: the rule %s allows tools that the client may not use; change it, and import again", w.agent, tool.Path)
					w.withdraw(name)
					return
				}
			}
		}
	}
	if a.allowed != nil && !hasList {
		w.list([]string{"allow", "tools", name}, *a.allowed)
	}
	if a.kept || a.off {
		return
	}
	if own == nil || !slices.ContainsFunc(own.Allow.Servers, func(r policy.Rule) bool { return policy.MatchPattern(r.Pattern, name) }) {
		w.add([]string{"allow", "servers"}, name)
	}
}

// withdraw takes the agent out of a server's row.
func (w *ruleWriter) withdraw(name string) {
	for i, r := range w.plan.Rows {
		if r.Server == name && r.Agent == w.agent {
			w.plan.Rows[i].Agent = ""
		}
	}
	if g := w.given[w.agent][name]; g != nil {
		g.off = true
	}
}

// own is what the owner's rules say of the agent, those of its roles included;
// nil if they do not have it.
func (w *ruleWriter) own() *policy.Agent {
	for i := range w.rules.Agents {
		if w.rules.Agents[i].ID == w.agent {
			return &w.rules.Agents[i]
		}
	}
	return nil
}

// add adds a pattern to a list of the agent, unless it is there.
func (w *ruleWriter) add(path []string, pattern string) {
	if w.has(path, pattern) {
		return
	}
	w.change(func(src []byte) ([]byte, error) {
		return jsondoc.Append(src, append([]string{"agents", w.agent}, path...), rawjson.AppendString(nil, pattern))
	})
}

// has reports whether a list of the agent has a pattern.
func (w *ruleWriter) has(path []string, pattern string) bool {
	doc, _ := jsondoc.Parse("", w.rulesText())
	if doc == nil {
		return false
	}
	n := doc.Root
	for _, key := range append([]string{"agents", w.agent}, path...) {
		if n = n.Member(key); n == nil {
			return false
		}
	}
	return slices.ContainsFunc(n.Elements(), func(e *jsondoc.Node) bool { return e.Text() == pattern })
}

// list sets a list of the agent.
func (w *ruleWriter) list(path, patterns []string) {
	last := len(path) - 1
	w.change(func(src []byte) ([]byte, error) {
		return jsondoc.Set(src, append([]string{"agents", w.agent}, path[:last]...), path[last], texts(patterns))
	})
}

func (w *ruleWriter) change(edit func([]byte) ([]byte, error)) {
	if w.err != nil {
		return
	}
	after, err := edit(w.rulesText())
	if err != nil {
		w.err = err
		return
	}
	w.texts.Rules = after
}

// firstRules are the rules where there are none.
const firstRules = `// Who may use what. Without a rule nothing is allowed; deny beats allow.
{
  "agents": {},
  "defaults": {
    "deny_on_missing_agent": true
  }
}
`

func (m *merger) rulesText() []byte {
	if m.texts.Rules == nil {
		return []byte(firstRules)
	}
	return m.texts.Rules
}

// keepOut denies the new servers to all agents that had rules before and would
// gain them.
func (m *merger) keepOut() error {
	if len(m.added) == 0 {
		return nil
	}
	if m.texts.Rules == nil {
		m.texts.Rules = []byte(firstRules) // A gateway needs both files.
	}
	rules, problems := rulesfile.ParseRules(m.paths.Rules, m.texts.Rules)
	if err := problemOf(problems); err != nil {
		return err
	}
	now := policy.Compile(rules)
	for _, agent := range m.rules.Agents {
		if m.leftover[agent.ID] {
			continue
		}
		w := ruleWriter{merger: m, agent: agent.ID}
		for _, name := range m.added {
			g := m.given[agent.ID][name]
			if g != nil && !g.kept && !g.off || !now.Decide(agent.ID, name, "").Allow {
				continue
			}
			w.add([]string{"deny", "servers"}, name)
			m.plan.Notes = append(m.plan.Notes, clients.Note{
				Client: clients.EntryName, File: m.paths.Rules, Line: agent.Pos.Line, Server: name, Kind: clients.Restriction,
				Text: "a rule of the agent " + agent.ID + " would have allowed it: it is denied, as an import gives nobody else anything",
			})
		}
		if w.err != nil {
			return w.err
		}
	}
	return nil
}
