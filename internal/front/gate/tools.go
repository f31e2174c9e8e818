package gate

import (
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/policy"
)

// tools are the kind of thing that the gate reaches.
var tools = front.Kind{
	Noun: "tool", Plural: "tools", Ran: "the tool has run", NotFound: "TOOL_NOT_FOUND",
	Decide:        endpoint.DecideTool,
	AllowedByName: (*policy.Policy).AllowedByName, ListedBy: getServerTools,
	Names: (*endpoint.Catalog).Names,
	Has: func(c *endpoint.Catalog, name string) bool {
		_, ok := c.Lookup(name)
		return ok
	},
}
