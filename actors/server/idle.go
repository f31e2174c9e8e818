package server

import (
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// idler times when a server that nobody calls is stopped.
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
type idleDue struct {
	ofRun
	seq uint64
}

// watchCalls begins to look for idleness, or goes on with changed settings.
func (s *server) watchCalls(c actor.Context) {
	plan, idle := s.plan(), &s.run.idle
	if after := plan.Entry.Settings.IdleStop; after != idle.after {
		idle.after, idle.quiet, idle.admitted = after, time.Now(), plan.Cell.Admitted()
		s.lookLater(c)
	}
}

// lookLater checks at a quarter of idle_stop_ms, so that a server is not kept
// for twice as long as it should be.
func (s *server) lookLater(c actor.Context) {
	idle := &s.run.idle
	idle.seq++
	every := idle.after
	if every > 0 {
		every = max(every/4, time.Millisecond)
	}
	idle.timer = later(c, idle.timer, every, idleDue{ofRun(s.run.nr), idle.seq})
}

func (s *server) idleDue(c actor.Context, m idleDue) {
	idle := &s.run.idle
	if m.seq != idle.seq || !s.run.awake() {
		return
	}
	now, plan := time.Now(), s.plan()
	if n := plan.Cell.Admitted(); n != idle.admitted || plan.Cell.Working() {
		idle.admitted, idle.quiet = n, now
	}
	if client := plan.Cell.Client(); client != nil && client.Alive().After(idle.quiet) {
		idle.quiet = client.Alive()
	}
	if now.Sub(idle.quiet) < idle.after || !s.fallAsleep(c, plan) {
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
	case <-s.run.session.Done(): // It has crashed; we are about to hear of it.
		return false
	default:
	}
	ready := plan.Cell.Status()
	if !plan.Cell.Move(endpoint.Slept, time.Now(), nil) {
		return false
	}
	if plan.Cell.Working() {
		plan.Cell.Move(endpoint.Stayed, ready.Since, func(next *endpoint.Status) {
			next.PID, next.Session = ready.PID, ready.Session
		})
		return false
	}
	s.run.idle.falling = true
	publish(c, messages.ServerSleeping{Server: plan.Name(), Run: s.run.nr, After: s.run.idle.after})
	s.run.stop(endpoint.ErrStopped)
	return true
}

// slept hears that a run has ended. It reports whether that was the end of a
// run that was idle, which is not a failure.
func (s *server) slept(c actor.Context, err error) bool {
	if !s.run.idle.falling || !errors.Is(err, endpoint.ErrStopped) {
		return false
	}
	wanted := s.run.idle.wanted
	s.run.end()
	s.run = nil
	if wanted {
		s.begin(c)
	} else if plan := s.plan(); plan.Instance != "" { // Its place is another's to have.
		c.Send(c.Parent(), messages.EndInstance{Name: plan.Entry.Name, Cell: plan.Cell, Timeout: plan.Entry.Settings.DrainTimeout})
	}
	return true
}
