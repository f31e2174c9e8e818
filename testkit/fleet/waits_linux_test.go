package fleet_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/fleet"
	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

// waiting are the claims of a server that wait, as an operator sees them at a gateway.
func waiting(at *kit.Node, server string) (waits []admin.FleetWait) {
	out, _ := at.Command("fleet", "--json") // Its exit code says that something waits.
	var f admin.Fleet
	if json.Unmarshal([]byte(out), &f) != nil {
		return nil // It prints an error instead.
	}
	for _, w := range f.Waits {
		if w.Server == server {
			waits = append(waits, w)
		}
	}
	return waits
}

// Somebody deletes the key of a claim that waits, so that another gateway claims the server, or
// the same one anew: whoever is first.
func TestWaits_claimIsDeletedWhileItWaits_theNextOneHasTheServerAlone(t *testing.T) {
	t.Parallel()
	f := kit.Start(t, kit.Options{Servers: 3, TTL: steady})
	f.Apply(f.With("each", f.Fake("each").Settings("single", false)), rules(1))
	testkit.Eventually(t, "each gateway has its own", func() bool { return len(f.Eye.Live("each")) == len(f.Nodes) })
	busy := f.Nodes[0]
	end := slow(t, f, busy, "each")
	f.Apply(f.With("each", f.Fake("each").Settings("single", true)), rules(1))
	var first, second []admin.FleetWait
	testkit.Eventually(t, "a gateway waits with it", func() bool { first = waiting(busy, "each"); return len(first) == 1 })
	at := time.Now()
	f.Etcd.Delete(fleet.OwnerKey("each"))
	testkit.Eventually(t, "the next claim waits, and no other", func() bool {
		second = waiting(busy, "each")
		return len(second) == 1 && second[0].Since.After(at)
	})
	end()
	testkit.Eventually(t, "it runs there", func() bool { o := f.Owner("each"); return o != nil && o.ID == second[0].Node })
	for _, n := range f.Nodes {
		answered(t, f, n, "each", "through "+n.ID)
		if n.ID == first[0].Node && strings.Contains(n.Log(), "has lost what it owns") {
			t.Errorf("%s has lost what it owns, want that it goes on with that", n.ID)
		}
	}
}
