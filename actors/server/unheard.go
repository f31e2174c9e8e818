package server

import (
	"errors"
	"sync"
	"sync/atomic"

	"gatehouse/internal/endpoint"
)

// lastWords sees to it that the death of a run is told of exactly once also
// when its actor is stopped at that moment: a server that dies, or is found to
// hang, while it drains takes calls with it, and its actor may be gone before
// its process is.
type lastWords struct {
	unheard atomic.Bool // the actor hears no more of the run
	once    sync.Once
	tell    func(session endpoint.Session, exit error)
}

// ended is for the run's goroutine, once the session is over; false means that
// the actor is to be told.
func (l *lastWords) ended(session endpoint.Session) bool {
	if !l.unheard.Load() {
		return false
	}
	l.say(session)
	return true
}

// leave is for the actor, when it stops without having heard of the end of its
// session: it comes later, or the message is on its way in vain.
func (l *lastWords) leave(session endpoint.Session) {
	l.unheard.Store(true)
	select {
	case <-session.Done():
		l.say(session)
	default:
	}
}

func (l *lastWords) say(session endpoint.Session) {
	if err := session.Err(); !errors.Is(err, endpoint.ErrStopped) {
		l.once.Do(func() { l.tell(session, err) })
	}
}
