package main_test

import (
	"testing"

	"gatehouse/testkit/fleet"
)

// Two gateways share one process; when its owner is killed, the other one runs it.
func TestFleet_ownerIsKilled_theOtherTakesOver(t *testing.T) {
	f := fleet.Start(t, fleet.Options{Nodes: 2, Servers: 1})
	server := fleet.Server(0)
	owner := f.AwaitOwner(server)
	other := f.Others(owner)[0]
	for _, n := range f.Nodes {
		if called := f.CallOnce(n, server, "first at "+n.ID); called.Code != "" {
			t.Errorf("a call at %s: got %+v, want an answer", n.ID, called)
		}
	}
	owner.Kill()
	if called := f.CallOnce(other, server, "after"); called.Code != "" {
		t.Errorf("a call after the owner's death: got %+v, want an answer", called)
	}
	if now := f.AwaitOwner(server); now != other {
		t.Errorf("its owner is %v, want %s", now, other.ID)
	}
}
