package servers

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/mark3labs/mcp-go/client/transport"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
)

// countingBody counts the reads that brought something.
type countingBody struct {
	io.ReadCloser

	count *atomic.Uint64
}

func (b *countingBody) Read(p []byte) (int, error) {
	return countingReader{b.ReadCloser, b.count}.Read(p)
}

// limitedBody is a body of which only the beginning is read.
type limitedBody struct {
	io.Reader
	io.Closer
}

// message acts on a message of the server, wherever it came.
func (h *HTTP) message(m jsonrpc.Message) {
	switch m.Kind() {
	case jsonrpc.Answer:
		if x := h.waiting(m.ID); x != nil {
			x.settle(response(m, nil, x.limit))
		}
	case jsonrpc.Notification:
		h.notified(m)
	case jsonrpc.Request:
		if body := replyLine(m); body != nil && !h.stateless { // 2026-07-28 knows no requests of servers.
			h.aside(func(ctx context.Context) { h.post(ctx, body) })
		}
	case jsonrpc.Unknown:
	}
}

func (h *HTTP) notified(m jsonrpc.Message) {
	switch m.Name() {
	case methodToolsChange:
		h.opts.OnToolsChanged()
	case methodAcknowledged:
		h.tools.acknowledged(h.opts.OnToolsChanged)
	case methodProgress:
		token, rest := splitToken(m.Params)
		if x := h.waiting(token); x != nil && x.progress != nil {
			x.progress(rest)
		}
	}
}

// post sends a message as mcp-go would: it has no way to send answers.
func (h *HTTP) post(ctx context.Context, body []byte) {
	target := h.base.String()
	if sse, ok := h.wire.(*transport.SSE); ok {
		if sse.GetEndpoint() == nil {
			return
		}
		target = sse.GetEndpoint().String()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if id := h.wire.GetSessionId(); id != "" {
		req.Header.Set(transport.HeaderKeySessionID, id)
	}
	select {
	case <-h.opened:
		req.Header.Set(transport.HeaderKeyProtocolVersion, h.info.ProtocolVersion)
	default:
	}
	if resp, err := (&tap{h}).send(req, nil); err == nil {
		_ = resp.Body.Close() // Nobody waits for it.
	}
}

// eventFilter is the body of an event stream as mcp-go sees it: endpoint
// events and the ids of events as they are, stubs in place of answers to
// requests that wait, and nothing else.
type eventFilter struct {
	h     *HTTP
	x     *exchange // whose response it is; nil for a stream of its own
	body  io.ReadCloser
	lines *jsonrpc.Reader

	event string
	data  []byte
	over  *jsonrpc.Skimmer // set when the event's data is too large to keep
	some  bool             // the event has data

	out []byte // what is still to be read
	err error  // comes after out
}

func newEventFilter(h *HTTP, x *exchange, body io.ReadCloser) *eventFilter {
	f := &eventFilter{h: h, x: x, body: body}
	f.lines = jsonrpc.NewReader(body, jsonrpc.Limits{Keep: jsonrpc.ReadBuffer, Keeps: h.eventLimit, Endless: DefaultMaxLineBytes})
	return f
}

// eventLimit is the largest event that is worth keeping now.
func (h *HTTP) eventLimit() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	limit := int64(jsonrpc.ReadBuffer)
	if len(h.pending) == 0 {
		limit = h.opts.MaxMessageBytes
	}
	for _, x := range h.pending {
		limit = max(limit, x.limit)
	}
	return limit + envelopeRoom
}

// Close implements [io.Closer].
func (f *eventFilter) Close() error {
	return f.body.Close()
}

// Read implements [io.Reader]. It acts on the messages that come by.
func (f *eventFilter) Read(p []byte) (int, error) {
	for len(f.out) == 0 {
		if f.err != nil {
			return 0, f.err
		}
		f.next()
	}
	n := copy(p, f.out)
	f.out = f.out[n:]
	return n, nil
}

// next reads one line.
func (f *eventFilter) next() {
	l, err := f.lines.Next()
	if err != nil {
		f.ended(err)
		return
	}
	name, value, _ := bytes.Cut(l.Data, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch {
	case len(l.Data) == 0:
		f.dispatch()
	case string(name) == "data":
		f.append(l, value)
	case l.Over != nil:
	case string(name) == "event":
		f.event = string(bytes.TrimSpace(value))
	case string(name) == "id", string(name) == "retry":
		f.out = append(append(f.out, l.Data...), '\n')
	}
}

// append adds a line of data to the event.
func (f *eventFilter) append(l jsonrpc.Line, value []byte) {
	switch {
	case f.over != nil && l.Over == nil:
		f.over.Feed(value)
	case f.over != nil:
	case l.Over != nil:
		f.over, f.data = l.Over, nil
	case len(f.data)+len(value) > jsonrpc.ReadBuffer && int64(len(f.data)+len(value)) > f.h.eventLimit():
		f.over = &jsonrpc.Skimmer{}
		f.over.Feed(f.data)
		f.over.Feed(value)
		f.data = nil
	default:
		if f.some {
			f.data = append(f.data, '\n')
		}
		f.data = append(f.data, value...)
	}
	f.some = true
}

// dispatch ends an event: it acts on its message and writes what mcp-go
// shall see.
func (f *eventFilter) dispatch() {
	event, data, over := f.event, f.data, f.over
	f.event, f.data, f.over, f.some = "", nil, nil, false
	switch {
	case over != nil:
		f.oversized(over)
	case event == "endpoint":
		f.endpoint(data)
		return
	case len(data) > 0 && (event == "" || event == "message"):
		jsonrpc.Scan(data, f.message)
	}
	f.out = append(f.out, '\n') // The id of an event counts from its end on, also without data.
}

// endpoint passes on where an SSE server wants to be sent messages. mcp-go
// would wait for ever after one on another host, and accept one without the
// encryption of the configured url.
func (f *eventFilter) endpoint(data []byte) {
	target, err := f.h.base.Parse(string(data))
	if err != nil || target.Scheme != f.h.base.Scheme || target.Host != f.h.base.Host {
		f.err = errForeignHost
		f.h.lost(errForeignHost)
		return
	}
	f.out = append(append(append(f.out, "event: endpoint\ndata: "...), data...), "\n\n"...)
}

func (f *eventFilter) message(m jsonrpc.Message) {
	f.h.message(m)
	switch {
	case m.Kind() == jsonrpc.Answer:
		if x := f.h.waiting(m.ID); x != nil {
			f.stub(x.id)
		}
	case f.x != nil && f.x.id != "" && m.Method == nil && m.Error != nil: // An error without an id, on the stream of one request.
		f.x.settle(response(m, nil, f.x.limit))
		f.stub(f.x.id)
	}
}

func (f *eventFilter) oversized(over *jsonrpc.Skimmer) {
	for _, id := range over.Answers {
		if x := f.h.waiting(id); x != nil {
			x.settle(endpoint.Response{}, &endpoint.TooLarge{Limit: x.limit})
			f.stub(x.id)
		}
	}
}

// stub writes an event that ends the wait for an answer.
func (f *eventFilter) stub(id string) {
	f.out = append(append(append(f.out, "event: message\ndata: "...), stub(id)...), "\n\n"...)
}

// ended notes why the stream ended.
func (f *eventFilter) ended(err error) {
	if f.some {
		f.dispatch()
	}
	f.err = err
	switch {
	case f.x == nil || f.x.id == "":
		if f.h.sse {
			f.h.lost(ErrStreamEnded)
		}
	default:
		f.x.note(func(facts *facts) {
			if !facts.answered {
				facts.err = errStream
			}
		})
	}
}
