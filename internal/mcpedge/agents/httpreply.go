package agents

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/weight"
)

// reply writes the response of one POST: a JSON body, or, as soon as anything
// is to be sent before the answer, a stream of events that ends with it.
//
// One timer watches it from the reading of the request to the end: it cuts off
// a client that does not send its body or does not read its answer, and sends
// comments meanwhile, so that clients and proxies with a time limit don't give
// up on a long call. (Deadlines would do the first two, but each costs a lock
// and a timer of the runtime's, four times a request.)
type reply struct {
	w         http.ResponseWriter
	control   *http.ResponseController
	canStream bool
	opts      *Options
	share     weight.Share // of the request

	mu        sync.Mutex
	watch     *time.Timer
	phase     phase
	since     time.Time // when the phase began
	cutOff    bool      // the connection has a deadline
	streaming bool

	// What follows is of a session that keeps events: see resume.go.
	replay *replay
	primes bool
	gone   func()
	log    *eventStream // once there is one
	sent   uint64       // the latest event of it that was written
}

// phase is how far a POST has come. While it runs, the watch may begin the
// response: its headers must be settled by then, but for those of a stream.
type phase int

const (
	reading  phase = iota
	settling       // running, with headers that are not settled yet
	running
	writing
	over
)

// newReply begins with the reading of the request. end must follow.
func (e *Edge) newReply(w http.ResponseWriter, r *http.Request) *reply {
	p := &reply{
		w: w, control: http.NewResponseController(w), canStream: acceptsEvents(r),
		opts: &e.opts, share: e.opts.Budget.Share(), since: time.Now(),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch = time.AfterFunc(p.opts.KeepAlive, p.look)
	return p
}

// look is what the timer does.
func (p *reply) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.phase == over:
		return
	case p.phase == reading && time.Since(p.since) >= p.opts.BodyTimeout:
		p.cutOff = true
		_ = p.control.SetReadDeadline(time.Now())
	case p.phase == writing && time.Since(p.since) >= p.opts.WriteTimeout:
		p.cutOff = true
		_ = p.control.SetWriteDeadline(time.Now())
	case p.phase == running && p.canStream:
		p.streamLocked([]byte(keepAliveComment))
	}
	p.watch.Reset(p.opts.KeepAlive)
}

// enter begins a phase. If the last one was cut off just as it ended, the
// connection stays usable. (For a body that did not come, giveUpBody sets
// another limit after this.)
func (p *reply) enter(next phase) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.since = next, time.Now()
	if p.cutOff {
		p.cutOff = false
		_ = p.control.SetReadDeadline(time.Time{})
		_ = p.control.SetWriteDeadline(time.Time{})
	}
	if next == over {
		p.watch.Stop()
	}
}

// end ends the watch. Repeating it does no harm.
func (p *reply) end() {
	p.share.Release()
	p.enter(over)
}

// acceptsEvents reports whether the client takes an event stream. No Accept at
// all takes anything.
func acceptsEvents(r *http.Request) bool {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	return accept == "" || strings.Contains(accept, "text/event-stream") ||
		strings.Contains(accept, "text/*") || strings.Contains(accept, "*/*")
}

// notify sends a message ahead of the answer, or drops it if the client takes
// no streams.
func (p *reply) notify(body []byte) { p.event(body) }

func (p *reply) event(body []byte) {
	if !p.canStream {
		return
	}
	p.mu.Lock()
	if p.replay == nil {
		p.streamLocked(eventHead, body, eventEnd)
		p.mu.Unlock()
		return
	}
	p.streamLocked()
	log := p.log
	p.mu.Unlock()
	log.tell(body)
}

// What stands around the message of an event.
var eventHead, eventEnd = []byte("event: message\ndata: "), []byte("\n\n")

// stream writes to the event stream, which it opens if need be. A failed write
// needs no care: the request's context ends with the connection.
func (p *reply) stream(data ...[]byte) {
	if !p.canStream {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.streamLocked(data...)
}

func (p *reply) streamLocked(data ...[]byte) {
	if !p.streaming {
		p.streaming = true
		startEvents(p.w)
		if p.replay != nil && p.log == nil {
			p.openLog()
		}
	}
	if len(data) > 0 {
		p.push(data...)
	}
}

// push writes and flushes within the time limit, and lifts the limit again:
// otherwise it would outlive the request on a kept connection.
func (p *reply) push(data ...[]byte) {
	_ = p.control.SetWriteDeadline(time.Now().Add(p.opts.WriteTimeout))
	for _, part := range data {
		_, _ = p.w.Write(part) // It is an event stream, no page.
	}
	_ = p.control.Flush()
	_ = p.control.SetWriteDeadline(time.Time{})
}

// cut ends the writing of an answer whose room is wanted.
func (p *reply) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phase == writing {
		p.cutOff = true
		_ = p.control.SetWriteDeadline(time.Now())
	}
}

func startEvents(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // Proxies must not wait for the end.
	w.WriteHeader(http.StatusOK)
}

const keepAliveComment = ": still running\n\n"

// finish sends the answer: as the last event of a stream that has begun, else
// as a body of its own. status is for the latter. The answer is freed. While it
// is written no lock is held, so that it can be cut.
func (p *reply) finish(a answer, status int) {
	defer a.free()
	p.share.Release() // Before the client can go on.
	p.enter(writing)
	a.weight.Writing(p.cut)
	p.mu.Lock()
	streaming, kept := p.streaming, p.log != nil
	p.mu.Unlock()
	switch {
	case kept:
		p.finishLog(a)
	case streaming && a.none():
	case streaming:
		p.push(eventHead, a.body, eventEnd)
	case a.none():
		p.w.WriteHeader(http.StatusAccepted)
	default:
		h := p.w.Header()
		h["Content-Type"] = jsonTypes
		h["Content-Length"] = []string{strconv.Itoa(len(a.body))}
		p.w.WriteHeader(status)
		_, _ = p.w.Write(a.body)
		_ = p.control.Flush() // While the watch is on.
	}
}

// jsonTypes is shared by all responses: net/http only reads it.
var jsonTypes = []string{jsonType}

// statusOf maps a JSON-RPC error to the HTTP status that its revision asks
// for: from 2026-07-28 on each code has one.
func statusOf(a answer, stateless bool) int {
	switch {
	case a.status != 0:
		return a.status
	case a.code == 0:
		return http.StatusOK
	case a.code == mcp.PARSE_ERROR, a.code == mcp.INVALID_REQUEST:
		return http.StatusBadRequest
	case !stateless:
		return http.StatusOK
	case a.code == mcp.METHOD_NOT_FOUND:
		return http.StatusNotFound
	case a.code == mcp.HEADER_MISMATCH, a.code == mcp.MISSING_REQUIRED_CLIENT_CAPABILITY,
		a.code == mcp.UNSUPPORTED_PROTOCOL_VERSION, a.code == mcp.INVALID_PARAMS:
		return http.StatusBadRequest
	}
	return http.StatusOK
}
