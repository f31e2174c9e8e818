package upstream

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
)

// writeTimeout bounds one write to a client that does not read.
const writeTimeout = 30 * time.Second

// reply writes the response of one POST: a JSON body, or, as soon as anything
// is to be sent before the answer, a stream of events that ends with it.
type reply struct {
	w         http.ResponseWriter
	control   *http.ResponseController
	canStream bool

	mu        sync.Mutex
	streaming bool
	stopped   bool        // no more comments
	keeper    *time.Timer // nil where there are none
}

func newReply(w http.ResponseWriter, r *http.Request) *reply {
	return &reply{w: w, control: http.NewResponseController(w), canStream: acceptsEvents(r)}
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
	var b bytes.Buffer
	b.Grow(len(body) + 32)
	b.WriteString("event: message\ndata: ")
	b.Write(body)
	b.WriteString("\n\n")
	p.stream(b.Bytes())
}

// stream writes to the event stream, which it opens if need be. A failed write
// needs no care: the request's context ends with the connection.
func (p *reply) stream(data []byte) {
	if !p.canStream {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.streamLocked(data)
}

func (p *reply) streamLocked(data []byte) {
	if !p.streaming {
		p.streaming = true
		startEvents(p.w)
	}
	p.push(data)
}

// push writes and flushes within the time limit, and lifts the limit again:
// it would outlive the request on a kept connection.
func (p *reply) push(data []byte) {
	_ = p.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, _ = p.w.Write(data)
	_ = p.control.Flush()
	_ = p.control.SetWriteDeadline(time.Time{})
}

func startEvents(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // Proxies must not wait for the end.
	w.WriteHeader(http.StatusOK)
}

// keepAlive sends a comment whenever the interval has passed, so that clients
// and proxies with a time limit don't give up on a long call. stop ends it.
func (p *reply) keepAlive(interval time.Duration) {
	if !p.canStream {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keeper = time.AfterFunc(interval, func() { p.comment(interval) })
}

// comment sends one comment, and sees to the next.
func (p *reply) comment(interval time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.streamLocked([]byte(keepAliveComment))
	p.keeper.Reset(interval)
}

// stop ends the comments, and waits until none can come. Repeating it does no
// harm.
func (p *reply) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.keeper != nil {
		p.keeper.Stop()
	}
}

const keepAliveComment = ": still running\n\n"

// every calls do at each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do()
		}
	}
}

// finish sends the answer: as the last event of a stream that has begun, else
// as a body of its own. status is for the latter. The answer is freed.
func (p *reply) finish(a answer, status int) {
	p.stop()
	defer a.free()
	p.mu.Lock()
	streaming := p.streaming
	p.mu.Unlock()
	switch {
	case streaming && a.none():
	case streaming:
		p.event(a.body)
	case a.none():
		p.w.WriteHeader(http.StatusAccepted)
	default:
		h := p.w.Header()
		h["Content-Type"] = jsonTypes
		h["Content-Length"] = []string{strconv.Itoa(len(a.body))}
		p.w.WriteHeader(status)
		p.push(a.body)
	}
}

// jsonTypes is shared by all responses: net/http only reads it.
var jsonTypes = []string{jsonType}

// statusOf maps a JSON-RPC error to the HTTP status that its revision asks
// for: from 2026-07-28 on each code has one.
func statusOf(a answer, modern bool) int {
	switch {
	case a.status != 0:
		return a.status
	case a.code == 0:
		return http.StatusOK
	case a.code == mcp.PARSE_ERROR, a.code == mcp.INVALID_REQUEST:
		return http.StatusBadRequest
	case !modern:
		return http.StatusOK
	case a.code == mcp.METHOD_NOT_FOUND:
		return http.StatusNotFound
	case a.code == mcp.HEADER_MISMATCH, a.code == mcp.MISSING_REQUIRED_CLIENT_CAPABILITY,
		a.code == mcp.UNSUPPORTED_PROTOCOL_VERSION, a.code == mcp.INVALID_PARAMS:
		return http.StatusBadRequest
	}
	return http.StatusOK
}
