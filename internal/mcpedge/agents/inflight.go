package agents

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// The causes that end a call's context or refuse it a place.
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
	silenced bool      // cancelled by the client: guarded by inFlight.mu
}

// inFlight counts what runs, so that it can be bounded, cancelled and awaited.
// A place is for one call, batch or POST.
type inFlight struct {
	maxPlaces  int
	maxStreams int
	maxBytes   int

	mu      sync.Mutex
	closing bool
	places  int           // taken
	bytes   int           // of large messages; see byteShare
	idle    chan struct{} // closed when places falls to 0; nil if nobody waits
	calls   map[*call]struct{}
	named   map[callKey]*call
	streams map[*stream]struct{}
}

// stream is one listening GET.
type stream struct {
	session string
	end     context.CancelFunc
}

func newInFlight(maxPlaces, maxStreams, maxBytes int) *inFlight {
	return &inFlight{
		maxPlaces:  maxPlaces,
		maxStreams: maxStreams,
		maxBytes:   maxBytes,
		calls:      map[*call]struct{}{},
		named:      map[callKey]*call{},
		streams:    map[*stream]struct{}{},
	}
}

// hold takes one place, or returns why there is none. Each must be released.
func (f *inFlight) hold() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closing:
		return errClosed
	case f.places >= f.maxPlaces:
		return errFull
	}
	f.places++
	return nil
}

func (f *inFlight) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.places--
	if f.places == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// track makes a call cancellable. Of two running calls with one id the later
// one is meant by a cancellation.
func (f *inFlight) track(c *call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[c] = struct{}{}
	if c.key.session != "" {
		f.named[c.key] = c
	}
}

// untrack forgets a call and reports whether its client cancelled it.
func (f *inFlight) untrack(c *call) (silenced bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.calls, c)
	if f.named[c.key] == c {
		delete(f.named, c.key)
	}
	return c.silenced
}

// cancel ends the call that its client names, if it runs, and silences it.
func (f *inFlight) cancel(key callKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.named[key]; c != nil {
		c.silenced = true
		c.cancel(errCancelled)
	}
}

// listen registers a GET stream, or returns why it may not be open.
func (f *inFlight) listen(s *stream) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closing:
		return errClosed
	case len(f.streams) >= f.maxStreams:
		return errNoListener
	}
	f.streams[s] = struct{}{}
	return nil
}

func (f *inFlight) unlisten(s *stream) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.streams, s)
}

// endSession cancels the calls and streams of one HTTP session.
func (f *inFlight) endSession(session string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.calls {
		if c.key.session == session {
			c.cancel(errSessionDeleted)
		}
	}
	for s := range f.streams {
		if s.session == session {
			s.end()
		}
	}
}

func (f *inFlight) cancelAll(cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.calls {
		c.cancel(cause)
	}
}

// close refuses new calls and ends the streams. Repeating it does no harm.
func (f *inFlight) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closing = true
	for s := range f.streams {
		s.end()
	}
}

// wait blocks until no place is taken or ctx ends.
func (f *inFlight) wait(ctx context.Context) error {
	idle := f.whenIdle()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	f.mu.Lock()
	left := f.places
	f.mu.Unlock()
	if left == 0 {
		return nil
	}
	f.cancelAll(errClosed)
	return fmt.Errorf("cannot finish %d running calls of agents: %w", left, context.Cause(ctx))
}

func (f *inFlight) whenIdle() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.places == 0 {
		done := make(chan struct{})
		close(done)
		return done
	}
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	return f.idle
}
