package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/suggest"
)

// Tools implements admin.Gateway.
func (o *operator) Tools(server, agent string) (admin.Tools, error) {
	snap := o.app.store.Load()
	names := snap.Names()
	if server != "" {
		if _, ok := snap.Route(server); !ok {
			return admin.Tools{}, &admin.Error{Status: http.StatusNotFound, Message: noServer(server, names)}
		}
		names = []string{server}
	}
	out := admin.Tools{Agent: agent, Servers: []admin.ServerTools{}}
	if agent != "" {
		id, err := snap.Policy.ResolveAgent(agent, true, o.app.opts.agents, o.app.opts.defaultAgent)
		if err != nil {
			return out, &admin.Error{Status: http.StatusBadRequest, Message: err.Message}
		}
		agent = id
	}
	for _, name := range names {
		r, _ := snap.Route(name)
		if agent != "" && !snap.Policy.Decide(agent, name, "").Allow {
			if server == "" {
				continue
			}
			return out, &admin.Error{Status: http.StatusForbidden, Message: fmt.Sprintf("the rules give agent %q nothing on %q", agent, name)}
		}
		item := serverTools(snap, agent, r)
		out.Servers = append(out.Servers, item)
		out.Tokens += item.Tokens
	}
	return out, nil
}

// serverTools lists the tools of one server that the agent may use, or all
// without one.
func serverTools(snap *snapshot.Snapshot, agent string, r *snapshot.Route) admin.ServerTools {
	catalog := r.Cell.Catalog()
	item := admin.ServerTools{Server: r.Entry.Name, State: string(r.Cell.Status().State), Known: catalog.Known, Tools: []admin.Tool{}, Problem: r.Redact.String(catalog.Trouble())}
	for _, t := range catalog.Tools {
		if agent != "" && !endpoint.DecideTool(snap.Policy, agent, r.Entry.Name, t.Name, catalog).Allow {
			continue
		}
		cost := (len(t.Raw) + 3) / 4 // As get_server_tools counts them.
		item.Tools = append(item.Tools, admin.Tool{Name: t.Name, Tokens: cost, Annotations: catalog.Annotations(t.Name).String()})
		item.Tokens += cost
	}
	return item
}

func noServer(name string, names []string) string {
	if len(names) == 0 {
		return fmt.Sprintf("there is no server %q, nor any other", name)
	}
	near := suggest.ByDistance(name, names)
	near = near[:min(len(near), 20)]
	for i, n := range near {
		near[i] = strconv.Quote(n)
	}
	return fmt.Sprintf("there is no server %q: there are %s", name, strings.Join(near, ", "))
}
