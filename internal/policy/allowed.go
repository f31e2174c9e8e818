package policy

import (
	"maps"
	"slices"
)

// AllowedByName returns the tools of a server that the rules allow an agent by
// their very names, sorted. Whether the server has them plays no part; what
// patterns or a whole server allow is not among them. It allocates.
func (p *Policy) AllowedByName(agent, server string) []string {
	a := p.agents[agent]
	if a.shape == nil {
		return nil
	}
	var q query
	a.ask(&q, server, Wildcard) // Any name will do: only the server's groups are asked for.
	names := map[string]bool{}
	for _, g := range a.groups(ToolAllowedExact, &q) {
		for name := range g.exact {
			if p.Decide(agent, server, name).Allow {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}
