package surface

import "gatehouse/internal/mcpedge/agents"

// nothing is the mark of a list of a surface that the agent may not use any more.
const nothing = 2

// Changed implements agents.Surface.
func (o *One) Changed() <-chan struct{} { return o.gateway.Router.Changed() }

// Marks implements agents.Surface.
func (o *One) Marks(c agents.Caller) agents.Marks {
	a, ok := o.gateway.Router.Seen(c)
	if !ok || !a.Offers(o.server) {
		return agents.Marks{agents.ToolsList: nothing, agents.ResourcesList: nothing, agents.TemplatesList: nothing, agents.PromptsList: nothing}
	}
	return agents.Marks{
		agents.ToolsList:     a.Mark(&tools, o.server),
		agents.ResourcesList: a.Mark(&resources, o.server),
		agents.TemplatesList: a.Mark(&templates, o.server),
		agents.PromptsList:   a.Mark(&prompts, o.server),
	}
}
