package servers

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

// call is one request that waits for its answer. All but answer is guarded by
// the session's mutex after it was sent.
type call struct {
	id       int64
	limit    int64
	method   string
	progress func(json.RawMessage)
	asks     endpoint.Asker
	notice   func(string, json.RawMessage)
	listens  bool   // it is not answered before its end
	into     []byte // what the result is appended to
	weight   *weight.Share
	by       endpoint.Call
	out      outgoing
	answer   chan outcome // holds one; only who took the call out of pending sends
}

type outcome struct {
	response endpoint.Response
	err      error
}

// outgoing is one line on its way to the server.
type outgoing struct {
	line []byte
	call *call // nil for what nobody waits for
	// picked says that the writer has it, or had: bytes of it may have been
	// written.
	picked  bool
	dropped bool // the caller has gone before it was picked
	notice  bool // a notification, which has no answer, though some servers give one
}

// tell sends the server a notification.
func (s *Stdio) tell(method string, params []byte) error {
	return s.send(&outgoing{line: notificationLine(method, params), notice: true})
}

func (c *call) finish(response endpoint.Response, err error) {
	c.answer <- outcome{response, err}
}

// unsent marks the cause as that of a call of which no byte was written, if
// that is so.
func (c *call) unsent(cause error) error {
	if c.out.picked {
		return cause
	}
	return &endpoint.NotWritten{Cause: cause}
}

// Call implements [endpoint.Session].
func (s *Stdio) Call(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
	if ctx.Err() != nil {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: context.Cause(ctx)}
	}
	if !req.Deadline.IsZero() && !time.Now().Before(req.Deadline) {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: endpoint.ErrDeadline}
	}
	if len(req.Params) > 0 && !rawjson.Valid(req.Params) {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: errBadParams}
	}
	c := s.newCall(req)
	if size := int64(len(c.out.line)); req.MaxBytes > 0 && size > req.MaxBytes {
		return endpoint.Response{}, &endpoint.RequestTooLarge{Size: size, Limit: req.MaxBytes}
	}
	if err := s.send(&c.out); err != nil {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: err}
	}
	var late <-chan time.Time
	if !req.Deadline.IsZero() {
		alarm := time.NewTimer(time.Until(req.Deadline))
		defer alarm.Stop()
		late = alarm.C
	}
	select {
	case o := <-c.answer:
		return o.response, o.err
	case <-late:
		return s.abandon(c, req.Method, endpoint.ErrDeadline)
	case <-ctx.Done():
		return s.abandon(c, req.Method, context.Cause(ctx))
	}
}

func (s *Stdio) newCall(req endpoint.Request) *call {
	s.mu.Lock()
	s.lastID++
	id := s.lastID
	s.mu.Unlock()
	params := []byte(s.paramsOf(req))
	if req.Progress != nil {
		params = withToken(params, strconv.AppendInt(nil, id, 10))
	}
	limit := s.opts.MaxMessageBytes
	if req.MaxResultBytes > 0 {
		limit = req.MaxResultBytes
	}
	c := &call{id: id, limit: limit, method: req.Method, progress: req.Progress, asks: req.Asks, notice: req.Notice, listens: req.Method == methodListen, into: req.Into, weight: req.Weight, by: req.By, answer: make(chan outcome, 1)}
	line := make([]byte, 0, len(params)+len(req.Method)+64)
	c.out = outgoing{line: requestLine(line, id, req.Method, params), call: c}
	return c
}

// abandon takes a call back whose caller no longer waits.
func (s *Stdio) abandon(c *call, method string, cause error) (endpoint.Response, error) {
	s.mu.Lock()
	if s.pending[c.id] != c { // Its answer is there already, or about to be.
		s.mu.Unlock()
		o := <-c.answer
		return o.response, o.err
	}
	delete(s.pending, c.id)
	err := c.unsent(cause)
	if !c.out.picked {
		c.out.dropped, c.out.line = true, nil
	}
	written := c.out.picked
	if written && errors.Is(cause, context.DeadlineExceeded) {
		s.late.add(c.by, s.received.Load())
	}
	if written {
		s.gone.add(c.by)
		s.owed++
	}
	s.mu.Unlock()
	if c.listens && written {
		defer s.listenAnew()
	}
	if written && method != methodInitialize { // The specification forbids cancelling that one.
		_ = s.tell(methodCancelled, cancelParams(strconv.AppendInt(nil, c.id, 10)))
	}
	return endpoint.Response{}, err
}

