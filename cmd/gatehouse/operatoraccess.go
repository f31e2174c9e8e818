package main

import (
	"strings"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/snapshot"
)

// The bounds of a part of the matrix.
const (
	maxAccessAgents  = 24
	maxAccessServers = 60
)

// Reloads implements admin.Gateway.
func (o *operator) Reloads() []admin.Report {
	list := []admin.Report{}
	for _, r := range o.memory.AllReloads() {
		list = append(list, remembered(r))
	}
	return list
}

// Access implements admin.Gateway.
func (o *operator) Access(q admin.AccessQuery) admin.Access {
	snap := o.app.store.Load()
	var a admin.Access
	a.Agents, a.MoreAgents = fitting(snap.Policy.Agents(), q.Agent, maxAccessAgents)
	a.Servers, a.MoreServers = fitting(snap.Names(), q.Server, maxAccessServers)
	for _, agent := range a.Agents {
		row := make([]admin.Reach, len(a.Servers))
		for i, server := range a.Servers {
			r, _ := snap.Route(server)
			row[i] = reachOf(snap, agent, r)
		}
		a.Cells = append(a.Cells, row)
	}
	return a
}

// fitting are the first names that hold a text, and how many there are besides.
func fitting(names []string, text string, limit int) (list []string, more int) {
	for _, name := range names {
		switch {
		case !strings.Contains(strings.ToLower(name), strings.ToLower(text)):
		case len(list) < limit:
			list = append(list, name)
		default:
			more++
		}
	}
	return list, more
}

// reachOf says what an agent may use of a server.
func reachOf(snap *snapshot.Snapshot, agent string, r *snapshot.Route) admin.Reach {
	catalog, server := r.Cell.Catalog(), r.Entry.Name
	reach := admin.Reach{Allow: snap.Policy.Decide(agent, server, "").Allow, Known: catalog.Known, Of: len(catalog.Tools)}
	if !reach.Allow {
		return reach
	}
	for _, t := range catalog.Tools {
		if endpoint.DecideTool(snap.Policy, agent, server, t.Name, catalog).Allow {
			reach.Tools++
		}
	}
	return reach
}
