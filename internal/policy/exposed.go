package policy

import "slices"

// Exposes reports whether the rules show an agent any tool beside the gateway's own.
func (p *Policy) Exposes(agent string) bool { return len(p.exposed[agent]) > 0 }

// Exposed reports whether the rules show an agent a tool beside the gateway's own.
// They must allow it as well: that is Decide's question.
func (p *Policy) Exposed(agent, server, tool string) bool {
	return slices.ContainsFunc(p.exposed[agent], func(key ServerRules) bool {
		return MatchPattern(key.Server.Pattern, server) &&
			slices.ContainsFunc(key.Rules, func(r Rule) bool { return MatchPattern(r.Pattern, tool) })
	})
}

// compileExposed keeps what agents are shown.
func (p *Policy) compileExposed(r Rules) {
	for _, a := range r.Agents {
		var list []ServerRules
		for _, key := range a.Expose {
			list = append(list, ServerRules{Server: key.Server, Rules: slices.Clone(key.Rules)})
		}
		if list == nil {
			continue
		}
		if p.exposed == nil {
			p.exposed = map[string][]ServerRules{}
		}
		p.exposed[a.ID] = list
	}
}
