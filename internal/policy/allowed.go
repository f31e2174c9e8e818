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

// GivesWhole reports whether the rules give an agent a server whole: no rule speaks of
// its tools, resources or prompts.
func (p *Policy) GivesWhole(agent, server string) bool {
	a := p.agents[agent]
	if a.shape == nil || !p.Decide(agent, server, "").Allow {
		return false
	}
	q := query{Question: Question{Server: server}}
	a.ask(&q)
	for _, kind := range Listed {
		q.Kind = kind
		if a.allows(&q, kind).covers(server) || a.denies(&q).covers(server) {
			return false
		}
	}
	return true
}

// DecideMethod answers whether an agent may use a method of a server's that MCP does
// not have: if it has been given the server whole.
func (p *Policy) DecideMethod(agent, server, _ string) Decision {
	d := p.Decide(agent, server, "")
	if d.Allow && !p.GivesWhole(agent, server) {
		return Decision{Step: ToolNotAllowed, Hash: p.hash}
	}
	return d
}
