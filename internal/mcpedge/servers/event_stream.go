package servers

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// eventStream reads the events of a response and acts on their messages.
type eventStream struct {
	c     *conversation
	x     *exchange // whose response it is; nil for a stream of its own
	lines *jsonrpc.Reader
	// endpoint, if set, hears where an SSE server wants to be sent messages.
	endpoint func(target string)

	event string
	data  []byte
	over  *jsonrpc.Skimmer // set when the event's data is too large to keep
	some  bool             // the event has data
	begun bool             // a line has been read

	id    string        // of the latest event, to go on from
	retry time.Duration // how long the server wants us to wait before that
}

// The waits before a stream that the server has closed is gone on with.
const (
	usualRetry = time.Second
	leastRetry = 10 * time.Millisecond
)

func (c *conversation) newEventStream(body io.Reader, x *exchange) *eventStream {
	e := &eventStream{c: c, x: x, retry: usualRetry}
	e.lines = jsonrpc.NewReader(&newlines{r: body}, jsonrpc.Limits{Keep: jsonrpc.ReadBuffer, Keeps: c.eventLimit, Endless: DefaultMaxLineBytes})
	return e
}

// next reads one line. Its error is what ended the stream.
func (e *eventStream) next() error {
	l, err := e.lines.Next()
	if err != nil {
		return err
	}
	if !e.begun {
		e.begun = true
		l.Data = bytes.TrimPrefix(l.Data, []byte(byteOrderMark))
	}
	name, value, _ := bytes.Cut(l.Data, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch {
	case len(l.Data) == 0:
		e.dispatch()
	case string(name) == "data":
		e.append(l, value)
	case l.Over != nil:
	case string(name) == "event":
		e.event = string(bytes.TrimSpace(value))
	case string(name) == "id" && len(value) < jsonrpc.MaxIDBytes && bytes.IndexByte(value, 0) < 0:
		e.id = string(value)
	case string(name) == "retry":
		if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
			e.retry = max(time.Duration(ms)*time.Millisecond, leastRetry)
		}
	}
	return nil
}

// append adds a line of data to the event.
func (e *eventStream) append(l jsonrpc.Line, value []byte) {
	switch {
	case e.over != nil && l.Over == nil:
		e.over.Feed(value)
	case e.over != nil:
	case l.Over != nil:
		e.over, e.data = l.Over, nil
	case len(e.data)+len(value) > jsonrpc.ReadBuffer && int64(len(e.data)+len(value)) > e.c.eventLimit():
		e.over = &jsonrpc.Skimmer{}
		e.over.Feed(e.data)
		e.over.Feed(value)
		e.data = nil
	default:
		if e.some {
			e.data = append(e.data, '\n')
		}
		e.data = append(e.data, value...)
	}
	e.some = true
}

// dispatch ends an event.
func (e *eventStream) dispatch() {
	event, data, over := e.event, e.data, e.over
	e.event, e.data, e.over, e.some = "", nil, nil, false
	switch {
	case over != nil:
		for _, id := range over.Answers {
			if x := e.c.waiting(id); x != nil {
				x.settle(endpoint.Response{}, &endpoint.TooLarge{Limit: x.limit}, true)
			}
		}
	case event == "endpoint" && e.endpoint != nil:
		e.endpoint(string(data))
	case len(data) > 0 && (event == "" || event == "message"):
		jsonrpc.Scan(bytes.TrimPrefix(data, []byte(byteOrderMark)), e.message)
	}
}

func (e *eventStream) message(m jsonrpc.Message) {
	e.c.message(m, e.x)
	if e.x != nil && m.Method == nil && m.Error != nil && (m.ID == nil || rawjson.IsNull(m.ID)) {
		e.x.settle(e.x.responseTo(m)) // An error without an id, on the stream of one request.
	}
}

// responseTo makes the response of the one message of a body.
func (x *exchange) responseTo(m jsonrpc.Message) (endpoint.Response, error, bool) { //nolint:revive // They are settle's arguments.
	r, failure := response(m, nil, x.limit)
	return r, failure, rawjson.Text(m.ID) == x.id
}

// read reads until the stream's own request is answered or the stream has
// ended, both of which are nil, or breaks.
func (e *eventStream) read() error {
	defer e.lines.Close()
	for {
		if e.x != nil && e.x.state().answered {
			return nil
		}
		if err := e.next(); err != nil {
			return e.ended(err)
		}
	}
}

// ended says how the stream ended. What it had to say without an empty line
// behind it is taken too.
func (e *eventStream) ended(err error) error {
	if e.some {
		e.dispatch()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// eventLimit is the largest event that is worth keeping now.
func (c *conversation) eventLimit() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit := int64(jsonrpc.ReadBuffer)
	if len(c.pending) == 0 {
		limit = c.h.opts.MaxMessageBytes
	}
	for _, x := range c.pending {
		limit = max(limit, x.limit)
	}
	return limit + envelopeRoom
}

// newlines reads with each CR and CRLF as LF: all three end a line of an event
// stream, and within JSON none of them means anything.
type newlines struct {
	r  io.Reader
	cr bool // the last byte was a CR
}

// Read implements [io.Reader].
func (n *newlines) Read(p []byte) (int, error) {
	for {
		read, err := n.r.Read(p)
		kept := n.translate(p[:read])
		if kept > 0 || err != nil || len(p) == 0 {
			return kept, err //nolint:wrapcheck // A reader passes the error on.
		}
	}
}

// translate changes b in place and returns how much of it is left.
func (n *newlines) translate(b []byte) int {
	if !n.cr && bytes.IndexByte(b, '\r') < 0 {
		return len(b)
	}
	kept := b[:0]
	for _, c := range b {
		switch {
		case c == '\r':
			kept = append(kept, '\n')
		case c != '\n' || !n.cr:
			kept = append(kept, c)
		}
		n.cr = c == '\r'
	}
	return len(kept)
}
