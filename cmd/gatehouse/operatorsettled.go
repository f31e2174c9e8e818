package main

import (
	"context"
	"net/http"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
)

// verdictSlack is how much longer than its startup timeout a server is waited
// for, so that what became of a start that used all of it is known: a process that
// heeds neither the end of its input nor TERM takes more than a second to end.
const verdictSlack = 5 * time.Second

// Settled implements admin.Gateway. A reload meanwhile may give the server
// another cell, or take it away.
func (o *operator) Settled(ctx context.Context, name string) (admin.ServerStatus, error) {
	var patience <-chan time.Time
	late := false // The startup timeout is over: the first verdict will do.
	for {
		snap := o.app.store.Load()
		r, ok := snap.Route(name)
		if !ok {
			return admin.ServerStatus{}, &admin.Error{Status: http.StatusNotFound, Message: noServer(name, snap.Names())}
		}
		if patience == nil {
			patience = time.After(r.Entry.Settings.StartupTimeout)
		}
		st := r.Cell.Status()
		if !underWay(st.State) || late && st.State == endpoint.BackingOff {
			return o.serverStatus(r, time.Now()), nil
		}
		select {
		case <-st.Replaced():
		case <-patience:
			if late {
				return o.serverStatus(r, time.Now()), nil
			}
			late, patience = true, time.After(verdictSlack)
		case <-ctx.Done():
			return admin.ServerStatus{}, context.Cause(ctx)
		}
	}
}

// underWay reports whether a server is about to be in another state by itself.
// One that backs off will be tried again: its predecessor may still have had
// what it needs.
func underWay(state endpoint.State) bool {
	switch state {
	case endpoint.Starting, endpoint.BackingOff, endpoint.Draining, endpoint.Stopped:
		return true
	case endpoint.Ready, endpoint.Idle, endpoint.Quarantined, endpoint.NeedsAuth, endpoint.Misconfigured, endpoint.Disabled, endpoint.Held:
	}
	return false
}
