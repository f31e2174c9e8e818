package surface

import (
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/policy"
)

// codeNotFound is the code of a failure for what a server does not list, of
// whatever kind but tools.
const codeNotFound = "NOT_FOUND"

// tools are the tools of servers.
var tools = front.Kind{
	Noun: "tool", Plural: "tools", Ran: "the tool has run", NotFound: "TOOL_NOT_FOUND",
	Decide:        endpoint.DecideTool,
	AllowedByName: (*policy.Policy).AllowedByName, ListedBy: "tools/list",
	Names: (*endpoint.Catalog).Names,
	Has: func(c *endpoint.Catalog, name string) bool {
		_, ok := c.Lookup(name)
		return ok
	},
}
