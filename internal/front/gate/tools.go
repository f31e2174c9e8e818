package gate

import (
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/policy"
)

// tools are the kind of thing that the gate reaches.
var tools = front.Kind{
	Noun: "tool", Plural: "tools", Ran: "the tool has run", NotFound: "TOOL_NOT_FOUND",
	Decide: func(rules *policy.Policy, agent, server, name string) policy.Decision {
		return rules.Decide(agent, server, name)
	},
	Names: (*endpoint.Catalog).Names,
	Has: func(c *endpoint.Catalog, name string) bool {
		_, ok := c.Lookup(name)
		return ok
	},
}
