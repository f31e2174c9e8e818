package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"gatehouse/actors/server"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/messages"
	"gatehouse/testkit"
)

func TestFleet_aClaimThatIsOver_startsNoProcess(t *testing.T) {
	holds, started := true, 0
	open := whileHeld(func(_ context.Context, _ messages.ServerPlan, _ uint64, hooks server.Hooks) (endpoint.Session, error) {
		if started++; !hooks.Leased {
			t.Error("got a process without a lease, want one that the guard ends")
		}
		return testkit.NewSession(0, testkit.Hangs), nil
	}, func() bool { return holds })
	session, err := open(t.Context(), messages.ServerPlan{}, 1, server.Hooks{})
	if err != nil {
		t.Fatalf("while it holds: %v", err)
	}
	session.Close(endpoint.ErrStopped)
	holds = false
	if _, err := open(t.Context(), messages.ServerPlan{}, 2, server.Hooks{}); !errors.Is(err, peer.ErrNotOurs) || started != 1 {
		t.Errorf("once it is over: got %v and %d processes started, want %v and the first alone", err, started, peer.ErrNotOurs)
	}
}

func TestFleet_whatRanForAgents_isForgotten(t *testing.T) {
	var r ownedRuns
	owned := map[string]bool{"idle": true}
	begin := func(key string) {
		r.begin(key, func() messages.ServerPlan { return messages.ServerPlan{} }, func(key string) bool { return owned[key] })
	}
	r.add("ending", 1)
	for _, key := range []string{"idle", "ending", "over", "next"} {
		begin(key)
	}
	for key, want := range map[string]bool{"idle": true, "ending": true, "over": false, "next": true} {
		if _, _, got := r.get(key); got != want {
			t.Errorf("%s is known: got %t, want %t", key, got, want)
		}
	}
}

// Another gateway that claims a server once an entry says so waits for the copies that each
// has had until then.
func TestFleet_aCopyOfItsOwn_isSaidToRunUntilItHasEnded(t *testing.T) {
	f, all, ends := &fleetSide{}, &sync.WaitGroup{}, make(chan struct{})
	plan := messages.ServerPlan{Cell: endpoint.NewCell("db", endpoint.Identity{}, endpoint.Status{})}
	plan.Entry.Name = "db"
	f.countOwn(all, plan).Go(func() { <-ends })
	once := false
	f.once = func(string) bool { return once }
	if !f.runs.running("db") || len(f.runsOnce()) != 0 {
		t.Errorf("it is said to run: %t, and as one that runs once: %q, want that it runs, as that of each gateway", f.runs.running("db"), f.runsOnce())
	}
	once = true
	if got := f.runsOnce(); !slices.Equal(got, []string{"db"}) {
		t.Errorf("got %q as what runs here of servers that run once, want db", got)
	}
	close(ends)
	all.Wait()
	if f.runs.running("db") || len(f.runsOnce()) != 0 {
		t.Error("it is said to run once it has ended, want that it does not")
	}
	if n := len(f.runs.byKey); n != 0 {
		t.Errorf("got %d keys that are remembered, want none: agents come and go", n)
	}
}
