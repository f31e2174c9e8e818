package supervisor

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/blame"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/internal/restart"
	"gatehouse/messages"
)

// Fleet is what a supervisor needs of the gateways that its own acts as one with.
type Fleet struct {
	// Actor decides which of them runs a server that only one may run.
	Actor *actor.PID
	// Owned makes the Props of the actor of a server that runs here by a claim with that
	// epoch. What it runs is counted in runs; kill ends that at once, from any goroutine.
	Owned func(plan func() messages.ServerPlan, epoch int64, runs *sync.WaitGroup) (props *actor.Props, kill func())
	// Remote makes the Props of the stand-in for a server that runs elsewhere. It is
	// told so by messages.OwnedThere.
	Remote func(plan func() messages.ServerPlan) *actor.Props
}

// beginDue: a server that was taken over may be started now.
type beginDue struct {
	child *child
	seq   uint64
}

// givenUp: the calls of a server that moves have ended, or their time has.
type givenUp struct {
	child *child
	epoch int64
}

// IgnoreDeadLetterLogging keeps late timers out of the log.
func (givenUp) IgnoreDeadLetterLogging()  {}
func (beginDue) IgnoreDeadLetterLogging() {}

// tellFleet sends the fleet's actor something. It answers by messages of its own.
func (s *supervisor) tellFleet(c actor.Context, m any) { c.Request(s.cfg.Fleet.Actor, m) }

// owned finds the child that the fleet's actor means; nil if it is not to run any more.
func (s *supervisor) owned(key string, cell *endpoint.Cell) *child {
	name, _ := fleet.SplitKey(key)
	k, ok := s.find(name, cell)
	if !ok || k.draining || k.place.key != key {
		return nil
	}
	return k
}

// ownedHere has a server run here.
func (s *supervisor) ownedHere(c actor.Context, m messages.OwnedHere) {
	k := s.owned(m.Key, m.Cell)
	if k == nil {
		s.tellFleet(c, messages.Released{Key: m.Key, Cell: m.Cell, Epoch: m.Epoch})
		return
	}
	if k.place.claim != nil && k.place.claim.Epoch == m.Epoch {
		return
	}
	k.place.claim, k.place.owner = &m, nil
	s.settle(c, k)
}

// ownedThere has a server run elsewhere, or passes on what has become of it there.
func (s *supervisor) ownedThere(c actor.Context, m messages.OwnedThere) {
	k := s.owned(m.Key, m.Cell)
	if k == nil {
		return
	}
	k.place.claim, k.place.owner = nil, &m
	if m.Owner.Node == "" && k.unneeded(time.Now()) { // An instance has ended where it ran.
		s.endInstance(c, messages.EndInstance{Name: k.plan().Entry.Name, Cell: m.Cell})
		return
	}
	if k.place.is == elsewhere && !k.place.leaving {
		c.Send(k.pid, m)
		return
	}
	if k.plan().Barred != "" && k.place.is == nowhere && m.Owner.Node == "" {
		k.showNowhere()
		return
	}
	s.settle(c, k)
}

// tenureLost ends at once all that runs by claims. Its calls get no answer, and those
// that wait go on waiting.
func (s *supervisor) tenureLost(c actor.Context) {
	s.lost = c.Sender()
	for _, k := range s.running {
		if k.place.is != here {
			continue
		}
		k.place.claim = nil
		if !k.draining {
			k.plan().Cell.Move(endpoint.Moved, time.Now(), func(next *endpoint.Status) {
				next.Reason = "this gateway has no contact with the fleet's store"
			})
		}
		k.place.kill()
		s.leave(c, k)
	}
	for _, entry := range s.current {
		s.forgetClaim(entry)
		for _, k := range entry.instances {
			s.forgetClaim(k)
		}
	}
	s.allLost(c)
}

// forgetClaim has a server not begin that was about to.
func (s *supervisor) forgetClaim(k *child) {
	if k.place.is != here && k.place.claim != nil { // The one before it may still be ending.
		k.place.claim, k.failing = nil, false
		k.stopTimer()
		k.stopReports() // They are by that claim.
		k.plan().Cell.Move(endpoint.Moved, time.Now(), nil)
	}
}

// allLost answers TenureLost once nothing runs by claims any more.
func (s *supervisor) allLost(c actor.Context) {
	if s.lost == nil || s.vacating > 0 {
		return
	}
	for _, k := range s.running {
		if k.place.is == here {
			return
		}
	}
	c.Request(s.lost, messages.TenureLeft{}) // With a sender: its next claims are told to that.
	s.lost = nil
}

// giveUp drains a server that another gateway is to run. Its cell stays: calls wait
// in it for the next owner.
func (s *supervisor) giveUp(c actor.Context, m messages.GiveUp) {
	k := s.owned(m.Key, m.Cell)
	if k == nil || k.place.claim == nil {
		return // It says Released when it has ended.
	}
	epoch := k.place.claim.Epoch
	if k.place.is != here {
		s.forgetClaim(k)
		s.tellFleet(c, messages.Released{Key: m.Key, Cell: m.Cell, Epoch: epoch})
		return
	}
	k.place.claim = nil
	m.Cell.Move(endpoint.Moved, time.Now(), func(next *endpoint.Status) { next.Reason = "it moves to another gateway" })
	root, self, due := c.ActorSystem().Root, c.Self(), givenUp{k, epoch}
	k.place.leaving = true
	timeout := m.Timeout
	if timeout == messages.OwnDrain {
		timeout = k.plan().Entry.Settings.DrainTimeout
	}
	go func() { // Ends with the drain, at the latest after the timeout.
		awaitNoCalls(m.Cell, timeout, k.gone)
		root.Send(self, due)
	}()
}

