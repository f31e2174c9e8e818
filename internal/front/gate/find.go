package gate

import (
	"gatehouse/internal/find"
	"gatehouse/internal/snapshot"
)

// Finding is a tool that was found, and why.
type Finding struct {
	Server, Tool string
	Summary      string // its description's first sentence
	Why          []find.Reason
}

// Find searches as search_tools does for one agent, or, for "", through all
// tools. It does not block.
func (g *Gate) Find(snap *snapshot.Snapshot, agent, query, server string, limit int) (fits bool, hits []Finding) {
	view, lists := g.finder.view(snap, agent)
	result := view.Search(query, server, limit)
	for _, h := range result.Hits {
		hits = append(hits, Finding{h.Server, h.Tool, summary(lists[h.Server].Tools[h.At]), view.Why(query, h.Server, h.Tool)})
	}
	return result.Fits, hits
}