// take takes the call with that id, as the server wrote it, out of those that
// wait; nil if there is none.
func (s *Stdio) take(rawID []byte) *call {
	id, ok := ourID(rawID)
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.pending[id]
	if c == nil {
		return nil
	}
	delete(s.pending, id)
	s.answered.add(c.by)
	s.byID = s.byID || s.opened
	if id > s.toldAt {
		s.told = 0
	}
	return c
}

// ofNotice reports whether an answer that does not say whose it is may be that to a
// notification: each pays for one, until a request that was made after it is answered.
func (s *Stdio) ofNotice() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told == 0 {
		return false
	}
	s.told--
	return true
}

// takeEcho takes the call out of those that wait whose request the server has
// repeated together with its answer; nil if the message is a request of the server's
// own, which may bear the same id, and a result and an error that are null.
func (s *Stdio) takeEcho(m jsonrpc.Message) *call {
	id, ok := ourID(m.ID)
	if !ok || isNone(m.Result) && isNone(m.Error) {
		return nil
	}
	s.mu.Lock()
	c := s.pending[id]
	s.mu.Unlock()
	if c == nil || c.method != m.Name() {
		return nil
	}
	return s.take(m.ID)
}

// isNone reports whether a member is absent or null.
func isNone(member []byte) bool { return member == nil || rawjson.IsNull(member) }

// hasAsked reports whether an id is that of a request that was ever made.
func (s *Stdio) hasAsked(rawID []byte) bool {
	id, _ := ourID(rawID)
	s.mu.Lock()
	defer s.mu.Unlock()
	return id >= 1 && id <= s.lastID
}

// paidOff reports whether an answer that nobody waits for is that of a call that
// was given up: the server was asked for it, so it is no flood.
func (s *Stdio) paidOff(rawID []byte) bool {
	id, _ := ourID(rawID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if id < 1 || id > s.lastID || s.owed == 0 {
		return false
	}
	s.owed--
	return true
}

// takeOnly takes the only call out of those that wait; nil if there are more or
// none. A subscription, which is not answered before its end, does not count.
func (s *Stdio) takeOnly() *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.only()
	if c != nil {
		delete(s.pending, c.id)
	}
	return c
}

// onlyID is the id of the only call that is running, zero if there are more or none.
func (s *Stdio) onlyID() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.only(); c != nil {
		return c.id
	}
	return 0
}

// takeWronged takes the call with that id out of those that wait, though the server
// has not answered it by its id; nil if it does not wait.
func (s *Stdio) takeWronged(id int64) *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.pending[id]
	delete(s.pending, id)
	return c
}

// knowsIDs reports whether the server has answered a request with its id, after the
// handshake, for which some servers have an answer that is fixed.
func (s *Stdio) knowsIDs() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID
}

// waits reports whether the call with that id waits for its answer.
func (s *Stdio) waits(id int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending[id] != nil
}

// only returns the only call that the server has and has not answered, nil if
// there are more or none. The caller holds the session's mutex.
func (s *Stdio) only() (only *call) {
	for _, c := range s.pending {
		switch {
		case !c.out.picked || c.listens:
		case only != nil:
			return nil
		default:
			only = c
		}
	}
	return only
}

// ourID reads an id of ours in a server's answer. Servers that write our
// number as a string or with a fraction of zero are understood.
func ourID(raw []byte) (int64, bool) {
	if s := rawjson.Text(raw); s != "" {
		raw = []byte(s)
	}
	if id, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return id, true
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if id := int64(f); err == nil && float64(id) == f && id > 0 && id < 1<<53 {
		return id, true
	}
	return 0, false
}
