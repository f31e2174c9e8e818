package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
		if _, wished := store.View().Despite("db", "n2", 0); err == nil || !wished {
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
