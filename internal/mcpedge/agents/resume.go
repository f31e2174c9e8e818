package agents

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"

	"gatehouse/internal/fair"
)

const headerLastEvent = "Last-Event-ID"

// errGone ends a call whose client did not come back.
var errGone = errors.New("the client's connection broke, and it did not take its stream up again")

// primingRevision is the first revision whose clients know an event without data,
// which names a stream before anything has been said on it.
const primingRevision = "2025-11-25"

// The times in which clients should connect again: to take a stream up, and after
// the gateway has ended one for want of room.
const (
	retrySoon  = "retry: 1000\n"
	retryLater = "retry: 5000\n\n"
)

// resumable has the events of the reply kept, once there are any, so that the client
// can take the stream up again. gone is what to do if it does not; nil is nothing.
func (p *reply) resumable(of *peer, gone func()) {
	revision, _ := of.known()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replay, p.primes, p.gone = of.replay, revision >= primingRevision, gone
}

// outlive returns the context of a call. If its stream can be taken up again, it goes
// on for GoOnTime once the connection has broken; else it ends with that. stop must
// follow.
func (p *reply) outlive(of *peer, r *http.Request) (ctx context.Context, stop func()) {
	if of.replay == nil {
		return r.Context(), func() {}
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	p.resumable(of, func() { cancel(errGone) })
	if p.primes && p.canStream {
		of.begin = func() { p.stream() }
	}
	unhook := context.AfterFunc(r.Context(), func() {
		p.mu.Lock()
		log, primes := p.log, p.primes
		p.mu.Unlock()
		if log == nil || !log.leave(p, primes) {
			cancel(context.Cause(r.Context()))
		}
	})
	return ctx, func() { unhook(); cancel(nil) }
}

// openLog begins the stream whose events are kept, and names it.
func (p *reply) openLog() {
	p.log = p.replay.open(p, p.gone)
	if p.primes {
		p.push([]byte("id: "+p.log.id(0)+"\n"+retrySoon), []byte("data: \n\n"))
	}
}

// takeUp goes on with a stream after an event.
func (p *reply) takeUp(log *eventStream, event uint64) {
	p.mu.Lock()
	p.log, p.sent = log, event
	p.mu.Unlock()
	log.take(p)
	p.stream([]byte(": going on\n\n"))
	p.pump(0, nil)
}

// pump sends what the client has not been sent of the stream, and last an event that
// may not be kept.
func (p *reply) pump(event uint64, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.phase != over {
		kept, next, ok := p.log.next(p, p.sent)
		if !ok {
			break
		}
		p.sent = next
		p.pushEvent(next, kept)
	}
	if p.phase != over && p.sent < event && p.log.isOf(p) {
		p.sent = event
		p.pushEvent(event, body)
	}
}

func (p *reply) pushEvent(event uint64, body []byte) {
	p.push([]byte("id: "+p.log.id(event)+"\n"), eventHead, body, eventEnd)
}

// finishLog ends the stream with the answer, over whichever connection has it now.
func (p *reply) finishLog(a answer) {
	defer p.log.finish()
	if a.none() {
		return
	}
	body := a.body
	if len(body)+eventOverhead <= maxReplayBytes {
		body = bytes.Clone(body) // The buffer is used again.
	}
	out, event := p.log.add(body)
	switch out {
	case nil:
	case p:
		p.mu.Lock()
		p.sent = event // All before has been sent: who reported progress has ended.
		p.mu.Unlock()
		p.pushEvent(event, body) // Without the lock, so that it can be cut.
	default:
		out.pump(event, body)
	}
}

// resume serves a GET of a client that goes on with the stream of a call. served is
// false if it does not.
func (e *Edge) resume(w http.ResponseWriter, r *http.Request, v visitor, p *peer) (served bool) {
	id := r.Header.Get(headerLastEvent)
	if p.replay == nil || !strings.HasPrefix(id, ofCall) {
		return false
	}
	log, event, ok := p.replay.find(id)
	if !ok || log.gone == nil {
		http.Error(w, "there is nothing to go on with after this event: it is of another session, or too old", http.StatusBadRequest)
		return true
	}
	ctx, end, ok := e.openStream(w, r, v, p)
	if !ok {
		return true
	}
	defer end()
	e.inFlight.toil(ctx, fair.Owner{Who: p.owner()}, log.after(event)) // To be sent much for little is work.
	out := e.newReply(w, r)
	defer out.end()
	out.enter(running)
	out.takeUp(log, event)
	select {
	case <-log.done:
		out.pump(0, nil)
	case <-ctx.Done():
		log.leave(out, true)
	}
	return true
}

// listening has what comes unasked kept too: of a new stream, or of the one that the
// client goes on with.
func (p *reply) listening(of *peer, lastEvent string) {
	if of.replay == nil {
		p.stream([]byte(": listening\n\n"))
		return
	}
	p.resumable(of, nil)
	if log, event, ok := of.replay.find(lastEvent); ok && log.gone == nil {
		p.takeUp(log, event)
		return
	}
	p.stream([]byte(": listening\n\n"))
}

// leave ends what comes unasked on a connection, and says when to come back if it is
// the gateway that ends it.
func (p *reply) leave(closedByUs bool) {
	p.mu.Lock()
	log, primes := p.log, p.primes
	p.mu.Unlock()
	if log == nil {
		return
	}
	if closedByUs && primes {
		p.stream([]byte(retryLater))
	}
	log.leave(p, true)
}
