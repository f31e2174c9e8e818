package fleet

import (
	"maps"

	"gatehouse/internal/fleet"
)

// vanished is a gateway that is not in the view any more, and did not say that it leaves.
type vanished struct {
	node  fleet.Node
	until fleet.Instant // when it counts as gone
}

// Whereabouts returns a gateway as it was last seen: one of the fleet, or one that was
// until a moment ago. For a gateway may lose its lease and be back with the next one,
// with all that it remembers. It returns false for one that has left, is gone for longer
// than such a loss takes, or never was.
func (s *Standing) Whereabouts(id string) (fleet.Node, bool) {
	if n, lives := s.View().Nodes[id]; lives {
		return n, true
	}
	v, ok := (*s.vanished.Load())[id]
	return v.node, ok && s.now() < v.until
}

// noteVanished remembers for a while who is not in the next view any more. That is as long
// as a gateway may take to end what it owned and to join again.
func (f *member) noteVanished(next fleet.View) {
	now, known := f.now(), *f.cfg.Standing.vanished.Load()
	left := maps.Clone(known)
	maps.DeleteFunc(left, func(id string, v vanished) bool {
		_, back := next.Nodes[id]
		return back || v.until <= now
	})
	for id, n := range f.view.Nodes {
		if _, lives := next.Nodes[id]; !lives && !n.Leaving {
			left[id] = vanished{n, now.Add(f.takenPatience())}
		}
	}
	if len(left) > 0 || len(known) > 0 {
		f.cfg.Standing.vanished.Store(&left)
	}
}
