package servers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

// maxLastLines is how many lines are still delivered after the end: among them may be
// why the server ended. Far more of them may have been read.
const maxLastLines = 1000

// countingReader counts the reads that brought something.
type countingReader struct {
	io.Reader

	count *atomic.Uint64
}

func (r countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.count.Add(1)
	}
	return n, err //nolint:wrapcheck // A reader passes the error on.
}

// read is the reader: it delivers what the server sends until the stream
// ends, and never waits for anything else.
func (s *Stdio) read() {
	lines := jsonrpc.NewReader(countingReader{s.pipes.Stdout, &s.received},
		jsonrpc.Limits{
			Keep: jsonrpc.ReadBuffer, Keeps: s.lineLimit, Endless: s.opts.MaxLineBytes, Budget: s.opts.Budget,
			Wait: s.readWait(), Silence: brokenSilence,
		})
	defer lines.Close()
	for late := 0; late < maxLastLines; {
		l, err := lines.Next()
		switch {
		case errors.Is(err, jsonrpc.ErrEndless):
			s.end(ErrEndlessLine)
			return
		case err != nil:
			if rest := lines.Rest(); len(rest) > 0 { // It may be what it asks, and waits for the answer to.
				s.junk(rest)
			}
			s.outputEnded()
			return
		}
		s.line(l)
		s.settleCost()
		if s.isOver() {
			late++
		}
	}
	_, _ = io.Copy(io.Discard, s.pipes.Stdout) // A server that cannot write may not end by itself.
	s.outputEnded()
}

// isOver reports whether the session has ended.
func (s *Stdio) isOver() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// readWait bounds the next read of the server's output; nil where that cannot be
// done.
func (s *Stdio) readWait() func(time.Duration) error {
	out, ok := s.pipes.Stdout.(interface{ SetReadDeadline(at time.Time) error })
	if !ok {
		return nil
	}
	return func(wait time.Duration) error {
		if wait == 0 {
			return out.SetReadDeadline(time.Time{})
		}
		return out.SetReadDeadline(time.Now().Add(wait))
	}
}

// outputEnded tells the owner, and ends the session if that has not been why
// the pipe was closed.
func (s *Stdio) outputEnded() {
	s.opts.OnEOF()
	if !s.isOver() {
		s.endSoon(ErrOutputClosed)
	}
}

// lineLimit is the largest line that is worth keeping now: one that any
// waiting call may take, at least one that fits the reader's buffer.
func (s *Stdio) lineLimit() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := int64(jsonrpc.ReadBuffer)
	if len(s.pending) == 0 {
		limit = s.opts.MaxMessageBytes
	}
	for _, c := range s.pending {
		limit = max(limit, c.limit)
	}
	return limit + envelopeRoom
}

func (s *Stdio) line(l jsonrpc.Line) {
	if l.Over != nil {
		s.oversized(l)
		return
	}
	data := bytes.TrimPrefix(l.Data, []byte(byteOrderMark))
	if rawjson.Space(data, 0) == len(data) {
		s.cost += costEmpty + time.Duration(len(data))*costBytes
		return
	}
	known := true
	s.took, s.broken.strange = false, false
	ok := jsonrpc.Scan(data, func(m jsonrpc.Message) { known = s.message(m) && known })
	if ok && (s.took || known && !s.broken.strange) {
		s.broken.over()
	}
	if !ok {
		s.broken.line(data)
	}
	if !ok || !known {
		s.junk(data)
	}
}

// oversized tells those whose answers were in a line that was not kept.
func (s *Stdio) oversized(l jsonrpc.Line) {
	for _, id := range l.Over.Answers {
		if c := s.take(id); c != nil {
			c.weight.See(l.Size)
			c.finish(endpoint.Response{}, lostAnswer(l, c.limit))
		}
	}
	if len(l.Over.Answers) == 0 {
		s.junk(l.Data)
		s.cost += time.Duration(l.Size) * costBytes
	}
}

// lostAnswer is what the caller of an answer is told that was in a line that was
// not kept.
func lostAnswer(l jsonrpc.Line, limit int64) error {
	if l.NoRoom {
		return endpoint.ErrNoRoom
	}
	return &endpoint.TooLarge{Limit: limit}
}

// message acts on one message. It reports whether JSON-RPC knows such a message.
func (s *Stdio) message(m jsonrpc.Message) bool {
	switch m.Kind() {
	case jsonrpc.Answer:
		return s.answer(m)
	case jsonrpc.Notification:
		s.cost += costOf(m, len(m.Params))
		s.notification(m)
	case jsonrpc.Request:
		if c := s.takeEcho(m); c != nil { // Some servers write the answer into the request.
			s.took = true
			c.finish(response(m, c.into, c.limit, c.weight))
			return true
		}
		s.cost += costOf(m, len(m.Params))
		s.request(m)
	case jsonrpc.Unknown:
		return s.nameless(m)
	}
	return true
}

