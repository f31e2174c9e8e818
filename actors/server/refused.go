package server

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// refusal decides when to try a server again that refuses the credentials: from
// time to time, and when a call comes. A try costs nothing, and whoever runs
// the server may let the gateway in at any time.
type refusal struct {
	at     time.Time
	reason string
	seq    uint64 // numbers the settings of the timer; messages of older ones are void
	timer  *time.Timer
}

// retryDue tells the actor to try a server again that refused the credentials.
type retryDue struct{ seq uint64 }

// IgnoreDeadLetterLogging keeps late timers out of the log.
func (retryDue) IgnoreDeadLetterLogging() {}

// refusalPause is the shortest time between a refusal and the next try, however
// many calls come: who is asked with wrong credentials all the time may lock them.
const refusalPause = time.Second

// refused stays in the state of a server that needs other credentials, until the
// next try. A lazy server is tried by calls alone.
func (s *server) refused(c actor.Context, plan messages.ServerPlan, exit *endpoint.Exit) {
	again := s.refusal.reason == exit.Reason
	s.refusal.at, s.refusal.reason = time.Now(), exit.Reason
	retryAt := s.refusal.at.Add(s.pause(plan))
	if !plan.Lazy {
		delay := max(plan.Entry.Settings.Restart.Max, s.pause(plan))
		retryAt = s.refusal.at.Add(delay)
		s.tryAgainIn(c, delay)
	}
	plan.Cell.Move(endpoint.Refused, s.refusal.at, func(next *endpoint.Status) { next.Reason, next.RetryAt = exit.Reason, retryAt })
	publish(c, messages.ServerNeedsAuth{Server: plan.Name(), Run: exit.Run, Reason: exit.Reason, Again: again})
}

func (s *server) pause(plan messages.ServerPlan) time.Duration {
	return max(plan.Entry.Settings.Restart.Initial, refusalPause)
}

// tryAgainIn sets the timer anew.
func (s *server) tryAgainIn(c actor.Context, delay time.Duration) {
	s.refusal.seq++
	s.refusal.timer = later(c, s.refusal.timer, max(delay, 1), retryDue{s.refusal.seq})
}

// start begins a run that a call or the supervisor asks for. After a refusal
// there is a pause, and one try at its end, whatever the number of calls.
func (s *server) start(c actor.Context) {
	plan := s.plan()
	if s.run == nil && plan.Cell.Status().State == endpoint.NeedsAuth {
		if rest := s.pause(plan) - time.Since(s.refusal.at); rest > 0 {
			s.tryAgainIn(c, rest)
			return
		}
	}
	s.begin(c)
	s.run.call()
}

func (s *server) retryDue(c actor.Context, m retryDue) {
	if m.seq == s.refusal.seq && s.run == nil {
		s.begin(c)
	}
}
