package remote

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// Deps is what a stand-in is given. All of it is shared by those of one gateway.
type Deps struct {
	// Open opens a session with the server at its owner. It blocks for a few seconds at
	// most. The session lives on its own until it is closed.
	Open func(ctx context.Context, plan messages.ServerPlan, there messages.OwnedThere) (endpoint.Session, error)
	// List reads all pages of a session's tools/list, and for how many milliseconds it
	// may be kept.
	List func(ctx context.Context, s endpoint.Session) (tools []endpoint.Tool, ttl int64, err error)
	// Read reads another list of a session likewise.
	Read func(ctx context.Context, s endpoint.Session, list endpoint.List) (items []endpoint.Tool, ttl int64, err error)
	// Follow, unless nil, asks a session for what agents want to hear of, until ctx or
	// the session ends.
	Follow func(ctx context.Context, s endpoint.Session, wanted *endpoint.Notices)
	// Listed, unless nil, hears that a server has listed something. It does not block.
	Listed func()
	Log    *slog.Logger
}

// Props makes the stand-in for one server. plan returns the current plan.
func Props(deps Deps, plan func() messages.ServerPlan) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		s := &standIn{deps: deps, plan: plan}
		s.life, s.die = context.WithCancel(context.Background())
		return s
	})
}

// The actor's own messages.
type (
	opened struct {
		ofTry
		session endpoint.Session
		catalog endpoint.Catalog
		tag     string // of the record by which the tools were read; empty if they were not
		err     error
	}
	ended struct {
		ofTry
		err error
	}
	retryDue struct{ ofTry }
	listDue  struct{ ofTry }
	listed   struct {
		ofTry
		list    endpoint.List
		tag     string
		catalog endpoint.Catalog
	}
)

// ofTry is the number of the attempt that a message is about.
type ofTry uint64

func (n ofTry) number() uint64 { return uint64(n) }

// IgnoreDeadLetterLogging keeps late news of a stopped actor out of the log.
func (ofTry) IgnoreDeadLetterLogging() {}

// standIn is the actor. Each attempt to reach the server at its owner has a number, and
// ends with the next one.
type standIn struct {
	deps  Deps
	plan  func() messages.ServerPlan
	there messages.OwnedThere
	life  context.Context // ends with the actor
	die   context.CancelFunc

	try     uint64
	stop    context.CancelFunc // ends what the attempt does, but not its session; nil without one
	session endpoint.Session   // nil until it is open
	failed  int                // attempts in a row
	// unlisted is how often in a row the tools could not be read.
	unlisted int
	timer    *time.Timer
	read     string // the tag of the tools that were read last
	asked    string // of those that were asked for last
	// earlier are sessions with the same owner that calls may still be in.
	earlier []endpoint.Session
}

// Receive implements actor.Actor.
func (s *standIn) Receive(c actor.Context) {
	if m, ok := c.Message().(interface{ number() uint64 }); ok && m.number() != s.try {
		s.stale(c.Message())
		return
	}
	switch m := c.Message().(type) {
	case *actor.Started:
	case messages.OwnedThere:
		s.heard(c, m)
	case messages.StartServer:
		s.wake(c)
	case messages.RefreshTools:
		s.list(c, m.List)
	case messages.SettingsChanged:
	case opened:
		s.opened(c, m)
	case ended:
		s.trouble(c, m.err)
	case retryDue:
		s.open(c)
	case listed:
		s.listed(c, m)
	case listDue:
		s.list(c, endpoint.Tools)
	case *actor.Restarting, *actor.Stopping:
		s.end()
	case *actor.Stopped:
	default:
		s.deps.Log.Debug("unknown message", slog.String("actor", c.Self().Id), slog.Any("message", m))
	}
}

// stale ends a session that was opened too late.
func (*standIn) stale(m any) {
	if m, ok := m.(opened); ok && m.session != nil {
		m.session.Close(endpoint.ErrStopped)
	}
}