// nameless acts on a message that says neither what it asks nor what it answers:
// an error without an id of ours is the answer to the only call that is running,
// and one with the id of a call but without result and error ends that call, as
// no other answer will come. A result without an id ends the only call as well, if
// nothing follows: it may be somebody else's, so nobody is given it. What may be
// said to a notification is nobody's. It reports whether the message is understood.
func (s *Stdio) nameless(m jsonrpc.Message) bool {
	_, ours := ourID(m.ID)
	switch {
	case m.Method != nil:
		return false
	case !ours && (m.Result != nil || !isNone(m.Error)) && s.ofNotice():
		return true
	case !ours && !isNone(m.Error):
		if c := s.takeOnly(); c != nil {
			c.finish(response(m, nil, c.limit, c.weight))
			return true
		}
	case m.Result != nil && !ours:
		s.broken.stranger("a result that does not say whose it is")
		return true
	case ours:
		if c := s.take(m.ID); c != nil {
			c.finish(endpoint.Response{}, &endpoint.BadAnswer{What: "a message that has neither a result nor an error"})
			return true
		}
	}
	return false
}

// answer hands an answer to the call that waits for it. One that nobody waits for,
// as it is late, is dropped; one with an id that was never used is nameless, but for a
// result of a server that has shown that it knows our ids: that is to somebody else. It
// reports whether the answer is understood.
func (s *Stdio) answer(m jsonrpc.Message) bool {
	if c := s.take(m.ID); c != nil {
		s.took = true
		c.finish(response(m, c.into, c.limit, c.weight))
		return true
	}
	if s.paidOff(m.ID) {
		return true
	}
	s.cost += costOf(m, len(m.Result)+len(m.Error))
	if !s.hasAsked(m.ID) && (m.Failed() || !s.knowsIDs()) {
		m.ID = nil
		return s.nameless(m)
	}
	return true
}

// response makes the caller's response of an answer. It shares no memory with
// the message: a result is appended to into, if there is one. The share takes its
// bytes first.
func response(m jsonrpc.Message, into []byte, limit int64, share *weight.Share) (endpoint.Response, error) {
	payload := m.Result
	if m.Failed() {
		payload = m.Error
	}
	if int64(len(payload)) > limit {
		share.See(int64(len(payload)))
		return endpoint.Response{}, &endpoint.TooLarge{Limit: limit}
	}
	switch share.Answer(len(payload), limit) {
	case weight.Fits:
	case weight.NoRoom:
		return endpoint.Response{}, endpoint.ErrNoRoom
	case weight.TooMuch:
		return endpoint.Response{}, &endpoint.TooLarge{Limit: limit, Together: true}
	}
	if m.Failed() {
		return endpoint.Response{Error: shortError(payload)}, nil
	}
	if into == nil { // Nobody's buffer: whoever is given one puts more before the result.
		return endpoint.Response{Result: bytes.Clone(payload), Outline: m.Outline}, nil
	}
	all := append(slices.Grow(into, len(payload)+answerRoom), payload...)
	return endpoint.Response{Result: all[len(into):], Into: all, Outline: m.Outline}, nil
}

// answerRoom is what is put behind a result before it is sent: a larger one need
// not be copied for it.
const answerRoom = 512

// request answers a request of the server, or has its client do so.
func (s *Stdio) request(m jsonrpc.Message) {
	line := replyLine(m)
	if forClient(s.opts.Client, m) {
		ask := s.questions.begin(s.asking, m, s.whomToAsk(), s.opts.AskTimeout)
		if ask != nil {
			go func() { // Ends with the question: at its answer, after a time, or with the session.
				if line := ask(); line != nil {
					_ = s.send(&outgoing{line: line})
				}
			}()
			return
		}
		line = crowdedOut(m)
	}
	if line != nil {
		_ = s.send(&outgoing{line: line})
	}
}

// whomToAsk is the client by the stream of the only call that is running, if there is
// one, else by one of its session's own.
func (s *Stdio) whomToAsk() endpoint.Asker {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.only(); c != nil && c.asks != nil {
		return c.asks
	}
	return s.opts.Client
}

func (s *Stdio) notification(m jsonrpc.Message) {
	if id := withdrawnBy(m); id != nil {
		s.questions.withdraw(id)
	}
	switch m.Name() {
	case methodToolsChange:
		s.opts.OnToolsChanged()
	case methodProgress:
		s.progress(m.Params)
	default:
		if isToldToClient(s.opts.Client, m) {
			if send := s.questions.passOn(m, s.whomToAsk()); send != nil {
				go send(s.asking) // Ends with the notification: once it is sent, after a time, or with the session.
			}
			return
		}
		if s.noticeOfCall(m) {
			return
		}
		announced(m.Name(), s.opts.OnListChanged)
		s.subscriptionNotice(m)
		noticed(m, s.opts.OnNotice)
	}
}

// noticeOfCall hands a notification to the request that it belongs to, and reports
// whether it names one: a subscription does so.
func (s *Stdio) noticeOfCall(m jsonrpc.Message) bool {
	id, ok := ourID(subscriptionOf(m.Params))
	if !ok || id == s.tools.id.Load() {
		return false
	}
	s.mu.Lock()
	c := s.pending[id]
	s.mu.Unlock()
	if c == nil || c.notice == nil {
		return false
	}
	c.notice(m.Name(), endpoint.WithoutOwnMeta(m.Params))
	return true
}

// progress hands a progress notification to the call whose token it bears.
func (s *Stdio) progress(params json.RawMessage) {
	token, rest := splitToken(params)
	id, ok := ourID(token)
	if !ok {
		return
	}
	s.mu.Lock()
	c := s.pending[id]
	s.mu.Unlock()
	if c != nil && c.progress != nil {
		c.progress(rest)
	}
}
