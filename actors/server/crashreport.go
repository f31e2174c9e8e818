package server

import (
	"errors"
	"sync"
	"sync/atomic"

	"gatehouse/internal/endpoint"
)

// crashReport makes sure that the end of a run is reported exactly once, even
// if its actor stops at the same moment: a server that dies, or is found to
// hang, while it drains takes calls with it, and its actor may be gone before
// its process is.
type crashReport struct {
	orphaned atomic.Bool // the actor, which had a session, hears no more of the run
	once     sync.Once
	publish  func(exit error)
}

// ended is called by the run's goroutine once the session is over. It reports
// whether nothing is left to do; if false, the actor must be told.
func (r *crashReport) ended(session endpoint.Session) bool {
	if !r.orphaned.Load() {
		return false
	}
	r.report(session)
	return true
}

// orphan is called by an actor that stops before it has heard of the end of its
// session: that is yet to come, or the message is on its way in vain.
func (r *crashReport) orphan(session endpoint.Session) {
	r.orphaned.Store(true)
	select {
	case <-session.Done():
		r.report(session)
	default:
	}
}

func (r *crashReport) report(session endpoint.Session) {
	if err := session.Err(); !errors.Is(err, endpoint.ErrStopped) {
		r.once.Do(func() { r.publish(err) })
	}
}
