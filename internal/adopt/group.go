package adopt

import (
	"slices"

	"gatehouse/internal/clients"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/serversfile"
)

// candidate is one of the servers that have a name.
type candidate struct {
	choice  Choice
	fields  map[string]string // what it is, with the values of variables that are known
	servers []*clients.Server
	own     bool // the owner's entry
}

// group decides what becomes of the servers of one name.
func (m *merger) group(all []*clients.Server, decided map[string]int) {
	var usable []*clients.Server
	for _, s := range all {
		if s.LeftOut != "" {
			m.row(s, LeftOut, "", "")
			continue
		}
		usable = append(usable, s)
	}
	if len(usable) == 0 {
		return
	}
	candidates := m.candidates(usable)
	chosen := 0
	if len(candidates) > 1 {
		n, ok := decided[usable[0].Name]
		if !ok || n >= len(candidates) {
			alike, others := undisputed(usable, candidates[0])
			m.clash(others, candidates)
			if len(alike) > 0 {
				m.give(alike, Same, shown(m.entryOf(nil, alike)))
			}
			return
		}
		if n == Nobody {
			for _, s := range usable {
				m.row(s, LeftOut, "", "")
				m.note(s, clients.Left, "you have decided for none of the servers of this name")
			}
			return
		}
		chosen = n
	}
	c := candidates[chosen]
	state := Same
	made := m.entryOf(c.pick(), usable)
	if !c.own {
		state = New
		if err := m.add(usable[0].Name, made); err != nil {
			m.note(usable[0], clients.Left, "it cannot be written: %s", err)
			return
		}
	}
	m.give(usable, state, shown(made))
}

// undisputed are the servers of the clients that have nothing but the owner's entry:
// whatever somebody decides about the others, these are there. A client that has
// another one besides waits, as its restrictions may be meant for either.
func undisputed(all []*clients.Server, own candidate) (alike, others []*clients.Server) {
	disputed := map[string]bool{}
	for _, s := range all {
		if !own.own || !slices.Contains(own.servers, s) {
			disputed[s.Client.ID] = true
		}
	}
	for _, s := range all {
		if disputed[s.Client.ID] {
			others = append(others, s)
		} else {
			alike = append(alike, s)
		}
	}
	return alike, others
}

// pick is the server whose words count.
func (c candidate) pick() *clients.Server {
	if len(c.servers) == 0 {
		return nil
	}
	return c.servers[0]
}

// candidates are the different servers of one name, the owner's own first.
func (m *merger) candidates(all []*clients.Server) []candidate {
	var list []candidate
	if own, ok := m.entries[all[0].Name]; ok {
		e := ownEntry(own)
		list = append(list, candidate{
			own: true, fields: m.fields(e),
			choice: Choice{From: clients.EntryName, File: own.Pos.File, Line: own.Pos.Line, What: shown(e)},
		})
	}
	for _, s := range all {
		fields := m.fields(plain(s))
		at := slices.IndexFunc(list, func(c candidate) bool { return len(differ(c.fields, fields)) == 0 })
		if at < 0 {
			at = len(list)
			list = append(list, candidate{fields: fields, choice: Choice{
				From: s.Client.ID, File: s.Pos.File, Line: s.Pos.Line, What: shown(m.draft(s)),
			}})
		}
		list[at].servers = append(list[at].servers, s)
	}
	return list
}

// differ are the fields in which two servers differ, sorted.
func differ(a, b map[string]string) []string {
	var names []string
	for name, value := range a {
		if other, ok := b[name]; !ok || other != value {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (m *merger) clash(all []*clients.Server, candidates []candidate) {
	c := Clash{Server: all[0].Name}
	for _, other := range candidates {
		c.Choices = append(c.Choices, other.choice)
		c.Fields = append(c.Fields, differ(candidates[0].fields, other.fields)...)
	}
	slices.Sort(c.Fields)
	c.Fields = slices.Compact(c.Fields)
	m.plan.Clashes = append(m.plan.Clashes, c)
	for _, s := range all {
		m.row(s, Conflict, "", shown(m.draft(s)))
	}
}

func (m *merger) row(s *clients.Server, state State, agent, what string) {
	m.plan.Rows = append(m.plan.Rows, Row{
		Server: s.Name, Client: s.Client.ID, File: s.Pos.File, Line: s.Pos.Line, State: state, Agent: agent, What: what, Off: s.Off,
		Written: s.Written,
	})
}

// entryOf makes the entry of a server, with variables in place of its secrets. It
// stays off if all who have it have switched it off.
func (m *merger) entryOf(s *clients.Server, all []*clients.Server) entry {
	if s == nil {
		return ownEntry(m.entries[all[0].Name])
	}
	e := m.secretsOut(s, &m.env)
	e.disabled = !slices.ContainsFunc(all, func(s *clients.Server) bool { return !s.Off })
	if e.description == "" {
		for _, other := range all {
			if other.Description != "" {
				e.description = other.Description
				break
			}
		}
	}
	return e
}

// draft is the entry of a server that is only shown.
func (m *merger) draft(s *clients.Server) entry {
	env := m.env.clone()
	return m.secretsOut(s, &env)
}

// add writes a new entry.
func (m *merger) add(name string, e entry) error {
	text := m.texts.Servers
	if text == nil {
		text = serversfile.PlainTemplate()
	}
	after, err := jsondoc.Set(text, []string{"mcpServers"}, name, e.json())
	if err != nil {
		return err
	}
	m.texts.Servers = after
	m.added = append(m.added, name)
	return nil
}
