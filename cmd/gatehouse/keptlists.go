package main

import (
	"maps"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/later"
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

// keepGather is for how long lists are gathered before they are written.
const keepGather = 500 * time.Millisecond

// keeping gathers the lists of servers that start together, and has them written.
type keeping struct {
	lists *lists.Store
	work  *later.Work

	mu   sync.Mutex
	news map[string]*endpoint.Catalog // by fingerprint
}

func newKeeping(s *lists.Store) *keeping {
	k := &keeping{lists: s, news: map[string]*endpoint.Catalog{}}
	k.work = later.New(keepGather, k.write)
	return k
}

// keep has a list written soon. It does not block.
func (k *keeping) keep(fingerprint string, c *endpoint.Catalog) {
	k.mu.Lock()
	k.news[fingerprint] = c
	k.mu.Unlock()
	k.work.Ask()
}

func (k *keeping) write() {
	k.mu.Lock()
	news := k.news
	k.news = map[string]*endpoint.Catalog{}
	k.mu.Unlock()
	k.lists.KeepAll(news, time.Now())
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
