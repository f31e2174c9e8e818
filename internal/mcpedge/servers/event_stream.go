package servers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

// eventStream reads the events of a response and acts on their messages.
type eventStream struct {
	c     *conversation
	ctx   context.Context // of what reads it
	x     *exchange       // whose response it is; nil for a stream of its own
	lines *jsonrpc.Reader
	// endpoint, if set, hears where an SSE server wants to be sent messages.
	endpoint func(target string)

	event string
	data  []byte
	over  *jsonrpc.Skimmer // set when the event's data is too large to keep
	some  bool             // the event has data
	share weight.Share     // what data takes of the budget
	full  bool             // there was no room for more
	size  int64            // of data that was too large
	cost  time.Duration    // of what has been read since the last pause
	begun bool             // a line has been read
	// broken says what was wrong with an event that may have been the answer, and
	// bears no id.
	broken string
	atEnd  bool // the stream has ended, perhaps within an event

	id    string        // of the latest event, to go on from
	retry time.Duration // how long the server wants us to wait before that
}

// The waits before a stream that the server has closed is gone on with: the least
// is ours, whatever the server says.
const (
	usualRetry = time.Second
	leastRetry = 100 * time.Millisecond
)

// newEventStream reads what a response says while ctx lasts.
func (c *conversation) newEventStream(ctx context.Context, body io.Reader, x *exchange) *eventStream {
	e := &eventStream{c: c, ctx: ctx, x: x, retry: usualRetry, share: c.h.opts.Budget.Share()}
	e.lines = jsonrpc.NewReader(&newlines{r: body}, jsonrpc.Limits{Keep: jsonrpc.ReadBuffer, Keeps: c.eventLimit, Endless: DefaultMaxLineBytes, Budget: c.h.opts.Budget})
	return e
}

// next reads one line. Its error is what ended the stream.
func (e *eventStream) next() error {
	if e.ctx.Err() != nil {
		return context.Cause(e.ctx) // Much more may have come, packed.
	}
	l, err := e.lines.Next()
	if err != nil {
		return err
	}
	if !e.begun {
		e.begun = true
		l.Data = bytes.TrimPrefix(l.Data, []byte(byteOrderMark))
	}
	defer e.settleCost()
	name, value, _ := bytes.Cut(l.Data, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch {
	case len(l.Data) == 0:
		e.cost += costEmpty
		e.dispatch()
	case string(name) == "data":
		e.append(l, value)
	case l.Over != nil:
		e.cost += time.Duration(l.Size) * costBytes
	case string(name) == "event":
		e.event = string(bytes.TrimSpace(value))
	case string(name) == "id" && len(value) < jsonrpc.MaxIDBytes && bytes.IndexByte(value, 0) < 0:
		e.id = string(value)
	case string(name) == "retry":
		if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
			e.retry = max(time.Duration(ms)*time.Millisecond, leastRetry)
		}
	default:
		e.cost += costEmpty + time.Duration(len(l.Data))*costBytes
	}
	return nil
}

// settleCost waits if too much has been said unasked.
func (e *eventStream) settleCost() {
	if e.cost == 0 {
		return
	}
	wait := e.c.h.pace.Spend(e.cost, floodBurst, time.Now())
	e.cost = 0
	if wait > 0 {
		pauseFor(wait, e.ctx.Done())
	}
}

// append adds a line of data to the event.
func (e *eventStream) append(l jsonrpc.Line, value []byte) {
	switch {
	case e.over != nil && l.Over == nil:
		e.over.Feed(value)
	case e.over != nil:
	case l.Over != nil:
		e.over, e.data, e.full, e.size = l.Over, nil, l.NoRoom, l.Size
	case len(e.data)+len(value) > jsonrpc.ReadBuffer && e.tooLarge(len(e.data)+len(value)):
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

// tooLarge reports whether an event of that size is not to be kept: for what it
// is, or because there is no room. (Appending takes twice as much at the most.)
func (e *eventStream) tooLarge(size int) bool {
	if int64(size) > e.c.eventLimit() {
		return true
	}
	e.full = !e.share.Grow(2 * size)
	return e.full
}

// dispatch ends an event.
func (e *eventStream) dispatch() {
	event, data, over, full := e.event, e.data, e.over, e.full
	e.event, e.data, e.over, e.some, e.full = "", nil, nil, false, false
	defer e.share.Release()
	switch {
	case over != nil:
		if len(over.Answers) == 0 {
			e.cost += time.Duration(e.size) * costBytes
		}
		for _, id := range over.Answers {
			if x := e.c.waiting(id); x != nil {
				x.settle(endpoint.Response{}, lostAnswer(jsonrpc.Line{NoRoom: full}, x.limit), true)
			}
		}
	case event == "endpoint" && e.endpoint != nil:
		e.endpoint(string(data))
	case len(data) > 0 && (event == "" || event == "message"):
		e.cost += costEmpty
		if data = bytes.TrimPrefix(data, []byte(byteOrderMark)); !jsonrpc.Scan(data, e.message) && !e.atEnd {
			e.brokenMessage(data)
		}
	}
}

// brokenMessage looks at data that is not JSON: it may be the answer to a request,
// which would otherwise wait for it until its deadline.
func (e *eventStream) brokenMessage(data []byte) {
	e.cost += time.Duration(len(data)) * costJunk
	likely := looksLikeMessage(data)
	for _, id := range looseIDs(data, likely) {
		if x := e.c.waiting(id); x != nil {
			x.settle(endpoint.Response{}, &endpoint.BadAnswer{What: whatIsBroken(data)}, true)
			if x != e.x && e.c.way != overSSE {
				x.comeElsewhere()
			}
			return
		}
	}
	if likely && e.broken == "" {
		e.broken = whatIsBroken(data)
	}
}

func (e *eventStream) message(m jsonrpc.Message) {
	if m.Kind() != jsonrpc.Answer || e.c.waiting(m.ID) == nil {
		e.cost += costOf(m, len(m.Params)+len(m.Result)+len(m.Error))
	}
	if m.Kind() == jsonrpc.Request {
		e.cost += costPosted
	}
	e.c.message(m, e.x)
	if e.x != nil && m.Method == nil && m.Error != nil && (m.ID == nil || rawjson.IsNull(m.ID)) {
		e.x.settle(e.x.responseTo(m)) // An error without an id, on the stream of one request.
	}
}

// read reads until the stream's own request is answered or the stream has
// ended, both of which are nil, or breaks.
func (e *eventStream) read() error {
	defer e.lines.Close()
	defer e.share.Release()
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
	if e.atEnd = true; e.some {
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
