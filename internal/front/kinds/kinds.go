// Package kinds are what servers have and rules speak of: tools, resources,
// templates of resources and prompts, as the router takes them. Each surface has its
// own, as each lists them in its own way.
package kinds

import (
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/policy"
)

// NotFound is the code of a failure for what a server does not list, of whatever
// kind but tools.
const NotFound = "NOT_FOUND"

// Tools are the tools of servers. listedBy is how an agent sees which there are.
func Tools(listedBy string) front.Kind {
	return front.Kind{
		Noun: "tool", Plural: "tools", Ran: "the tool has run", NotFound: "TOOL_NOT_FOUND",
		Decide:        endpoint.DecideTool,
		AllowedByName: (*policy.Policy).AllowedByName, ListedBy: listedBy,
		Names: (*endpoint.Catalog).Names,
		Has: func(c *endpoint.Catalog, name string) bool {
			_, ok := c.Lookup(name)
			return ok
		},
	}
}

// Resources are those of servers, by their URIs. Servers have more than they list:
// whether there is one the server says.
func Resources(listedBy string) front.Kind {
	k := unlisted(endpoint.Resources, listedBy)
	k.Noun, k.Plural, k.Ran = "resource", "resources", "it has been read"
	k.Decide, k.AllowedByName = whatever((*policy.Policy).DecideResource), byName(policy.Resources)
	return k
}

// Templates are the templates of resources, by their texts.
func Templates(listedBy string) front.Kind {
	k := unlisted(endpoint.Templates, listedBy)
	k.Noun, k.Plural, k.Ran = "resource template", "resource templates", "it has been read"
	k.Decide, k.AllowedByName = whatever((*policy.Policy).DecideTemplate), byName(policy.Resources)
	return k
}

// Prompts are those of servers. Whether there is one the server says.
func Prompts(listedBy string) front.Kind {
	k := unlisted(endpoint.Prompts, listedBy)
	k.Noun, k.Plural, k.Ran = "prompt", "prompts", "the prompt has been made"
	k.Decide, k.AllowedByName = whatever((*policy.Policy).DecidePrompt), byName(policy.Prompts)
	return k
}

// Methods are methods of servers that MCP does not have. No list names them.
func Methods() front.Kind {
	k := unlisted(endpoint.Resources, "")
	k.Noun, k.Plural, k.Ran = "method", "methods", "it has run"
	k.Decide = whatever((*policy.Policy).DecideMethod)
	k.AllowedByName = func(*policy.Policy, string, string) []string { return nil }
	return k
}

// unlisted are things that need not be in a server's list to be there.
func unlisted(list endpoint.List, listedBy string) front.Kind {
	return front.Kind{
		NotFound: NotFound, List: list, ListedBy: listedBy, Names: (*endpoint.Catalog).Names,
		Has: func(*endpoint.Catalog, string) bool { return true },
	}
}

// whatever asks the rules about what a server's list plays no part in.
func whatever(decide func(*policy.Policy, string, string, string) policy.Decision) func(*policy.Policy, string, string, string, *endpoint.Catalog) policy.Decision {
	return func(rules *policy.Policy, agent, server, name string, _ *endpoint.Catalog) policy.Decision {
		return decide(rules, agent, server, name)
	}
}

func byName(kind policy.Kind) func(*policy.Policy, string, string) []string {
	return func(rules *policy.Policy, agent, server string) []string { return rules.ByName(agent, server, kind) }
}

// OfRules is the kind by which rules speak of what is in a list.
func OfRules(list endpoint.List) policy.Kind {
	switch list {
	case endpoint.Resources, endpoint.Templates:
		return policy.Resources
	case endpoint.Prompts:
		return policy.Prompts
	case endpoint.Tools:
	}
	return policy.Tools
}

// MayLeave reports whether the rules may leave an agent something of what a server
// that says of itself info has of a kind: of what it lists, or, where that is not
// known or the server may have more, of what the rules name.
func MayLeave(a *front.Attempt, kind *front.Kind, server string, info endpoint.ServerInfo) bool {
	if !info.Has(kind.List) {
		return false
	}
	if len(a.Listed(kind, server)) > 0 {
		return true
	}
	if kind.List == endpoint.Tools || kind.List == endpoint.Prompts {
		r, ok := a.RouteTo(server)
		if ok && len(r.Cell.Shown(kind.List).Tools) > 0 {
			return false
		}
	}
	return a.Snapshot.Policy.MayAllow(a.Agent, server, OfRules(kind.List))
}
