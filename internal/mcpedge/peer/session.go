package peer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"gatehouse/internal/endpoint"
)

// Session is a session with a server that another gateway of the fleet runs. It ends
// by Close, when no connection to that gateway can be made, and when that gateway does
// not own the server any more or does not run it at the moment. Where it ends by itself
// calls that have been sent go on, each to its own end or to Close: an owner that takes
// no more of them finishes what it has.
type Session struct {
	client *Client
	target Target
	path   string
	info   endpoint.ServerInfo

	received atomic.Uint64
	ctx      context.Context
	cancel   context.CancelCauseFunc
	work     sync.WaitGroup
	done     chan struct{}

	mu     sync.Mutex
	cause  error // why it ended; set once
	closed bool
	calls  int // under way
}

var (
	_ endpoint.Session   = (*Session)(nil)
	_ endpoint.Elsewhere = (*Session)(nil)
)

var errClosed = errors.New("the session was closed")

func newSession(c *Client, target Target, info endpoint.ServerInfo) *Session {
	s := &Session{client: c, target: target, path: pathOf(serversPath, target.Key), info: info, done: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	return s
}

// Info implements [endpoint.Session]: what the server said of itself to its owner.
func (s *Session) Info() endpoint.ServerInfo { return s.info }

// Owner implements [endpoint.Elsewhere].
func (s *Session) Owner() (node string, epoch int64) { return s.target.Node, s.target.Epoch }

// PID implements [endpoint.Session]: the process is on another machine.
func (s *Session) PID() int { return 0 }

// Received implements [endpoint.Session].
func (s *Session) Received() uint64 { return s.received.Load() }

// Unanswered implements [endpoint.Session]. Who ended the server is found out by the
// gateway that owned it.
func (s *Session) Unanswered() endpoint.Calls { return endpoint.Calls{} }

// Done implements [endpoint.Session].
func (s *Session) Done() <-chan struct{} { return s.done }

// Err implements [endpoint.Session].
func (s *Session) Err() error {
	select {
	case <-s.done:
		return s.why()
	default:
		return nil
	}
}

func (s *Session) why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// Close implements [endpoint.Session]. Calls that wait to be sent never are, and can be
// made elsewhere; those that have been sent may have run. The server goes on.
func (s *Session) Close(cause error) {
	cause = cmp.Or(cause, errClosed)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.cancel(cause)
	if s.cause != nil {
		return
	}
	s.cause = cause
	go func() { // Ends with the last call, which has just been told.
		s.work.Wait()
		close(s.done)
	}()
}

// retire ends the session for calls to come.
func (s *Session) retire(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause == nil {
		s.cause = cause
		close(s.done)
	}
}

// Spent reports whether the session has ended and no call is under way in it.
func (s *Session) Spent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause != nil && s.calls == 0
}

// OwnerLost is the cause to close a session with once its server has another owner, or
// none: calls that had been sent may have run.
func (s *Session) OwnerLost() error {
	return &endpoint.Exit{Phase: endpoint.Serving, Reason: fmt.Sprintf("the gateway %q, which ran it, has lost it", s.target.Node)}
}

// begin counts a call in; false means that the session is over.
func (s *Session) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return false
	}
	s.work.Add(1)
	s.calls++
	return true
}

// leave counts a call out.
func (s *Session) leave() {
	s.mu.Lock()
	s.calls--
	s.mu.Unlock()
	s.work.Done()
}
