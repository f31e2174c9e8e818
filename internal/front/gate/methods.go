package gate

import (
	"context"
	"encoding/json"
	"slices"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/kinds"
	"gatehouse/internal/front/relay"
)

// The methods of MCP that are tools here, of servers that have more than tools.
const (
	listResources = "resources/list"
	readResource  = "resources/read"
	listPrompts   = "prompts/list"
	getPrompt     = "prompts/get"
)

// method is one of them.
type method struct {
	endpoint.Tool

	kind *front.Kind
	run  func(*Gate, context.Context, *call) (relay.Result, error)
}

// methods are they all, in the order in which they are shown. They follow a server's
// own tools.
var methods = []method{
	{methodTool(listResources, "Lists this server's resources, and its templates for the URIs of more.", "",
		property{name: "pattern", Type: "string", Description: "Only URIs that match, such as file:///docs/*."}), &resources, (*Gate).listResources},
	{methodTool(readResource, "Reads a resource of this server, listed or not, such as one that a resource_link names.", "uri",
		property{name: "uri", Type: "string", Description: "Its URI."}), &resources, (*Gate).readResource},
	{methodTool(listPrompts, "Lists this server's prompts: texts that it prepares for a task.", "",
		property{name: "pattern", Type: "string", Description: "Only names that match."}), &prompts, (*Gate).listPrompts},
	{methodTool(getPrompt, "Returns the messages of a prompt of this server.", "name",
		property{name: "name", Type: "string", Description: "Its exact name."},
		property{name: "arguments", Type: "object", Description: "Its arguments, texts by their names."}), &prompts, (*Gate).getPrompt},
}

// methodTool is a method's definition, in the gateway's name.
func methodTool(name, description, required string, takes ...property) endpoint.Tool {
	d := definition{
		Name: name, Title: name, Description: description, InputSchema: schema{Type: "object", Properties: takes},
		Annotations: &annotations{ReadOnly: true}, Meta: map[string]any{endpoint.MetaOrigin: "gateway"},
	}
	if required != "" {
		d.InputSchema.Required = []string{required}
	}
	return endpoint.Tool{Name: name, Raw: relay.MustJSON(d)}
}

func methodNamed(name string) *method {
	i := slices.IndexFunc(methods, func(m method) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &methods[i]
}

// methodsOf are the definitions of the methods that the agent can use on a server
// whose list is known: of what it has, and the rules leave something of. A tool of the
// server that has such a name, and that the agent may use, stands in its place.
func methodsOf(a *front.Attempt) (list []endpoint.Tool) {
	for i := range methods {
		if m := &methods[i]; m.isOf(a, a.Catalog.Info) {
			list = append(list, m.Tool)
		}
	}
	return list
}

func (m *method) isOf(a *front.Attempt, info endpoint.ServerInfo) bool {
	server := a.Route.Entry.Name
	if _, listed := a.Catalog.Lookup(m.Name); listed && a.Allows(&tools, server, m.Name) {
		return false
	}
	return kinds.MayLeave(a, m.kind, server, info)
}

// isMethod reports whether a call of a tool of that name is one of the method. It
// waits for a server that has not said yet what it has.
func (g *Gate) isMethod(ctx context.Context, c *call, m *method) (bool, error) {
	c.Target.Name = "" // The server is asked for.
	defer func() { c.Target.Name = m.Name }()
	a, err := g.router.Introduce(ctx, &c.Call.Call)
	if err != nil {
		return false, err
	}
	return m.isOf(a, a.Server), nil
}

// runMethod runs a method. The audit log names that, and what it is about.
func (g *Gate) runMethod(ctx context.Context, c *call, m *method, err error) (relay.Result, error) {
	c.Record.Operation, c.Record.Tool = m.Name, ""
	if err != nil {
		return relay.Result{}, err
	}
	c.Target = front.Target{Kind: m.kind, Server: c.args.server}
	return m.run(g, ctx, c)
}

// listed are the definitions of a kind that the agent may use of the call's server,
// and whose names match a pattern, as many as there is room for.
func (g *Gate) listed(ctx context.Context, c *call, kind *front.Kind, room *listRoom) ([]json.RawMessage, error) {
	c.Target.Kind = kind
	a, err := g.router.Lists(ctx, &c.Call.Call)
	if err != nil {
		return nil, err
	}
	list := []json.RawMessage{}
	for _, name := range a.Permitted(kind, c.args.server, a.Catalog) {
		if item, _ := a.Catalog.Lookup(name); room.takes(item) {
			list = append(list, item.Raw)
		}
	}
	return list, nil
}
