package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"gatehouse/internal/fair"
	"gatehouse/internal/identity"
	"gatehouse/internal/weight"
)

// The causes that end a call's context or refuse it a place.
var (
	errClosed         = errors.New("the gateway is shutting down")
	errFull           = errors.New("too many calls are running")
	errCancelled      = errors.New("cancelled by the client")
	errRevoked        = errors.New("the credential is no longer accepted")
	errSessionDeleted = errors.New("the session was deleted")
	errNoListener     = errors.New("too many streams are open")
	errHeavy          = errors.New("too many large messages are being served")
	errTogether       = errors.New("the answers of the batch are too large together")
	errNotReading     = errors.New("the agent does not read its answers")
)

// callKey names a running call as its client does. Calls without a session
// have no key.
type callKey struct{ session, id string }

// call is one running tools/call.
type call struct {
	key    callKey
	who    *identity.Caller
	cancel context.CancelCauseFunc

	weight   *weight.Share // of the answer: own, or that of its batch
	own      weight.Share
	budget   *weight.Budget
	progress *progress  // nil unless something is to be told meanwhile
	queueing sync.Mutex // guards progress where servers tell something, and told
	told     bool       // nothing more is queued
	// asks is the client, and notify its way to it while the call runs.
	asks     *Client
	begin    func() // begins the stream; nil where it cannot be taken up
	notify   notifyFunc
	asking   sync.Mutex // held while the client is asked on the call's stream
	over     bool       // that stream is another's now
	silenced bool       // cancelled by the client: guarded by inFlight.mu
	// Of a client of 2026-07-28: what it has declared, the tool, and how the call goes
	// on once it has been asked something, which asking guards.
	said   json.RawMessage
	name   string
	rounds *rounds
}

// inFlight counts what runs, so that it can be bounded, shared, cancelled and
// awaited.
type inFlight struct {
	placeWait  time.Duration
	maxPlaces  int
	maxStreams int

	places fair.Pool // of calls

	mu      sync.Mutex
	closing bool
	running int           // POSTs whose body is there, and calls and batches over stdio
	idle    chan struct{} // closed when running falls to 0; nil if nobody waits
	calls   map[*call]struct{}
	named   map[callKey]*call
	streams map[*stream]struct{}
	// listened is how many streams there have been.
	listened uint64
}

// stream is one listening GET.
type stream struct {
	session string
	who     *identity.Caller
	owner   string // a credential, or else an address
	turn    uint64 // the order of arrival
	end     context.CancelFunc
}

func newInFlight(o Options) *inFlight {
	return &inFlight{
		placeWait:  o.PlaceWait,
		maxPlaces:  o.MaxInFlight,
		maxStreams: o.MaxStreams,
		calls:      map[*call]struct{}{},
		named:      map[callKey]*call{},
		streams:    map[*stream]struct{}{},
	}
}

// begin counts something in that a shutdown waits for, or returns errClosed. end
// must follow.
func (f *inFlight) begin() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closing {
		return errClosed
	}
	f.running++
	return nil
}

func (f *inFlight) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running--
	if f.running == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// hold takes a place for a call of an owner, or returns why there is none. It
// blocks while others have their turn, at most PlaceWait. The place must be
// released.
func (f *inFlight) hold(ctx context.Context, o fair.Owner) error {
	wait, answer := f.places.Enter(o, f.maxPlaces, time.Now())
	switch answer {
	case fair.Granted:
		return nil
	case fair.Waiting:
		return f.await(ctx, wait)
	case fair.Closed, fair.Full:
	}
	f.hesitate(ctx, o)
	return errFull
}

// hesitation is how long a refusal takes while others call too: who calls again
// at once would take the processor from them.
const hesitation = time.Second

// hesitate blocks for as long as a refusal should take.
func (f *inFlight) hesitate(ctx context.Context, o fair.Owner) {
	if !f.places.Wanted(o, time.Now()) {
		return
	}
	timer := time.NewTimer(hesitation)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// await blocks until a wait has an end.
func (f *inFlight) await(ctx context.Context, wait *fair.Wait) error {
	limit := time.NewTimer(f.placeWait)
	defer limit.Stop()
	look := time.NewTicker(fair.LookEvery)
	defer look.Stop()
	for {
		select {
		case <-wait.Done():
			return nil // The pool is never closed.
		case <-look.C:
			wait.Look(time.Now())
		case <-limit.C:
			wait.Leave(time.Now())
			return errFull
		case <-ctx.Done():
			wait.Leave(time.Now())
			return context.Cause(ctx)
		}
	}
}

// release returns a place. size is how many bytes were answered, given up whether
// nobody waits for the answer any more.
func (f *inFlight) release(o fair.Owner, size int64, givenUp bool) {
	now := time.Now()
	if work := workOf(size); work > 0 {
		f.places.Burden(o, work, now)
	} else if givenUp {
		f.places.Abandon(o, now)
	}
	f.places.Leave(o, now)
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

// rename has a call's client name it by another request.
func (f *inFlight) rename(c *call, key callKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.named[c.key] == c {
		delete(f.named, c.key)
	}
	if _, running := f.calls[c]; running {
		c.key = key
		f.named[key] = c
	}
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

// listen registers a GET stream, or returns why it may not be open. If too many
// are, the oldest one of whoever has the most ends for it.
func (f *inFlight) listen(s *stream) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closing:
		return errClosed
	case len(f.streams) >= f.maxStreams:
		old := f.surplus(s.owner)
		if old == nil {
			return errNoListener
		}
		delete(f.streams, old)
		old.end()
	}
	f.listened++
	s.turn = f.listened
	f.streams[s] = struct{}{}
	return nil
}

// surplus is the oldest stream of the owner that has the most; nil if nobody has
// more than this owner would have with another one.
func (f *inFlight) surplus(owner string) (oldest *stream) {
	count := map[string]int{}
	for s := range f.streams {
		count[s.owner]++
	}
	most := count[owner] + 1
	for s := range f.streams {
		n := count[s.owner]
		if n > most || n == most && oldest != nil && s.turn < oldest.turn {
			most, oldest = n, s
		}
	}
	return oldest
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

// endRevoked cancels the calls and streams of callers who are no longer accepted.
func (f *inFlight) endRevoked(accepted func(*identity.Caller) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.calls {
		if !accepted(c.who) {
			c.cancel(errRevoked)
		}
	}
	for s := range f.streams {
		if !accepted(s.who) {
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

// wait blocks until nothing runs or ctx ends.
func (f *inFlight) wait(ctx context.Context) error {
	idle := f.whenIdle()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	f.mu.Lock()
	left := f.running
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
	if f.running == 0 {
		done := make(chan struct{})
		close(done)
		return done
	}
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	return f.idle
}
