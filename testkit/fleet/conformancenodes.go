package fleet

import (
	"errors"
	"testing"
	"time"

	"gatehouse/internal/fleet"
)

var nodeCases = []Case{
	{"a node that joins is seen, and goes with its lease", func(t *testing.T, open func() fleet.Store) {
		eye := watch(t, open())
		a := join(t, open(), "a")
		v := eye.until("the node", func(v fleet.View) bool { return len(v.Nodes) == 1 })
		if got := v.Nodes["a"]; got != a.node || v.Joined["a"] == 0 {
			t.Errorf("got the node %+v that joined at %d, want %+v at a revision", got, v.Joined["a"], a.node)
		}
		a.dies()
		eye.until("no node", func(v fleet.View) bool { return len(v.Nodes) == 0 && len(v.Joined) == 0 })
	}},
	{"a lease that nobody renews ends, with all that it keeps", func(t *testing.T, open func() fleet.Store) {
		eye := watch(t, open())
		a := joinFor(t, open(), "a", 3*TTL) // The claim comes in time though the machine stalls for some seconds.
		a.claims("s")
		eye.until("the owner", func(v fleet.View) bool { return v.Owners["s"].Node == "a" })
		eye.until("nobody", func(v fleet.View) bool { return len(v.Owners) == 0 && len(v.Nodes) == 0 })
		if err := a.Renew(ctx(t), a.node, a.lease); !errors.Is(err, fleet.ErrLost) {
			t.Errorf("got %v for a renewal after the end, want %v", err, fleet.ErrLost)
		}
	}},
	{"a lease that is renewed lasts", func(t *testing.T, open func() fleet.Store) {
		const ttl = 4 * TTL // It lasts though the machine stalls for six seconds.
		a := joinFor(t, open(), "a", ttl)
		epoch := a.claims("s")
		for range 6 {
			time.Sleep(ttl / 4)
			a.renews()
		}
		if again := a.claims("s"); again != epoch {
			t.Errorf("got epoch %d after the renewals, want %d still", again, epoch)
		}
	}},
	{"a lease that is gone is good for nothing", func(t *testing.T, open func() fleet.Store) {
		a := join(t, open(), "a")
		a.dies()
		_, _, claimed := a.Claim(ctx(t), "s", a.owner(), a.lease)
		for what, err := range map[string]error{
			"a renewal": a.Renew(ctx(t), a.node, a.lease),
			"its node":  a.PutNode(ctx(t), a.node, a.lease),
			"a claim":   claimed,
			"an ack":    a.Acknowledge(ctx(t), fleet.Ack{Node: "a"}, a.lease),
		} {
			if !errors.Is(err, fleet.ErrLost) {
				t.Errorf("%s: got %v, want %v", what, err, fleet.ErrLost)
			}
		}
		if err := a.Revoke(ctx(t), a.lease); err != nil {
			t.Errorf("got %v for revoking it again, want no error", err)
		}
	}},
	{"an id belongs to one process", func(t *testing.T, open func() fleet.Store) {
		a := join(t, open(), "a")
		other := a.node
		other.Boot = "another"
		if _, _, err := open().Join(ctx(t), other, TTL, 0); !errors.Is(err, fleet.ErrTaken) {
			t.Errorf("got %v for another process with the id, want %v", err, fleet.ErrTaken)
		}
		a.renews() // The first one has lost nothing.
		l, _, err := open().Join(ctx(t), a.node, lasting, 0)
		if err != nil || l == a.lease {
			t.Errorf("got lease %d (%v) for the same process, which lost the answer, want a new one", l, err)
		}
	}},
	{"a node that is started again takes its old lease away", func(t *testing.T, open func() fleet.Store) {
		eye := watch(t, open())
		a := join(t, open(), "a")
		a.claims("s")
		eye.until("its server", func(v fleet.View) bool { return len(v.Owners) == 1 })
		next := a.node
		next.Boot = "the next"
		l, _, err := open().Join(ctx(t), next, lasting, a.lease)
		if err != nil || l == a.lease {
			t.Fatalf("got lease %d (%v), want a new one", l, err)
		}
		eye.until("the new one without its old server", func(v fleet.View) bool {
			return v.Nodes["a"].Boot == "the next" && len(v.Owners) == 0
		})
	}},
	{"what a node says of itself changes, and is not a new node", func(t *testing.T, open func() fleet.Store) {
		eye := watch(t, open())
		a := join(t, open(), "a")
		before := eye.until("the node", func(v fleet.View) bool { return len(v.Nodes) == 1 })
		a.node.Leaving, a.node.Generation = true, 7
		if err := a.PutNode(ctx(t), a.node, a.lease); err != nil {
			t.Fatal(err)
		}
		after := eye.until("the change", func(v fleet.View) bool { return v.Nodes["a"].Leaving })
		if before.Joined["a"] != after.Joined["a"] {
			t.Errorf("got that it joined at %d, want %d as before", after.Joined["a"], before.Joined["a"])
		}
		if before.Nodes["a"].Leaving || after.Nodes["a"].Generation != 7 {
			t.Errorf("got %+v, then %+v, want that only the later view shows the change", before.Nodes["a"], after.Nodes["a"])
		}
	}},
}
