package policy

import "slices"

// Affected names the agents, sorted, that may use a tool since its annotations
// changed, and those that no longer may. It asks once for each agent of the rules.
func (p *Policy) Affected(server, tool string, before, after Annotations) (gained, lost []string) {
	if !p.usesAnnotations || before == after {
		return nil, nil
	}
	for id := range p.agents {
		was, is := p.DecideTool(id, server, tool, before).Allow, p.DecideTool(id, server, tool, after).Allow
		switch {
		case is && !was:
			gained = append(gained, id)
		case was && !is:
			lost = append(lost, id)
		}
	}
	slices.Sort(gained)
	slices.Sort(lost)
	return gained, lost
}

// ChangedTo returns those of the annotations after that were others before, as rules
// write them, separated by spaces.
func (a Annotations) ChangedTo(after Annotations) string {
	if (a^after)&Known != 0 || after&Known == 0 {
		return after.String()
	}
	return after.texts(a ^ after)
}
