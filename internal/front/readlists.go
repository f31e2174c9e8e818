package front

import (
	"context"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/snapshot"
)

// listsWait is how long the lists of many servers are waited for.
const listsWait = 2 * time.Second

// askedView is when somebody first waited for the list that follows a catalog.
type askedView struct {
	list   endpoint.List
	server string
}

func (a *Attempt) firstAsked(kind *Kind, server string, catalog *endpoint.Catalog) time.Time {
	at, _ := a.Snapshot.Remember(askedView{kind.List, server}, catalog.Replaced(), func() any { return time.Now() }).(time.Time)
	return at
}

// awaitedList is a list that is on its way.
type awaitedList struct {
	cell    *endpoint.Cell
	catalog *endpoint.Catalog // that it replaces
}

// ReadLists has the lists of a kind read of all servers that an agent may use, are
// ready and have one that is not known, or of whose changes nobody hears and that
// is not fresh. Tools come by themselves from servers that are starting; one that
// sleeps and has never listed its own is started for that. It blocks until they are
// there, at most listsWait. A server that has let somebody wait for that long is not
// waited for again, nor is one that has failed.
func (r *Router) ReadLists(ctx context.Context, a *Attempt, kind *Kind) {
	var awaited []awaitedList
	for server := range a.Servers() {
		route, ok := r.readable(a, kind, server)
		if !ok {
			continue
		}
		st, catalog := route.Cell.Status(), route.Cell.Shown(kind.List)
		if !worthReading(st, catalog, kind.List) || time.Since(a.firstAsked(kind, server, catalog)) >= listsWait {
			continue
		}
		switch {
		case st.State == endpoint.Idle:
			r.cfg.Wake(server, route.Cell)
		case kind.List != endpoint.Tools:
			r.cfg.Refresh(server, route.Cell, kind.List)
		}
		awaited = append(awaited, awaitedList{route.Cell, catalog})
	}
	r.await(ctx, awaited)
}

// readable is the way to a server whose list may be read. Of one that has instances
// that is the agent's own, which is begun if no other has ever listed its tools.
func (r *Router) readable(a *Attempt, kind *Kind, server string) (*snapshot.Route, bool) {
	route, ok := a.RouteTo(server)
	if !ok || route.Cell.Instances() == nil {
		return route, ok
	}
	if kind.List != endpoint.Tools || route.Cell.Catalog().Known {
		return nil, false // What others have listed is shown until there is one.
	}
	own := *a
	err := own.obtain(route)
	return own.Route, err == nil
}

// worthReading reports whether a list that should be read can come soon.
func worthReading(st *endpoint.Status, catalog *endpoint.Catalog, list endpoint.List) bool {
	switch {
	case list == endpoint.Tools:
		return !catalog.Known && catalog.Err == "" && coming(st)
	case st.State != endpoint.Ready || !st.Session.Info().Has(list):
		return false
	case catalog.Known:
		return !catalog.Info.Announces(list) && time.Since(catalog.At) >= freshFor
	default:
		return catalog.Err == "" || time.Since(catalog.At) >= relistWait
	}
}

// coming reports whether a server is ready, or may soon be for the first time.
func coming(st *endpoint.Status) bool {
	return st.State == endpoint.Ready || st.Restarts == 0 && (st.State == endpoint.Starting || st.State == endpoint.Idle)
}

// await blocks until the lists are there or won't come, at most listsWait.
func (r *Router) await(ctx context.Context, awaited []awaitedList) {
	if len(awaited) == 0 {
		return
	}
	limit := time.NewTimer(listsWait)
	defer limit.Stop()
	for _, w := range awaited {
		for there := false; !there; {
			st := w.cell.Status()
			if !coming(st) {
				break
			}
			select {
			case <-w.catalog.Replaced():
				there = true
			case <-st.Replaced():
			case <-w.cell.ClosedC():
				there = true
			case <-limit.C:
				return
			case <-r.stopping:
				return
			case <-ctx.Done():
				return
			}
		}
	}
}
