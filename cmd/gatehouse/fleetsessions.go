package main

import (
	"context"
	"net/http"

	"gatehouse/internal/fleetstore"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/mcpedge/peer"
)

// sessionKey is the key by which gateways of a fleet know each other's sessions.
func sessionKey(store *fleetstore.Store) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), openPatience)
	defer cancel()
	return store.SessionKey(ctx)
}

// sharing is what makes the agents' edge one of several; nil for a gateway that is not
// one of a fleet.
func (f *fleetSide) sharing() *agents.Fleet {
	if f == nil {
		return nil
	}
	return &agents.Fleet{Node: f.node.ID, Key: f.sessions, Pass: f.passOn}
}

// passOn has another gateway serve a request of a session that it has. It returns false
// if that gateway is gone: one that was started anew does not have it either. One that has
// lost its lease a moment ago still has its sessions, where it was.
func (f *fleetSide) passOn(w http.ResponseWriter, r *http.Request, node string) bool {
	there, known := f.standing.Whereabouts(node)
	if !known {
		return false
	}
	return f.client.Relay(w, r, peer.Place{Address: there.Address, Lives: func() bool {
		now, known := f.standing.Whereabouts(node)
		return known && now.Boot == there.Boot
	}})
}

// surfacesPassedOn serves the surfaces to what other gateways of the fleet pass on; nil
// for a gateway that is not one of a fleet.
func (a *app) surfacesPassedOn() http.Handler {
	if a.fleet == nil {
		return nil
	}
	mux := http.NewServeMux()
	a.routeSurfaces(mux, a.edge.PassedOnAt)
	return mux
}

// servePassedOn serves a request of an agent that another gateway passes on.
func (a *app) servePassedOn(w http.ResponseWriter, r *http.Request) { a.passedOn.ServeHTTP(w, r) }
