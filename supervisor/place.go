package supervisor

import (
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// spot is where the actor of a child stands.
type spot int

const (
	nowhere   spot = iota
	own            // here, as on any other gateway
	here           // here, by a claim
	elsewhere      // it is the stand-in for another gateway's
)

// place is where a server of a fleet runs: what the fleet has decided, and where its
// actor is. One actor takes the place of another under the same cell, once that and
// all that it ran has ended.
type place struct {
	key   string               // what it is claimed by; empty for one that is not
	claim *messages.OwnedHere  // it is this gateway's; not nil together with owner never
	owner *messages.OwnedThere // it is another gateway's
	is    spot
	epoch int64           // of the claim by which it runs
	runs  *sync.WaitGroup // what it has run by that
	kill  func()
	// leaving: the actor ends, and the server does not.
	leaving bool
	stop    chan struct{} // closed to end the reports about a claim; nil without them
}

// vacated: nothing is left of what a child has run by a claim.
type vacated struct{ child *child }

// settle brings the actor of a child to where it should be. It reports whether that is
// possible.
func (s *supervisor) settle(c actor.Context, k *child) bool {
	if k.draining || k.place.leaving || k.plan().Unusable != "" || k.plan().Scoped() {
		return true
	}
	if k.place.key == "" {
		s.want(c, k)
	}
	target := k.target()
	if k.place.is != nowhere {
		// Where nobody runs it for now, the stand-in stays: it shows what was last known.
		if target != nowhere && !k.inPlace(target) {
			s.leave(c, k)
		}
		return true
	}
	if k.failing {
		return true // It has been taken over, and waits for its time.
	}
	switch target {
	case own:
		k.place.is = own
		return s.spawn(c, k, s.cfg.Server(k.plan))
	case here:
		s.begin(c, k)
	case elsewhere:
		k.place.is = elsewhere
		if s.spawn(c, k, s.cfg.Fleet.Remote(k.plan)) {
			c.Send(k.pid, *k.place.owner)
		}
	case nowhere:
	}
	return true
}

// inPlace reports whether the actor of the child stands where it should.
func (k *child) inPlace(target spot) bool {
	return k.place.is == target && (target != here || k.place.epoch == k.place.claim.Epoch)
}

// target is where the actor of the child should be.
func (k *child) target() spot {
	switch {
	case k.place.key == "":
		return own
	case k.place.claim != nil:
		return here
	case k.place.owner != nil && k.place.owner.Owner.Node != "":
		return elsewhere
	default:
		return nowhere
	}
}

// keyOf is what a child is claimed by. A server of which each gateway runs its own is
// not, and neither is the instance of a session: it runs where that is.
func (s *supervisor) keyOf(k *child) string {
	p := k.plan()
	if s.cfg.Fleet == nil || !p.Entry.RunsOnce() {
		return ""
	}
	in := p.Cell.Instance()
	switch {
	case in == nil:
		return fleet.KeyOf(p.Entry.Name, "")
	case in.Session != "":
		return ""
	default:
		return fleet.KeyOf(p.Entry.Name, in.Agent)
	}
}

// want has the fleet decide where a server runs, if that is for the fleet to decide. It is
// for as long as there is the child: with another entry comes another one.
func (s *supervisor) want(c actor.Context, k *child) {
	p := k.plan()
	if k.place.key = s.keyOf(k); k.place.key != "" {
		s.tellFleet(c, messages.WantOwner{Key: k.place.key, Name: p.Name(), Cell: p.Cell, Lazy: p.Lazy || p.Instance != "", Barred: p.Barred != ""})
	}
}

// await tells the fleet that a call waits for a server that runs nowhere yet.
func (s *supervisor) await(c actor.Context, k *child) {
	if k.place.key != "" && k.place.claim == nil {
		s.tellFleet(c, messages.Awaited{Key: k.place.key, Cell: k.plan().Cell})
	}
}

// unwanted tells the fleet that a child is not to run any more. What runs by a claim is
// released once it has ended.
func (s *supervisor) unwanted(c actor.Context, k *child) {
	if k.place.key == "" {
		return
	}
	k.stopReports() // What takes its place reports by the same claim.
	s.tellFleet(c, messages.Unwanted{Key: k.place.key, Cell: k.plan().Cell})
	if k.place.is != here {
		s.forgetWait(k)
	}
}

// forgetWait releases the claim of a child that has not begun by it, unless its successor
// takes that over: what is wanted with the same message is wanted first.
func (s *supervisor) forgetWait(k *child) {
	if k.place.claim != nil {
		k.stopTimer()
		k.stopReports()
		s.over = append(s.over, messages.Released{Key: k.place.key, Cell: k.plan().Cell, Epoch: k.place.claim.Epoch})
		k.place.claim, k.failing = nil, false
	}
}

// sayOver releases the claims of children that will not begin by them.
func (s *supervisor) sayOver(c actor.Context) {
	for _, released := range s.over {
		s.tellFleet(c, released)
	}
	s.over = nil
}

// leave ends the actor of a child, for the next one.
func (s *supervisor) leave(c actor.Context, k *child) {
	k.place.leaving = true
	c.Stop(k.pid)
}

// leftPlace hears that such an actor has ended. What it ran may still be ending.
func (s *supervisor) leftPlace(c actor.Context, k *child) {
	k.stopTimer()
	k.stopReports()
	k.pid, k.failing = nil, false
	k.seq++ // The timers of its failures are void.
	s.vacate(c, k)
}

// vacate waits until nothing is left of what a child has run.
func (s *supervisor) vacate(c actor.Context, k *child) {
	s.vacating++
	root, self, runs := c.ActorSystem().Root, c.Self(), k.place.runs
	if runs == nil {
		runs = &sync.WaitGroup{}
	}
	go func() { // Ends with the last process of the child.
		runs.Wait()
		root.Send(self, vacated{k})
	}()
}

// vacated goes on with a child of which nothing is left, and tells the fleet so.
func (s *supervisor) vacated(c actor.Context, k *child) {
	s.vacating--
	p := k.plan()
	if k.place.is == here {
		s.tellFleet(c, messages.Released{Key: k.place.key, Cell: p.Cell, Epoch: k.place.epoch})
	}
	k.place.is, k.place.epoch, k.place.runs, k.place.leaving = nowhere, 0, nil, false
	s.allLost(c)
	if k.draining || s.stopping {
		return
	}
	if now, ok := s.find(p.Entry.Name, p.Cell); !ok || now != k {
		return // It was removed meanwhile.
	}
	k.showNowhere()
	s.settle(c, k)
}

// showNowhere shows a server that has no actor here: it waits for one, or for a call, or no
// gateway can start it.
func (k *child) showNowhere() {
	p, now, there := k.plan(), time.Now(), k.place.owner
	if p.Barred != "" && there != nil && there.Nobody {
		p.Cell.Move(endpoint.Barred, now, func(next *endpoint.Status) { next.Reason, next.Node = p.Barred, "" })
		return
	}
	p.Cell.Move(endpoint.Moved, now, nil)
	if k.target() == nowhere && p.Lazy {
		p.Cell.Move(endpoint.Parked, now, nil)
	}
}

// endedPlace hears that the actor of a child has ended for good.
func (s *supervisor) endedPlace(c actor.Context, k *child) {
	if k.place.is == here {
		k.stopReports()
		s.vacate(c, k)
	}
}

// standInFailed hears of a bug in a stand-in. The next news of the server make
// another one.
func (s *supervisor) standInFailed(k *child, children actor.Supervisor, reason any) {
	_ = s.asExit(k, reason) // It logs what it was.
	k.place.owner, k.place.leaving = nil, true
	children.StopChildren(k.pid)
}

// stopReports ends the reports about all claims.
func (s *supervisor) stopReports() {
	for _, entry := range s.current {
		entry.stopReports()
		for _, k := range entry.instances {
			k.stopReports()
		}
	}
	for _, k := range s.running {
		k.stopReports()
	}
}

// stopReports ends the reports about a claim.
func (k *child) stopReports() {
	if k.place.stop != nil {
		close(k.place.stop)
		k.place.stop = nil
	}
}
