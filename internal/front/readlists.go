package front

import (
	"context"
	"time"

	"gatehouse/internal/endpoint"
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

// ReadLists has the lists of a kind read of all servers that an agent may use, are
// ready and have one that is not known, or of whose changes nobody hears and that
// is not fresh. It blocks until they are there, at most listsWait. A server that
// has let somebody wait for that long is not waited for again.
func (r *Router) ReadLists(ctx context.Context, a *Attempt, kind *Kind) {
	if kind.List == endpoint.Tools {
		return // Those of a server that is ready are known.
	}
	var awaited []<-chan struct{}
	for server := range a.Servers() {
		route, ok := a.Snapshot.Route(server)
		if !ok {
			continue
		}
		st, catalog := route.Cell.Status(), route.Cell.Listed(kind.List)
		switch {
		case st.State != endpoint.Ready || !st.Session.Info().Has(kind.List):
		case catalog.Known && (catalog.Info.Announces(kind.List) || time.Since(catalog.At) < freshFor):
		case catalog.Err != "" && time.Since(catalog.At) < relistWait:
		default:
			if first := a.firstAsked(kind, server, catalog); time.Since(first) < listsWait {
				r.cfg.Refresh(server, route.Cell, kind.List)
				awaited = append(awaited, catalog.Replaced())
			}
		}
	}
	limit := time.NewTimer(listsWait)
	defer limit.Stop()
	for _, there := range awaited {
		select {
		case <-there:
		case <-limit.C:
			return
		case <-r.stopping:
			return
		case <-ctx.Done():
			return
		}
	}
}
