package main

import (
	"context"
	"fmt"
	"io"

	"gatehouse/internal/admin"
	"gatehouse/internal/suggest"
)

// NamedAgent implements admin.AgentNamer by the snapshot in force.
func (o *operator) NamedAgent(name string) admin.NamedAgent {
	rules := o.app.store.Load().Policy
	a := admin.NamedAgent{Name: name, Known: rules.HasAgent(name)}
	if a.Known {
		return a
	}
	if id, err := rules.ResolveAgent(name, true, o.app.opts.agents, o.app.opts.defaultAgent); err == nil && id != name {
		a.Uses = id
	}
	a.Near, _ = suggest.Nearest(name, rules.Agents())
	return a
}

// noteStranger tells whoever names an agent that the rules do not have that those of
// another one apply. An older gateway does not know, and what is asked next says what is
// wrong otherwise.
func noteStranger(ctx context.Context, stderr io.Writer, gw *admin.Client, agent string) {
	if agent == "" {
		return
	}
	a, err := gw.NamedAgent(ctx, agent)
	if err != nil || a.Known || a.Uses == "" {
		return
	}
	near := ""
	if a.Near != "" && a.Near != a.Uses {
		near = fmt.Sprintf(" (the nearest is %q)", a.Near)
	}
	fmt.Fprintln(stderr, line(fmt.Sprintf("the rules have no agent %q%s: those of the agent %q are used", agent, near, a.Uses)))
}
