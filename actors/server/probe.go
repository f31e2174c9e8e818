package server

import (
	"context"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
)

// prober times when the server of a run is asked for a sign of life.
type prober struct {
	every time.Duration // what the timer was set to; 0 is off
	seq   uint64        // numbers the settings of the timer; messages of older ones are void
	timer *time.Timer
	// overdue is the cell's number of overdue calls when the server was last
	// known to be alive.
	overdue uint64
}

// The prober's messages to its own actor.
type (
	probeDue struct {
		ofRun
		seq uint64
	}
	probed struct {
		ofRun
		seq     uint64
		alive   bool
		overdue uint64 // as of when it was asked
	}
)

// watchLife begins to probe, or goes on with changed settings.
func (s *server) watchLife(c actor.Context) {
	if every := s.plan().Entry.Settings.PingInterval; every != s.run.probe.every {
		s.run.probe.every = every
		s.probeLater(c)
	}
}

func (s *server) probeLater(c actor.Context) {
	p := &s.run.probe
	p.seq++
	p.timer = later(c, p.timer, p.every, probeDue{ofRun(s.run.nr), p.seq})
}

// later sends the actor a message after d, or never if that is 0, and stops
// the timer that it takes the place of.
func later(c actor.Context, old *time.Timer, d time.Duration, message any) *time.Timer {
	if old != nil {
		old.Stop()
	}
	if d == 0 {
		return nil
	}
	root, self := c.ActorSystem().Root, c.Self()
	return time.AfterFunc(d, func() { root.Send(self, message) })
}

func (s *server) probeDue(c actor.Context, m probeDue) {
	if m.seq != s.run.probe.seq || !s.run.awake() {
		return
	}
	plan := s.plan()
	if !s.mayJudge(plan.Cell) {
		s.probeLater(c)
		return
	}
	root, self, ctx, session := c.ActorSystem().Root, c.Self(), s.run.ctx, s.run.session
	timeout, overdue := plan.Entry.Settings.PingTimeout, plan.Cell.Overdue()
	s.deps.Reapers.Go(func() {
		alive := askForLife(ctx, session, timeout)
		root.Send(self, probed{ofRun: m.ofRun, seq: m.seq, alive: alive, overdue: overdue})
	})
}

// mayJudge reports whether silence means that the server hangs. While it may be
// busy with calls it does not, unless one of them has reached its deadline
// since the server was last known to be alive.
func (s *server) mayJudge(cell *endpoint.Cell) bool {
	return cell.InFlight() == 0 || cell.Overdue() != s.run.probe.overdue
}

// question is what a server is asked for a sign of life: each era has one
// request that costs nothing and that every server knows.
func question(session endpoint.Session) string {
	if session.Info().Stateless() {
		return "server/discover"
	}
	return "ping"
}

// askForLife reports whether the server shows a sign of life. Any answer is
// one, even an error, and so is anything else that comes; only silence is not.
func askForLife(ctx context.Context, session endpoint.Session, timeout time.Duration) (alive bool) {
	before := session.Received()
	inTime, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := session.Call(inTime, endpoint.Request{Method: question(session)})
	silent := err != nil && inTime.Err() != nil && ctx.Err() == nil
	return !silent || session.Received() != before
}

func (s *server) probed(c actor.Context, m probed) {
	if !s.run.awake() {
		return
	}
	if m.alive {
		s.run.probe.overdue = m.overdue
	}
	plan := s.plan()
	if !m.alive && s.mayJudge(plan.Cell) {
		s.run.session.Close(hung(question(s.run.session), plan.Entry.Settings.PingTimeout))
		return
	}
	if m.seq == s.run.probe.seq {
		s.probeLater(c)
	}
}

// hung is the end of a run whose server is silent. The session's end makes it
// a failure like any other.
func hung(question string, timeout time.Duration) *endpoint.Exit {
	return &endpoint.Exit{
		Phase: endpoint.Serving, At: time.Now(),
		Reason: fmt.Sprintf("hung: no answer to %s within ping_timeout_ms (%d)", question, timeout.Milliseconds()),
	}
}