// givenUp ends a server that another gateway is to run: its calls have ended, or their
// time.
func (s *supervisor) givenUp(c actor.Context, m givenUp) {
	if k := m.child; k.place.is == here && k.place.epoch == m.epoch && k.pid != nil {
		c.Stop(k.pid)
	}
}

// awaitNoCalls blocks until no call is in flight, until the time is up or gone is closed.
func awaitNoCalls(cell *endpoint.Cell, timeout time.Duration, gone <-chan struct{}) {
	late := time.NewTimer(timeout)
	defer late.Stop()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for cell.InFlight() > 0 {
		select {
		case <-look.C:
		case <-late.C:
			return
		case <-gone:
			return
		}
	}
}

// begin starts a server that has been claimed, or has it wait for what the owner
// before has left of its failures.
func (s *supervisor) begin(c actor.Context, k *child) {
	m := k.place.claim
	now, cell, r := time.Now(), k.plan().Cell, m.Record
	history, err := restart.Decode(r.History)
	if err != nil {
		s.cfg.Log.Warn("cannot read what another gateway has left", slog.String("server", k.plan().Name()), slog.Any("err", err))
	}
	k.history, k.opened = history, r.Opened
	if len(r.Suspects) > 0 {
		k.suspects = suspected(r.Suspects)
		cell.PublishSuspects(k.suspects.names())
	}
	cell.PassRuns(r.Run)
	cell.Move(endpoint.Moved, now, func(next *endpoint.Status) {
		next.Run, next.Restarts, next.Opened = max(next.Run, r.Run), max(next.Restarts, r.Restarts), max(next.Opened, r.Opened)
	})
	switch {
	case m.Died != "":
		s.diedWithNode(c, k, m)
	case r.RetryAt.After(now) && r.State == endpoint.Quarantined:
		s.beginLater(c, k, endpoint.GivenUp, r)
	case r.RetryAt.After(now) && r.State == endpoint.BackingOff:
		s.beginLater(c, k, endpoint.Retried, r)
	default:
		s.beginNow(c, k)
	}
}

// diedWithNode counts the death of its gateway as a failure of a server.
func (s *supervisor) diedWithNode(c actor.Context, k *child, m *messages.OwnedHere) {
	now := time.Now()
	exit := &endpoint.Exit{
		Server: k.plan().Name(), Run: m.Record.Run, Phase: endpoint.Handshake, At: now,
		Reason: fmt.Sprintf("the gateway %q that ran it ended while it was starting", m.Died),
	}
	if m.Record.State == endpoint.Ready {
		exit.Phase, exit.ReadyFor = endpoint.Serving, max(0, now.Sub(m.Record.Since))
		exit.Reason = fmt.Sprintf("the gateway %q that ran it ended while it had calls", m.Died)
	}
	verdict := k.failed(exit, blame.Verdict{}, rand.Float64()) //nolint:gosec // Jitter needs no secrecy.
	k.announce(c.ActorSystem(), exit, verdict)
	s.waitToBegin(c, k, verdict)
}

// beginLater waits for what is left of a delay that the owner before has begun.
func (s *supervisor) beginLater(c actor.Context, k *child, fact endpoint.Fact, r fleet.Record) {
	now := time.Now()
	k.plan().Cell.Move(fact, now, func(next *endpoint.Status) { next.Reason, next.RetryAt = r.Reason, r.RetryAt })
	k.seq++
	delay := r.RetryAt.Sub(now)
	s.waitToBegin(c, k, restart.Verdict{Delay: delay, Wake: delay})
}

func (s *supervisor) waitToBegin(c actor.Context, k *child, v restart.Verdict) {
	root, self, due := c.ActorSystem().Root, c.Self(), beginDue{k, k.seq}
	k.failing = true
	k.wait(v, func() { root.Send(self, due) })
	s.report(c, k)
}

func (s *supervisor) beginDue(c actor.Context, m beginDue) {
	if k := m.child; k.failing && k.seq == m.seq && k.pid == nil && k.place.claim != nil {
		k.failing = false
		s.beginNow(c, k)
	}
}

// beginNow starts the actor of a server that has been claimed. One that is lazy has
// been claimed for a call.
func (s *supervisor) beginNow(c actor.Context, k *child) {
	k.place.runs = &sync.WaitGroup{}
	epoch := k.place.claim.Epoch
	props, kill := s.cfg.Fleet.Owned(k.plan, epoch, k.place.runs)
	k.place.is, k.place.epoch, k.place.kill = here, epoch, kill
	if !s.spawn(c, k, props) {
		k.place.is = nowhere
		return
	}
	if k.plan().Lazy {
		c.Send(k.pid, messages.StartServer{})
	}
	s.report(c, k)
}
