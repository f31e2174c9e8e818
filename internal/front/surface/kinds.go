package surface

import (
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/policy"
)

// codeNotFound is the code of a failure for what a server does not list, of
// whatever kind but tools.
const codeNotFound = "NOT_FOUND"

// resources, templates and prompts are those of servers. Servers have more
// resources than they list, and may have more prompts: whether there is one the
// server says.
var (
	resources = front.Kind{
		Noun: "resource", Plural: "resources", Ran: "it has been read", NotFound: codeNotFound, List: endpoint.Resources,
		Decide: whatever((*policy.Policy).DecideResource), AllowedByName: byName(policy.Resources), ListedBy: "resources/list",
		Names: (*endpoint.Catalog).Names, Has: anything,
	}
	templates = front.Kind{
		Noun: "resource template", Plural: "resource templates", Ran: "it has been read", NotFound: codeNotFound, List: endpoint.Templates,
		Decide: whatever((*policy.Policy).DecideTemplate), AllowedByName: byName(policy.Resources), ListedBy: "resources/templates/list",
		Names: (*endpoint.Catalog).Names, Has: anything,
	}
	prompts = front.Kind{
		Noun: "prompt", Plural: "prompts", Ran: "the prompt has been made", NotFound: codeNotFound, List: endpoint.Prompts,
		Decide: whatever((*policy.Policy).DecidePrompt), AllowedByName: byName(policy.Prompts), ListedBy: "prompts/list",
		Names: (*endpoint.Catalog).Names, Has: anything,
	}
)

// whatever asks the rules about what a server's list plays no part in.
func whatever(decide func(*policy.Policy, string, string, string) policy.Decision) func(*policy.Policy, string, string, string, *endpoint.Catalog) policy.Decision {
	return func(rules *policy.Policy, agent, server, name string, _ *endpoint.Catalog) policy.Decision {
		return decide(rules, agent, server, name)
	}
}

func anything(*endpoint.Catalog, string) bool { return true }

func byName(kind policy.Kind) func(*policy.Policy, string, string) []string {
	return func(rules *policy.Policy, agent, server string) []string { return rules.ByName(agent, server, kind) }
}

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
