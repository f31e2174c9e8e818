package agents

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// The causes that end a call's context or refuse a unit of work.
var (
	errClosed         = errors.New("the gateway is shutting down")
	errFull           = errors.New("too many calls are running")
	errCancelled      = errors.New("cancelled by the client")
	errSessionDeleted = errors.New("the session was deleted")
	errNoListener     = errors.New("too many streams are open")
)

// callKey names a running call as its client does. Calls without a session
// have no key.
type callKey struct{ session, id string }

// call is one running tools/call.
type call struct {
	key    callKey
	cancel context.CancelCauseFunc

	progress *progress // nil without a token
	silenced bool      // cancelled by the client: guarded by work.mu
	detour   *detour   // nil in the fast lane
}

// detour is what a call needs that takes mcp-go's way.
type detour struct {
	peer    *peer
	message message
	answer  answer // set by the handler of the tool
	unknown bool   // there is no such tool
}

// work counts what runs, so that it can be bounded, cancelled and awaited.
type work struct {
	maxUnits   int
	maxStreams int
	maxBytes   int

	mu      sync.Mutex
	closing bool
	units   int
	bytes   int           // of large messages; see weight
	idle    chan struct{} // closed when units falls to 0; nil if nobody waits
	calls   map[*call]struct{}
	named   map[callKey]*call
	streams map[*stream]struct{}
}

// stream is one listening GET.
type stream struct {
	session string
	end     context.CancelFunc
}

func newWork(maxUnits, maxStreams, maxBytes int) *work {
	return &work{
		maxUnits:   maxUnits,
		maxStreams: maxStreams,
		maxBytes:   maxBytes,
		calls:      map[*call]struct{}{},
		named:      map[callKey]*call{},
		streams:    map[*stream]struct{}{},
	}
}

// hold takes one unit, or says why not. Each unit must be released.
func (w *work) hold() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closing:
		return errClosed
	case w.units >= w.maxUnits:
		return errFull
	}
	w.units++
	return nil
}

func (w *work) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.units--
	if w.units == 0 && w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
}

// track makes a call cancellable. Of two running calls with one id the later
// one is meant by a cancellation.
func (w *work) track(c *call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[c] = struct{}{}
	if c.key.session != "" {
		w.named[c.key] = c
	}
}

// untrack forgets a call and reports whether its client cancelled it.
func (w *work) untrack(c *call) (silenced bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.calls, c)
	if w.named[c.key] == c {
		delete(w.named, c.key)
	}
	return c.silenced
}

// cancel ends the call that its client names, if it runs, and silences it.
func (w *work) cancel(key callKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.named[key]; c != nil {
		c.silenced = true
		c.cancel(errCancelled)
	}
}

// listen registers a GET stream, or says why not.
func (w *work) listen(s *stream) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closing:
		return errClosed
	case len(w.streams) >= w.maxStreams:
		return errNoListener
	}
	w.streams[s] = struct{}{}
	return nil
}

func (w *work) unlisten(s *stream) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.streams, s)
}

// endSession cancels the calls and streams of one HTTP session.
func (w *work) endSession(session string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.calls {
		if c.key.session == session {
			c.cancel(errSessionDeleted)
		}
	}
	for s := range w.streams {
		if s.session == session {
			s.end()
		}
	}
}

func (w *work) cancelAll(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.calls {
		c.cancel(cause)
	}
}

// close refuses new units and ends the streams. Repeating it does no harm.
func (w *work) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closing = true
	for s := range w.streams {
		s.end()
	}
}

// wait blocks until no unit is held or ctx ends.
func (w *work) wait(ctx context.Context) error {
	idle := w.whenIdle()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	left := w.units
	w.mu.Unlock()
	if left == 0 {
		return nil
	}
	w.cancelAll(errClosed)
	return fmt.Errorf("cannot finish %d running calls of agents: %w", left, context.Cause(ctx))
}

func (w *work) whenIdle() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.units == 0 {
		done := make(chan struct{})
		close(done)
		return done
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	return w.idle
}
