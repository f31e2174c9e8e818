package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
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
