package main

import (
	"slices"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/ops/metrics"
	"gatehouse/messages"
)

// kept are outcomes of calls that the rules allow and that were kept from their
// server all the same.
var kept = []string{
	front.CodeServerNotFound, front.CodeServerUnavailable, front.CodeOverloaded, front.CodeRulesUnreadable, front.CodeConfigStale, front.CodeBlocked, front.CodeRateLimited,
}

// counted is a record as the metrics count it.
func counted(r audit.Record) metrics.Call {
	return metrics.Call{
		Server: r.Server, Tool: r.Tool, Agent: r.AgentID, Outcome: r.Outcome,
		Refused: r.Decision != audit.Allow || slices.Contains(kept, r.Outcome),
		Took:    time.Duration(r.LatencyMS * float64(time.Millisecond)), Sent: r.Sent, Got: r.Got,
	}
}

// names reports which names the files and the servers' lists have.
func (a *app) names(agent, server, tool string) (agentIs, serverIs, toolIs bool) {
	snap := a.store.Load()
	agentIs = snap.Policy.HasAgent(agent)
	route, serverIs := snap.Route(server)
	if serverIs {
		toolIs = slices.ContainsFunc(route.Cell.Catalog().Tools, func(t endpoint.Tool) bool { return t.Name == tool })
	}
	return agentIs, serverIs, toolIs
}

// countEvent counts what happens to servers and files.
func (a *app) countEvent(e any) {
	server := func(name string) string { // Instances come and go: they count as their server.
		if r, ok := routeOf(a.store.Load(), name); ok {
			return r.Entry.Name
		}
		return name
	}
	switch e := e.(type) {
	case messages.ServerStarting:
		a.counted.Started(server(e.Server))
	case messages.ServerCrashed:
		a.counted.Crashed(server(e.Exit.Server))
	case messages.ServerQuarantined:
		a.counted.Quarantined(server(e.Server))
	case messages.ConfigReloaded:
		if e.Role != messages.RoleOperator {
			a.counted.Reloaded(e.File, string(e.Outcome))
		}
	}
}
