package surface

import (
	"encoding/json"

	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
)

// Definition implements what agents asks of surfaces whose tools take parameters in
// headers.
func (o *One) Definition(c agents.Caller, tool string) json.RawMessage {
	a, ok := o.gateway.Router.Seen(c)
	if !ok {
		return nil
	}
	return definition(a, o.server, tool)
}

// Definition implements what agents asks of surfaces whose tools take parameters in
// headers.
func (s *All) Definition(c agents.Caller, joined string) json.RawMessage {
	v := visit{Gateway: s.gateway, caller: c}
	a, known := v.Router.Seen(c)
	server, tool, ok := v.find(&tools, joined)
	if !known || !ok {
		return nil
	}
	return definition(a, server, tool)
}

// definition is that of a tool that the agent may use, and that its server lists.
func definition(a *front.Attempt, server, tool string) json.RawMessage {
	r, ok := a.RouteTo(server)
	if !ok {
		return nil
	}
	item, listed := r.Cell.Catalog().Lookup(tool)
	if !listed || !a.Allows(&tools, server, tool) {
		return nil
	}
	return item.Raw
}
