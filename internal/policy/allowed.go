package policy

import (
	"maps"
	"slices"
)

// AllowedByName returns the tools of a server that the rules allow an agent by
// their very names, whatever their annotations, sorted. Whether the server has them
// plays no part; what patterns or a whole server allow is not among them. It
// allocates.
func (p *Policy) AllowedByName(agent, server string) []string {
	return p.ByName(agent, server, Tools)
}

// ByName returns what of a kind the rules allow an agent by its very name, or its
// URI, as AllowedByName does for tools.
func (p *Policy) ByName(agent, server string, kind Kind) []string {
	a := p.agents[agent]
	if a.shape == nil || kind >= kinds {
		return nil
	}
	q := query{Question: Question{Server: server}}
	a.ask(&q)
	names := map[string]bool{}
	for _, g := range a.allows(&q, kind).groups(server) {
		for name := range g.exact {
			if p.Ask(agent, Question{Server: server, Kind: kind, Name: name}).Allow {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// MayAllow reports whether there may be something of a kind of a server that the
// rules allow an agent, whatever the server has. Of denies it knows only those of
// everything.
func (p *Policy) MayAllow(agent, server string, kind Kind) bool {
	a := p.agents[agent]
	if a.shape == nil || kind >= kinds || !p.Decide(agent, server, "").Allow {
		return false
	}
	q := query{Question: Question{Server: server}}
	a.ask(&q)
	q.Kind = kind
	for _, g := range a.denies(&q).groups(server) {
		for i := range g.patterns {
			if g.patterns[i].literals == 0 {
				return false
			}
		}
	}
	for _, g := range a.allows(&q, kind).groups(server) {
		if len(g.exact) > 0 || len(g.patterns) > 0 || len(g.annotations) > 0 {
			return true
		}
	}
	says, _ := a.check(ImplicitGrant, &q)
	return says == allow
}
