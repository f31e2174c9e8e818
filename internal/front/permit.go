package front

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/policy"
)

// permit asks the rules. What the agent hears depends on the rules, the agent and
// the names alone: whether such a server or target exists plays no part.
func (a *Attempt) permit(context.Context) error {
	c, t, rules := a.call, &a.call.Target, a.Snapshot.Policy
	d := a.decide(t)
	if c.Grant != nil && d.Step == policy.ResourceNotAllowed {
		if granted, ok := c.Grant(a); ok {
			d = granted
		}
	}
	c.Record.Step, c.Record.Rule = d.Step.String(), d.Path()
	if d.Allow {
		return nil
	}
	if rules.UsesAnnotations() {
		d = t.decide(rules, a.Agent, nil) // As if the server did not have it: that is a deny too.
	}
	return a.denied(d)
}

// permitAsUnlisted asks the rules about a target of which no more is known than an
// earlier gateway did: what a server said of it then permits nothing.
func (a *Attempt) permitAsUnlisted() error {
	c, t := a.call, &a.call.Target
	d := t.decide(a.Snapshot.Policy, a.Agent, nil)
	if d.Allow {
		return nil
	}
	c.Record.Step, c.Record.Rule, c.Record.Annotations = d.Step.String(), d.Path(), ""
	return a.denied(d)
}

// denied says what the agent may use instead of what a decision denies.
func (a *Attempt) denied(heard policy.Decision) error {
	t, rules := &a.call.Target, a.Snapshot.Policy
	fail := &Failure{Code: CodeDenied, Rule: heard.Path(), Server: Shown(t.Server), kind: t.Kind, name: Shown(t.Name)}
	if rules.Decide(a.Agent, t.Server, "").Allow {
		var advice string
		fail.Available, advice = a.instead(t)
		fail.Message = fmt.Sprintf("No %s %q on %q that you may use. %s", t.Kind.Noun, Shown(t.Name), Shown(t.Server), advice)
		return fail
	}
	fail.Available = nearest(t.Server, a.permittedServers())
	fail.Message = fmt.Sprintf("No server %q that you may use. %s", Shown(t.Server), choose(fail.Available))
	return fail
}

// deniedThere tells what the gateway that runs the server has denied by its own rules,
// though those here allow it. The audit record has its reasons.
func (a *Attempt) deniedThere(d *endpoint.Denied) *Failure {
	t := &a.call.Target
	a.call.Record.Step, a.call.Record.Rule = d.Step, d.Rule
	return &Failure{
		Code: CodeDenied, Rule: d.Rule,
		Message: fmt.Sprintf("No %s %q on %q that you may use: the gateway that runs it does not allow it; not run. Don't try again: tell the user.",
			t.Kind.Noun, Shown(t.Name), Shown(t.Server)),
	}
}

// decide asks the rules about a target by what its server has listed, where they
// look at that, and notes what the server says of a tool.
func (a *Attempt) decide(t *Target) policy.Decision {
	rules := a.Snapshot.Policy
	if !rules.UsesAnnotations() {
		return t.decide(rules, a.Agent, nil)
	}
	var list *endpoint.Catalog
	if r, ok := a.RouteTo(t.Server); ok {
		list = r.Cell.Shown(endpoint.Tools)
	}
	if a.call.Record.Tool != "" {
		a.call.Record.Annotations = list.Annotations(t.Name).String()
	}
	return t.decide(rules, a.Agent, list)
}

// route finds the server of an allowed name, and the limits that it sets.
func (a *Attempt) route(context.Context) error {
	name := a.call.Target.Server
	r, ok := a.RouteTo(name)
	if !ok {
		fail := &Failure{Code: CodeServerNotFound, Server: Shown(name), Available: nearest(name, a.permittedServers())}
		fail.Message = fmt.Sprintf("There is no server %q. %s", Shown(name), choose(fail.Available))
		return fail
	}
	a.Route = r
	a.call.limits.set(a.call, r.Entry.Settings)
	return nil
}

// What is remembered of a generation, by whose rules. How long it takes to answer
// must not tell an agent how much there is that it may not use.
type (
	serversView struct {
		rules *policy.Policy
		agent string
	}
	permittedView struct {
		serversView
		kind   *Kind
		server string
	}
)

// Servers visits the servers that the agent may use, sorted by name.
func (a *Attempt) Servers() iter.Seq[string] {
	rules, agent := a.Snapshot.Policy, a.Agent
	names, _ := a.Snapshot.Remember(serversView{rules, agent}, nil, func() any {
		var names []string
		for _, name := range a.Snapshot.Names() {
			if rules.Decide(agent, name, "").Allow {
				names = append(names, name)
			}
		}
		return names
	}).([]string)
	return slices.Values(names)
}

// Allows reports whether the rules let the agent use something of a server.
func (a *Attempt) Allows(kind *Kind, server, name string) bool {
	return a.Decision(kind, server, name).Allow
}

// Decision is what the rules say of something of a server.
func (a *Attempt) Decision(kind *Kind, server, name string) policy.Decision {
	return a.decide(&Target{Kind: kind, Server: server, Name: name})
}

// Listed names what of a kind a server is known to list and the agent may use.
func (a *Attempt) Listed(kind *Kind, server string) []string {
	r, ok := a.RouteTo(server)
	if !ok {
		return nil
	}
	return a.Permitted(kind, server, r.Cell.Shown(kind.List))
}

// Permitted names what of a kind the agent may use of a server, in the
// server's own order. The caller must not change it.
func (a *Attempt) Permitted(kind *Kind, server string, catalog *endpoint.Catalog) []string {
	rules, agent := a.Snapshot.Policy, a.Agent
	key := permittedView{serversView{rules, agent}, kind, server}
	names, _ := a.Snapshot.Remember(key, catalog.Replaced(), func() any {
		listed := kind.Names(catalog)
		names := make([]string, 0, len(listed))
		for _, name := range listed {
			if kind.Decide(rules, agent, server, name, catalog).Allow {
				names = append(names, name)
			}
		}
		return names
	}).([]string)
	return names
}
