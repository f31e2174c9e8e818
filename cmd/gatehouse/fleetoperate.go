package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
)

// operateAll does what an operator asks for at all gateways of the fleet, and returns
// once this one follows. It blocks until then, or until ctx ends.
func (a *app) operateAll(ctx context.Context, action admin.Action, server string, hold admin.Hold) (admin.Operated, error) {
	note, err := a.mayOperateAll(action, server, hold)
	if err != nil {
		return admin.Operated{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	generation, err := a.fleet.wish(ctx, action, server, hold)
	if err != nil {
		return admin.Operated{}, unwished(ctx, err)
	}
	done := admin.Operated{Server: server, Action: action, Generation: generation, Note: note}
	if !a.fleet.await(ctx, generation) {
		return done, &admin.Error{
			Status:  http.StatusGatewayTimeout,
			Message: fmt.Sprintf("the fleet has agreed on generation %d, and this gateway does not follow yet: look at \"gatehouse status\"", generation),
		}
	}
	if action == admin.Release && done.Note == "" {
		done.Note = a.staysOut(server)
	}
	return done, nil
}

// mayOperateAll returns why nothing comes of what an operator asks for, or else what there is
// to know of it before. A hold outlives its server in the files, and can be released.
func (a *app) mayOperateAll(action admin.Action, server string, hold admin.Hold) (note string, err error) {
	snap, v := a.store.Load(), a.fleet.standing.View()
	route, ok := snap.Route(server)
	released := action == admin.Release && hold.From == ""
	switch {
	case !ok && released && v.Holds[server].Held:
		return "", nil
	case !ok:
		return "", &admin.Error{Status: http.StatusNotFound, Message: noServer(server, snap.Names())}
	}
	if err := mayOperate(action, server, route.Cell.Identity()); err != nil {
		return "", conflict(err)
	}
	if hold.From != "" {
		if err := mayDespite(v, server, hold.From); err != nil {
			return "", conflict(err)
		}
	}
	if released {
		note = goesOn(server, route.Cell.Status().State)
	}
	return note, nil
}

// staysOut says why a server does not start that was released; it is empty if it does.
func (a *app) staysOut(server string) string {
	route, ok := a.store.Load().Route(server)
	if !ok {
		return endpoint.ReleasedGone(server)
	}
	return route.Cell.Identity().Released(server)
}

// mayOperate returns nil unless a wish of an operator changes nothing about a server: it must
// not run, and only a release ends a hold.
func mayOperate(action admin.Action, server string, is endpoint.Identity) error {
	switch {
	case action == admin.HoldServer || is.Unusable == "" || is.Unusable == endpoint.Held && action == admin.Release:
		return nil
	case is.Unusable == endpoint.Held:
		return fmt.Errorf("%q is %s: release it first", server, is.Reason)
	}
	return fmt.Errorf("%q is %s at this gateway (%s): fix that first", server, is.Unusable, is.Reason)
}

// goesOn says that a release leaves a server alone; it is empty for one that was held or has
// failed. Whether callers are blocked is known where the server runs.
func goesOn(server string, state endpoint.State) string {
	if !slices.Contains([]endpoint.State{endpoint.Ready, endpoint.Starting, endpoint.Idle}, state) {
		return ""
	}
	return fmt.Sprintf("%q is %s, and goes on; if it refused calls of some callers, it does not any more", server, state)
}

// unwished is the error for a wish that a store has not said to have. One without an answer
// within ctx may have it all the same.
func unwished(ctx context.Context, err error) *admin.Error {
	if ctx.Err() != nil {
		return &admin.Error{
			Status:  http.StatusGatewayTimeout,
			Message: "the fleet's store has not answered, so this may be in force all the same: look at \"gatehouse status\" once it answers: " + err.Error(),
		}
	}
	return &admin.Error{Status: http.StatusServiceUnavailable, Message: "the fleet's store does not take it: " + err.Error()}
}

// wish puts what an operator wants into the store.
func (f *fleetSide) wish(ctx context.Context, action admin.Action, server string, hold admin.Hold) (uint64, error) {
	if action == admin.Restart {
		return f.store.Restart(ctx, server)
	}
	return f.store.PutHold(ctx, server, holdOf(action, hold, f.node.ID, time.Now().UTC()))
}

// holdOf is the wish for a hold, or a release, of a node at a moment. Each is another wish
// than the one before: a server may have to be released once more.
func holdOf(action admin.Action, hold admin.Hold, node string, now time.Time) fleet.Hold {
	h := fleet.Hold{Held: action == admin.HoldServer, Why: hold.Why, By: node, Despite: hold.From, Asked: now}
	if h.Held && hold.ForMS > 0 {
		h.Until = now.Add(time.Duration(hold.ForMS) * time.Millisecond)
	}
	return h
}

// await blocks until this gateway decides by a generation of the fleet, or a later one.
// It returns false if ctx ends before.
func (f *fleetSide) await(ctx context.Context, generation uint64) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for f.standing.Generation() < generation {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// mayDespite returns nil if a server waits for that gateway. Else a wish about it would be
// one for a wait of the future, about which nobody knows anything yet.
func mayDespite(v fleet.View, server, node string) error {
	for _, n := range v.Nodes {
		for _, w := range fleet.WaitsIn(n.Waits) {
			if cmp.Or(w.Of, w.Server) == server && w.For(node) {
				return nil
			}
		}
	}
	return fmt.Errorf("%q does not wait for anything at %s: \"gatehouse fleet\" shows what waits for whom", server, node)
}
