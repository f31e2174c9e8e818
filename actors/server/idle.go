package server

import (
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// idler says when a server that nobody calls is stopped.
type idler struct {
	after    time.Duration // idle_stop_ms as the timer was set to; 0 is never
	seq      uint64        // numbers the settings of the timer; messages of older ones are void
	timer    *time.Timer
	admitted uint64    // the cell's calls when it was last looked at
	quiet    time.Time // since when no call is known
	// falling says that the run is being ended because it is idle; wanted,
	// that somebody called meanwhile.
	falling, wanted bool
}

// idleDue tells the actor to look whether its server is idle.
type idleDue struct{ run, seq uint64 }

// IgnoreDeadLetterLogging keeps late timers out of the log.
func (idleDue) IgnoreDeadLetterLogging() {}

// awake says whether there is a session that may be used.
func (s *server) awake() bool { return s.session != nil && !s.idle.falling }

// watchCalls begins to look for idleness, or goes on with changed settings.
func (s *server) watchCalls(c actor.Context) {
	plan := s.plan()
	if after := plan.Entry.Settings.IdleStop; after != s.idle.after {
		s.idle.after, s.idle.quiet, s.idle.admitted = after, time.Now(), plan.Cell.Admitted()
		s.lookLater(c)
	}
}

// lookLater looks four times as often as would do, so that a server is not
// kept for twice as long as it should be.
func (s *server) lookLater(c actor.Context) {
	s.idle.seq++
	every := s.idle.after
	if every > 0 {
		every = max(every/4, time.Millisecond)
	}
	s.idle.timer = later(c, s.idle.timer, every, idleDue{s.run, s.idle.seq})
}

func (s *server) idleDue(c actor.Context, m idleDue) {
	if m.run != s.run || m.seq != s.idle.seq || !s.awake() {
		return
	}
	now, plan := time.Now(), s.plan()
	if n := plan.Cell.Admitted(); n != s.idle.admitted || plan.Cell.InFlight() > 0 {
		s.idle.admitted, s.idle.quiet = n, now
	}
	if now.Sub(s.idle.quiet) < s.idle.after || !s.fallAsleep(c, plan) {
		s.lookLater(c)
	}
}

// fallAsleep ends the run unless there is a call. It first takes the session
// out of sight and then counts the calls; a call is counted in before it looks
// for the session. So either the call is seen here, or it finds the server
// idle and wakes it: none is written to a session that is being closed.
func (s *server) fallAsleep(c actor.Context, plan messages.ServerPlan) bool {
	select {
	case <-plan.Cell.ClosedC(): // It is about to be stopped anyway.
		return false
	case <-s.session.Done(): // It has crashed; we are about to hear of it.
		return false
	default:
	}
	ready := *plan.Cell.Status()
	s.publish(plan, endpoint.Status{State: endpoint.Idle})
	if plan.Cell.InFlight() > 0 {
		plan.Cell.Publish(ready)
		return false
	}
	s.idle.falling = true
	publish(c, messages.ServerSleeping{Server: plan.Entry.Name, Run: s.run, After: s.idle.after})
	s.stop(endpoint.ErrStopped)
	return true
}

// slept hears that a run has ended; it says whether that was the end of a run
// that was idle, which is no failure.
func (s *server) slept(c actor.Context, err error) bool {
	if !s.idle.falling || !errors.Is(err, endpoint.ErrStopped) {
		return false
	}
	wanted := s.idle.wanted
	s.session, s.stop, s.ctx = nil, nil, nil
	s.idle.falling, s.idle.wanted = false, false
	if wanted {
		s.begin(c)
	}
	return true
}
