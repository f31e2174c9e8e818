package snapshot

import (
	"sync"
	"sync/atomic"
)

// maxViews bounds how much is remembered of one generation: agents may say that
// they are anybody.
const maxViews = 10_000

// views are what has been computed of a generation.
type views struct {
	by sync.Map
	n  atomic.Int64
}

// Remember returns what compute returned for this key and state before, if it was
// the last state that it was asked for with this key; else it computes it. The key
// and the state must be comparable; the value must not be changed.
func (s *Snapshot) Remember(key, state any, compute func() any) any {
	type view struct{ state, value any }
	known, found := s.views.by.Load(key)
	if v, ok := known.(view); ok && v.state == state {
		return v.value
	}
	value := compute()
	if found || s.views.n.Add(1) <= maxViews {
		s.views.by.Store(key, view{state, value})
	}
	return value
}
