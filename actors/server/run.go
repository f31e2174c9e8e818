package server

import (
	"context"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// run is one incarnation of a server, from its start to its end, as the actor
// knows it.
type run struct {
	nr      uint64
	ctx     context.Context // ends with the run
	stop    context.CancelCauseFunc
	called  chan struct{}    // closed when a call waits for it
	session endpoint.Session // nil while it starts
	ready   time.Time        // since when there is a session
	report  crashReport
	refresh [endpoint.Lists]refresher
	probe   prober
	idle    idler
}

func newRun(number uint64) *run {
	r := &run{nr: number, called: make(chan struct{})}
	r.ctx, r.stop = context.WithCancelCause(context.Background())
	return r
}

// is reports whether this is the run with that number. No run has any.
func (r *run) is(number uint64) bool { return r != nil && r.nr == number }

// call notes that a call waits for the run, if there is one.
func (r *run) call() {
	if r == nil {
		return
	}
	select {
	case <-r.called:
	default:
		close(r.called)
	}
}

// awake reports whether there is a session that may be used.
func (r *run) awake() bool { return r != nil && r.session != nil && !r.idle.falling }

// opening reports whether the run is still being started.
func (r *run) opening() bool { return r != nil && r.session == nil }

// follow has the server asked for what agents want to hear of, as long as the run
// lasts.
func (s *server) follow(plan messages.ServerPlan) {
	if s.deps.Follow == nil {
		return
	}
	ctx, session, wanted, follow := s.run.ctx, s.run.session, plan.Cell.Notices(), s.deps.Follow
	s.deps.Reapers.Go(func() { follow(ctx, session, wanted) }) // Ends with the run.
}

// crash is the end of a run that had been ready.
func (r *run) crash(err error, plan messages.ServerPlan) *endpoint.Exit {
	exit := asExit(err, plan, r.nr, endpoint.Serving)
	exit.ReadyFor = exit.At.Sub(r.ready)
	exit.Calls = r.session.Unanswered()
	return exit
}

// end ends the run's context, and with it its session and its process, and
// stops its timers. It doesn't wait.
func (r *run) end() {
	for _, timer := range []*time.Timer{r.probe.timer, r.idle.timer} {
		if timer != nil {
			timer.Stop()
		}
	}
	r.stop(endpoint.ErrStopped)
}
