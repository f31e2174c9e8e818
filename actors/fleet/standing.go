package fleet

import (
	"maps"
	"sync/atomic"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
)

// Standing is what others may know of a gateway in its fleet at any time. It is written
// by the actor alone. Its methods may be called from any goroutine and do not block.
type Standing struct {
	now   func() fleet.Instant
	stop  atomic.Int64 // until when it may act on what it owns; 0 is not at all
	heard atomic.Int64 // when it was last in contact with the store
	owned atomic.Pointer[map[string]Holding]
	view  atomic.Pointer[fleet.View]
	waits atomic.Pointer[map[string]fleet.NodeWait] // of the view
	force atomic.Uint64
	lacks atomic.Uint64 // the generation that it cannot follow; 0 is none
	stuck atomic.Pointer[[]string]
	// claims is whether it may own what it does not own yet.
	claims atomic.Bool
	// agents is how many instances for agents it owns, of most.
	agents atomic.Int64
	most   int64 // set before it is used

	vanished atomic.Pointer[map[string]vanished] // by id
}

// Holding is a server that this gateway owns.
type Holding struct {
	Epoch int64
	Cell  *endpoint.Cell
}

// NewStanding makes that of a gateway that owns nothing. now is the clock of tenures.
func NewStanding(now func() fleet.Instant) *Standing {
	s := &Standing{now: now, most: fleet.MaxInstances}
	s.owned.Store(&map[string]Holding{})
	s.see(&fleet.View{})
	s.stuck.Store(&[]string{})
	s.vanished.Store(&map[string]vanished{})
	s.heard.Store(int64(now()))
	return s
}

// Tenure returns how long this gateway may still act on what it owns; 0 is not any more.
func (s *Standing) Tenure() time.Duration {
	return max(0, fleet.Instant(s.stop.Load()).Sub(s.now()))
}

// Holds reports whether this gateway may act on what it owns under a key by an epoch.
func (s *Standing) Holds(key string, epoch int64) bool {
	return int64(s.now()) < s.stop.Load() && (*s.owned.Load())[key].Epoch == epoch
}

// MayClaim reports whether this gateway may own what it does not own yet: it has a lease,
// stays, follows, and can be reached.
func (s *Standing) MayClaim() bool { return s.claims.Load() && s.Tenure() > 0 }

// Owned returns what this gateway owns under a key.
func (s *Standing) Owned(key string) (Holding, bool) {
	h, ok := (*s.owned.Load())[key]
	return h, ok
}

// Owns returns the keys of all that this gateway owns. The caller must not change it.
func (s *Standing) Owns() map[string]Holding { return *s.owned.Load() }

// Generation returns that of the fleet by which this gateway decides; 0 is none yet.
func (s *Standing) Generation() uint64 { return s.force.Load() }

// CannotFollow returns the generation that the fleet has agreed on and this gateway
// cannot decide by; 0 is none.
func (s *Standing) CannotFollow() uint64 { return s.lacks.Load() }

// Stuck returns the names of servers whose processes here do not end though this gateway
// does not own them any more. The caller must not change it.
func (s *Standing) Stuck() []string { return *s.stuck.Load() }

// Silence returns how long ago this gateway has last been in contact with the store.
func (s *Standing) Silence() time.Duration { return s.now().Sub(fleet.Instant(s.heard.Load())) }

// View returns the latest that is known of the fleet. The caller must not change it.
func (s *Standing) View() fleet.View { return *s.view.Load() }

// Wait returns the wait of a server that a gateway has claimed and does not start yet. It
// takes the server as people know it.
func (s *Standing) Wait(server string) (w fleet.NodeWait, waits bool) {
	w, waits = (*s.waits.Load())[server]
	return w, waits
}

// see takes in what the store holds. Waits are read once then, not for each who asks.
func (s *Standing) see(v *fleet.View) {
	was := s.view.Swap(v)
	if s.waits.Load() != nil && was != nil && sameWaits(was.Nodes, v.Nodes) {
		return
	}
	waits := v.WaitsOf()
	s.waits.Store(&waits)
}

// sameWaits reports whether nodes say the same of what waits: nearly always.
func sameWaits(a, b map[string]fleet.Node) bool {
	for id, n := range a {
		if b[id].Waits != n.Waits {
			return false
		}
	}
	for id, n := range b {
		if a[id].Waits != n.Waits {
			return false
		}
	}
	return true
}

// contact notes that the store has answered what was asked at that moment.
func (s *Standing) contact(sent fleet.Instant) {
	s.heard.Store(max(s.heard.Load(), int64(sent)))
}

func (s *Standing) change(how func(owned map[string]Holding)) {
	next := maps.Clone(*s.owned.Load())
	how(next)
	s.owned.Store(&next)
	agents := int64(0)
	for key := range next {
		if forAgent(key) {
			agents++
		}
	}
	s.agents.Store(agents)
}
