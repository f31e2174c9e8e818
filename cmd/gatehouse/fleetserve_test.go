package main

import (
	"errors"
	"testing"
	"time"

	"gatehouse/internal/mcpedge/peer"
	"gatehouse/internal/snapshot"
	"gatehouse/testkit"
)

// The fleet's actor says it, which must go on.
func TestFleet_secondReasonToEnd_blocksNobody(t *testing.T) {
	f := &fleetSide{failed: make(chan error, 1)}
	told := make(chan struct{})
	go func() {
		f.fail(errors.New("first"))
		f.fail(errors.New("second"))
		close(told)
	}()
	select {
	case <-told:
	case <-time.After(testkit.Patience):
		t.Fatal("the second reason blocks, want that nobody waits for a reader of it")
	}
	if err := <-f.failed; err.Error() != "first" {
		t.Errorf("got %v, want the first reason", err)
	}
}

// Whoever has a certificate of the fleet may name any agent: the rules here are asked too.
func TestFleet_ownerDecidesByItsOwnRules(t *testing.T) {
	db := testkit.ReadyBackend("db", testkit.Says(`{}`))
	stage := testkit.NewStage(t, `{"agents": {"ci": {"allow": {"servers": ["db"], "tools": {"db": ["query"]}}}}}`, db)
	a := app{store: &snapshot.Store{}}
	asked := peer.Asked{Agent: "ci", Method: "tools/call", Params: []byte(`{"name":"query"}`)}
	if a.decideForPeer("db", peer.Owned{Cell: db.Cell}, asked) == nil {
		t.Error("allowed before there is a configuration, want a denial")
	}
	a.store.Replace(stage.Snapshot())
	if d := a.decideForPeer("db", peer.Owned{Cell: db.Cell}, asked); d != nil {
		t.Errorf("query: got the denial %+v, want none", d)
	}
	if a.decideForPeer("gone", peer.Owned{Cell: db.Cell}, asked) == nil {
		t.Error("a server that the configuration does not have: allowed, want a denial")
	}
	asked.Params = []byte(`{"name":"drop"}`)
	if d := a.decideForPeer("db", peer.Owned{Cell: db.Cell}, asked); d == nil || d.Step == "" {
		t.Errorf("drop: got %+v, want a denial with its step", d)
	}
}
