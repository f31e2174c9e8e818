package fleet

import (
	"context"
	"errors"
	"testing"

	"gatehouse/internal/fleet"
)

var followCases = []Case{
	{"an empty fleet is seen as one", func(t *testing.T, open func() fleet.Store) {
		v := watch(t, open()).until("anything", func(fleet.View) bool { return true })
		if v.Store == 0 || v.Generation != 0 || v.Active != nil || len(v.Nodes) != 0 {
			t.Errorf("got %+v, want an empty fleet in a store that has an id", v)
		}
	}},
	{"who follows later sees all there is", func(t *testing.T, open func() fleet.Store) {
		a := join(t, open(), "a")
		epoch := a.claims("s")
		v := watch(t, open()).until("anything", func(fleet.View) bool { return true })
		if v.Owners["s"].Epoch != epoch || v.Nodes["a"] != a.node {
			t.Errorf("got owner %+v and node %+v at once, want epoch %d of %+v", v.Owners["s"], v.Nodes["a"], epoch, a.node)
		}
	}},
	{"views come in the order of revisions, each whole", func(t *testing.T, open func() fleet.Store) {
		eye := watch(t, open())
		a := join(t, open(), "a")
		var before int64
		for range 5 {
			candidate := proposes(t, a, "me")
			generation, err := a.Activate(ctx(t), candidate, nil, candidate)
			if err != nil {
				t.Fatal(err)
			}
			v := eye.until("the generation", func(v fleet.View) bool {
				if v.Revision < before || (v.Active != nil) != (v.Generation != 0) {
					t.Errorf("got revision %d after %d (active: %v, generation %d), want whole views in order",
						v.Revision, before, v.Active != nil, v.Generation)
				}
				before = v.Revision
				return v.Generation >= generation
			})
			if v.Revision < int64(generation) {
				t.Errorf("got generation %d at revision %d, want none before its time", generation, v.Revision)
			}
		}
	}},
	{"who follows no more is let go", func(t *testing.T, open func() fleet.Store) {
		why := errors.New("enough")
		c, cancel := context.WithCancelCause(context.Background())
		err := open().Follow(c, func(fleet.View) { cancel(why) })
		if !errors.Is(err, why) {
			t.Errorf("got %v, want the cause: %v", err, why)
		}
	}},
	{"nothing is done once the context has ended", func(t *testing.T, open func() fleet.Store) {
		c, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := open().Propose(c, fleet.Content{}); err == nil {
			t.Error("got no error, want that of the context")
		}
		v := watch(t, open()).until("anything", func(fleet.View) bool { return true })
		if v.Candidate != nil {
			t.Errorf("got the candidate %+v, want none", v.Candidate)
		}
	}},
}
