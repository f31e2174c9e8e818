package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/internal/policy"
	"gatehouse/internal/snapshot"
	"gatehouse/testkit"
	fleetkit "gatehouse/testkit/fleet"
)

// An operator who reads that a release was not taken may take a server for safe that starts.
func TestFleet_aWishWithoutAnAnswer_isSaidToBePerhapsInForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := fleetkit.NewMemoryStore()
		c := store.Client()
		c.Mute()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.PutHold(ctx, "db", fleet.Hold{Despite: "n2"})
		if _, wished := store.View().Despite("db", 0)["n2"]; err == nil || !wished {
			t.Fatalf("got %v, and the wish in the store: %t; want no answer, and the wish there", err, wished)
		}
		if got := unwished(ctx, err).Error(); !strings.Contains(got, "may be in force") {
			t.Errorf("got %q, want it to say that it may be in force", got)
		}
	})
}

func TestFleet_aWishThatIsRefused_isSaidNotToBeTaken(t *testing.T) {
	if got := unwished(t.Context(), fleet.ErrTooLarge).Error(); !strings.Contains(got, "does not take it") {
		t.Errorf("got %q, want it to say that the store does not take it", got)
	}
}

// It was quarantined again since, so a release is wished for once more.
func TestFleet_theSameWishLater_isAnotherOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fleetkit.NewMemoryStore().Client()
		for _, action := range []admin.Action{admin.Release, admin.HoldServer} {
			var last uint64
			for range 2 {
				generation, err := c.PutHold(t.Context(), "db", holdOf(action, admin.Hold{}, "n1", time.Now().UTC()))
				if err != nil || generation <= last {
					t.Errorf("%s: got generation %d (%v), want a later one than %d", action, generation, err, last)
				}
				last = generation
				time.Sleep(time.Second)
			}
		}
	})
}

func TestFleet_whatMustNotRun_isRefusedUnlessItIsHeld(t *testing.T) {
	const disabled, misconfigured = `"db" is disabled at this gateway (why)`, `"db" is misconfigured at this gateway (why)`
	for state, want := range map[endpoint.State][2]string{
		"": {}, endpoint.Held: {`"db" is why: release it first`}, endpoint.Disabled: {disabled, disabled}, endpoint.Misconfigured: {misconfigured, misconfigured},
	} {
		for i, action := range []admin.Action{admin.Restart, admin.Release} {
			err := mayOperate(action, "db", endpoint.Identity{Unusable: state, Reason: "why"})
			if (err != nil) != (want[i] != "") || err != nil && !strings.Contains(err.Error(), want[i]) {
				t.Errorf("%s of %q: got %v, want %q (empty is none)", action, state, err, want[i])
			}
		}
		if err := mayOperate(admin.HoldServer, "db", endpoint.Identity{Unusable: state}); err != nil {
			t.Errorf("hold of %q: got %v, want it held: its entry may change", state, err)
		}
	}
}

// The files have lost the server, and the hold is still there.
func TestFleet_aHoldWhoseServerIsGone_canBeReleased(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		store := fleetkit.NewMemoryStore()
		way := store.Client()
		for server, held := range map[string]bool{"held": true, "let go": false} {
			if _, err := way.PutHold(t.Context(), server, fleet.Hold{Held: held}); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		standing := fleetactor.NewStanding(func() fleet.Instant { return fleet.Instant(time.Since(began)) + 1 })
		w.Spawn(fleetactor.Props(fleetactor.Config{
			Store: way, TTL: 4 * time.Second, Node: fleet.Node{ID: "a", Boot: "b", Address: "a:1"}, Standing: standing, Log: w.Logs.Logger(),
		}))
		w.Sleep(time.Second)
		a := app{store: &snapshot.Store{}, fleet: &fleetSide{standing: standing}}
		a.store.Replace(snapshot.New(1, time.Now(), policy.Compile(policy.Rules{}), "", nil))
		if note, err := a.mayOperateAll(admin.Release, "held", admin.Hold{}); err != nil || note != "" {
			t.Errorf("release of what is held: got %q (%v), want it taken", note, err)
		}
		if got := a.staysOut("held"); !strings.Contains(got, "there is no such server now") {
			t.Errorf("got the note %q, want it to say that there is no such server", got)
		}
		for server, action := range map[string]admin.Action{"let go": admin.Release, "nothing": admin.Release, "held": admin.Restart} {
			if _, err := a.mayOperateAll(action, server, admin.Hold{}); err == nil || !strings.Contains(err.Error(), "there is no server") {
				t.Errorf("%s of %q: got %v, want that there is no such server", action, server, err)
			}
		}
	})
}