// heard takes in what the owner says. What is ready goes on in its session, unless that
// is with another owner or another run.
func (s *standIn) heard(c actor.Context, m messages.OwnedThere) {
	before := s.there
	s.there = m
	if before.Owner.Epoch != m.Owner.Epoch {
		s.leaveOwner(before.Owner)
		s.failed = 0
	}
	same := before.Owner.Epoch == m.Owner.Epoch && before.Record.Run == m.Record.Run && before.Record.State == m.Record.State
	switch {
	case m.Owner.Node == "" || m.Record.State != endpoint.Ready:
		s.abandon()
		s.show()
	case !same || s.stop == nil:
		s.abandon()
		s.show()
		s.open(c)
	case s.session != nil && m.Record.Catalog != s.asked:
		s.list(c, endpoint.Tools)
	}
}

// wake asks the owner of a server that is idle for it, which wakes it there.
func (s *standIn) wake(c actor.Context) {
	if s.there.Record.State == endpoint.Idle && s.stop == nil {
		s.failed = 0
		s.open(c)
	}
}

// show has the cell show what the owner says, as far as that is not ready: that takes a
// session.
func (s *standIn) show() {
	if s.there.Nobody {
		s.move(endpoint.Barred)
		return
	}
	switch s.there.Record.State { //nolint:exhaustive // All else is on its way to something.
	case endpoint.Idle:
		s.move(endpoint.Parked)
	case endpoint.BackingOff:
		s.move(endpoint.Retried)
	case endpoint.Quarantined:
		s.move(endpoint.GivenUp)
	case endpoint.NeedsAuth:
		s.move(endpoint.Refused)
	default:
		s.move(endpoint.Moved)
	}
}

// move makes a step of the cell's life, by way of starting where there is no other.
func (s *standIn) move(fact endpoint.Fact) {
	cell, r, now := s.plan().Cell, s.there.Record, time.Now()
	fill := func(next *endpoint.Status) {
		next.Node, next.Reason, next.RetryAt, next.Session = s.there.Owner.Node, r.Reason, r.RetryAt, s.session
		next.Run, next.Restarts, next.Opened = max(next.Run, r.Run), max(next.Restarts, r.Restarts), max(next.Opened, r.Opened)
		switch {
		case s.there.Nobody:
			next.Reason = s.plan().Barred
		case s.there.Owner.Node == "":
			next.Reason = "no gateway of the fleet runs it at the moment"
		}
	}
	if !cell.Move(fact, now, fill) {
		cell.Move(endpoint.Moved, now, fill)
		cell.Move(fact, now, fill)
	}
}

// end ends all sessions. Where the server goes on without its owner, the calls in them
// may have run.
func (s *standIn) end() {
	defer s.die()
	owner := s.there.Owner
	s.abandon()
	select {
	case <-s.plan().Cell.ClosedC():
		s.closeAll(endpoint.ErrStopped)
	default:
		s.leaveOwner(owner)
	}
}

// leaveOwner ends the sessions with an owner that has lost the server.
func (s *standIn) leaveOwner(owner fleet.Owner) {
	s.abandon()
	s.closeAll(&endpoint.Exit{
		Server: s.plan().Name(), Phase: endpoint.Serving, At: time.Now(),
		Reason: fmt.Sprintf("the gateway %q, which ran it, has lost it", owner.Node),
	})
}

func (s *standIn) closeAll(cause error) {
	for _, session := range s.earlier {
		session.Close(cause)
	}
	s.earlier = nil
}

// maxEarlier is how many sessions with one owner may have calls: an owner that opens and
// ends one after the other gets no more of them.
const maxEarlier = 64

// spent reports whether a session has ended, and no call is under way in it.
func spent(e endpoint.Session) bool {
	if s, ok := e.(interface{ Spent() bool }); ok {
		return s.Spent()
	}
	return e.Err() != nil
}

// abandon ends the attempt. Its session takes no more calls; those in it go on.
func (s *standIn) abandon() {
	if s.stop == nil {
		return
	}
	s.stop()
	s.stop = nil
	s.asked = s.read // The answer to what is asked now is not waited for.
	s.try++
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.session == nil {
		return
	}
	s.earlier = slices.DeleteFunc(s.earlier, spent)
	if s.earlier = append(s.earlier, s.session); len(s.earlier) > maxEarlier {
		s.earlier[0].Close(endpoint.ErrStopped)
		s.earlier = s.earlier[1:]
	}
	s.session = nil
}
