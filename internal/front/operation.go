package front

import (
	"gatehouse/internal/endpoint"
	"gatehouse/internal/policy"
)

// Kind is a kind of thing that servers have and that rules speak of, such as
// tools. The functions must be safe for concurrent use.
type Kind struct {
	// Noun and Plural name it in messages: "tool", "tools". Noun is also the
	// member of a failure that holds the name.
	Noun, Plural string
	// List is the list in which servers have them.
	List endpoint.List
	// Ran says that one was used: "the tool has run".
	Ran string
	// NotFound is the code of a failure for one that a server does not list.
	NotFound string
	// Decide asks the rules about one of a server, whose list may be nil: it is not
	// known then. The answer depends on the arguments alone, and what is allowed
	// without a list is allowed with any.
	Decide func(rules *policy.Policy, agent, server, name string, list *endpoint.Catalog) policy.Decision
	// AllowedByName are those of a server that the rules name, sorted.
	AllowedByName func(rules *policy.Policy, agent, server string) []string
	// ListedBy is how an agent sees which there are: "get_server_tools".
	ListedBy string
	// Names are those that a server lists, in the server's own order. They are
	// not changed.
	Names func(*endpoint.Catalog) []string
	// Has reports whether a server lists one.
	Has func(catalog *endpoint.Catalog, name string) bool
}

// Target is what a call is about: something of a server, or, where Name is
// empty, the server itself. The names are as the agent wrote them.
type Target struct {
	Kind   *Kind
	Server string
	Name   string
}

// decide asks the rules about the target. list is what its server has listed, nil if
// that is not known.
func (t *Target) decide(rules *policy.Policy, agent string, list *endpoint.Catalog) policy.Decision {
	if t.Name == "" {
		return rules.Decide(agent, t.Server, "")
	}
	return t.Kind.Decide(rules, agent, t.Server, t.Name, list)
}

// Operation is what is done to a call's target.
type Operation interface {
	// Request is what the server is sent. The router adds the deadline, the
	// limit of the result, progress, and who calls.
	Request(server endpoint.ServerInfo) endpoint.Request
	// Answer takes the server's answer. An error, a *Failure, is what the
	// agent is told instead.
	Answer(a *Attempt, resp endpoint.Response) error
}
