package testkit

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"gatehouse/internal/endpoint"
)

// Session is a server's session that answers as a test says: the other end of
// an endpoint.Cell, without a server.
type Session struct {
	answer Answer
	info   endpoint.ServerInfo
	pid    int

	ctx    context.Context // ends with the session; its cause says why
	end    context.CancelCauseFunc
	done   chan struct{}
	mu     sync.Mutex
	over   bool
	calls  []endpoint.Request
	open   []endpoint.Call // those with Request.By that run
	left   endpoint.Calls  // those that ran at the end
	heard  atomic.Uint64
	active sync.WaitGroup
}

// Answer answers one request. It runs on the caller's goroutine and must
// return when ctx ends, with its cause: that is the end of the call or of the
// session.
type Answer func(ctx context.Context, req endpoint.Request) (endpoint.Response, error)

var _ endpoint.Session = (*Session)(nil)

// NewSession makes an open session of a server that declares tools.
func NewSession(pid int, answer Answer) *Session {
	s := &Session{answer: answer, info: endpoint.ServerInfo{Name: "fake", Tools: true}, pid: pid, done: make(chan struct{})}
	s.ctx, s.end = context.WithCancelCause(context.Background())
	return s
}

// Says answers every request with this result.
func Says(result string) Answer {
	return func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{Result: []byte(result)}, nil
	}
}

// Hangs answers no request.
func Hangs(ctx context.Context, _ endpoint.Request) (endpoint.Response, error) {
	<-ctx.Done()
	return endpoint.Response{}, context.Cause(ctx)
}

// WithInfo sets what the server says of itself and returns the session.
func (s *Session) WithInfo(info endpoint.ServerInfo) *Session {
	s.info = info
	return s
}

// Call implements endpoint.Session.
func (s *Session) Call(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
	if !s.enter(req) {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: context.Cause(s.ctx)}
	}
	defer s.leave(req)
	ctx, stop := req.Until(ctx)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(context.Cause(s.ctx)) })()
	response, err := s.answer(ctx, req)
	if err == nil {
		s.Hear()
	}
	return response, err
}

// Hear makes the session receive something from the server.
func (s *Session) Hear() { s.heard.Add(1) }

// Received implements endpoint.Session.
func (s *Session) Received() uint64 { return s.heard.Load() }

// Unanswered implements endpoint.Session.
func (s *Session) Unanswered() endpoint.Calls {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

func (s *Session) enter(req endpoint.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.calls = append(s.calls, req)
	if req.By.ID != "" {
		s.open = append(s.open, req.By)
	}
	s.active.Add(1)
	return true
}

func (s *Session) leave(req endpoint.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.open, req.By); i >= 0 {
		s.open = slices.Delete(s.open, i, i+1)
	}
	s.active.Done()
}

// Calls returns the requests that reached the session, in order.
func (s *Session) Calls() []endpoint.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]endpoint.Request(nil), s.calls...)
}

// Info implements endpoint.Session.
func (s *Session) Info() endpoint.ServerInfo { return s.info }

// PID implements endpoint.Session.
func (s *Session) PID() int { return s.pid }

// Done implements endpoint.Session.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err implements endpoint.Session.
func (s *Session) Err() error {
	select {
	case <-s.done:
		return context.Cause(s.ctx)
	default:
		return nil
	}
}

// Close implements endpoint.Session. A test ends a session with it as a server
// would: by an *endpoint.Exit.
func (s *Session) Close(cause error) {
	s.mu.Lock()
	first := !s.over
	s.over = true
	if first {
		for _, call := range s.open {
			s.left.Add(call)
		}
	}
	s.mu.Unlock()
	if !first {
		return
	}
	s.end(cause)
	go func() { // Ends with the last call.
		s.active.Wait()
		close(s.done)
	}()
}
