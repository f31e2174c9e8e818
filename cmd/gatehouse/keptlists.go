package main

import (
	"maps"
	"slices"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/lists"
	"gatehouse/messages"
)

// keptLists are the lists of tools that gateways of this user have read; nil where
// there is no place to keep them.
func (a *app) keptLists() *lists.Store {
	dir := stateFolder()
	if dir == "" {
		return nil
	}
	return lists.Open(dir, func(err error) { a.event(messages.KeptListsFailed{Reason: err.Error()}) })
}

// recallLists makes the tools known that servers had under an earlier gateway, of
// those that have not listed any under this one. It reads files.
func (a *app) recallLists() {
	snap := a.store.Load()
	unknown := map[string][]*endpoint.Cell{} // by fingerprint
	for _, name := range snap.Names() {
		if r, _ := snap.Route(name); !r.Cell.Catalog().Known {
			spec := r.Cell.Identity().Spec
			unknown[spec] = append(unknown[spec], r.Cell)
		}
	}
	for spec, catalog := range a.lists.Recall(slices.Sorted(maps.Keys(unknown)), time.Now()) {
		for _, cell := range unknown[spec] {
			cell.Recall(catalog)
		}
	}
	a.store.Touch()
}

// recallForNew looks for the lists of servers that a later generation has brought.
func (a *app) recallForNew(e any) {
	if r, ok := e.(messages.ConfigReloaded); ok && r.Outcome == messages.Applied && r.Generation > 1 {
		a.reapers.Go(a.recallLists)
	}
}
