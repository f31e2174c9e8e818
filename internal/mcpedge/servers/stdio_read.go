package servers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync/atomic"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

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
	return n, err //nolint:wrapcheck // A reader gives the error on as it is.
}

// read is the reader: it delivers what the server sends until the stream
// ends, and never waits for anything else.
func (s *Stdio) read() {
	lines := newLineReader(countingReader{s.pipes.Stdout, &s.received}, s.lineLimit, s.opts.MaxLineBytes)
	defer lines.giveBack()
	for {
		l, err := lines.next()
		switch {
		case errors.Is(err, errEndless):
			s.end(ErrEndlessLine)
			return
		case err != nil:
			s.outputEnded()
			return
		}
		s.line(l)
	}
}

// outputEnded tells the owner, unless the session's own end closed the pipe.
func (s *Stdio) outputEnded() {
	select {
	case <-s.ended:
	default:
		s.opts.OnEOF()
		s.endSoon(ErrOutputClosed)
	}
}

// lineLimit is the largest line that is worth keeping now: one that any
// waiting call may take, at least one that fits the reader's buffer.
func (s *Stdio) lineLimit() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := int64(readBuffer)
	if len(s.pending) == 0 {
		limit = s.opts.MaxMessageBytes
	}
	for _, c := range s.pending {
		limit = max(limit, c.limit)
	}
	return limit + envelopeRoom
}

func (s *Stdio) line(l line) {
	if l.over != nil {
		s.oversized(l)
		return
	}
	if rawjson.Space(l.data, 0) == len(l.data) {
		return
	}
	known := true
	ok := scan(l.data, func(m message) { known = s.message(m) && known })
	if !ok || !known {
		s.junk(l.data)
	}
}

// oversized tells those whose answers were in a line that was not kept.
func (s *Stdio) oversized(l line) {
	for _, id := range l.over.ids {
		if c := s.take(id); c != nil {
			c.finish(endpoint.Response{}, &endpoint.TooLarge{Limit: c.limit})
		}
	}
	if len(l.over.ids) == 0 {
		s.junk(l.data)
	}
}

// message acts on one message; false means that it is none that JSON-RPC
// knows.
func (s *Stdio) message(m message) bool {
	switch m.kind() {
	case kindAnswer:
		s.answer(m)
	case kindNotification:
		s.notification(m)
	case kindRequest:
		if line := replyLine(m); line != nil {
			_ = s.send(&outgoing{line: line})
		}
	case kindNone:
		return false
	}
	return true
}

// answer gives an answer to who waits for it; one that nobody waits for (a
// late one) is dropped.
func (s *Stdio) answer(m message) {
	c := s.take(m.id)
	if c == nil {
		return
	}
	c.finish(response(m, c.into, c.limit))
}

// response makes the caller's response of an answer. It shares no memory with
// the message: a result is appended to into, if there is one.
func response(m message, into []byte, limit int64) (endpoint.Response, error) {
	payload := m.result
	if m.failed() {
		payload = m.err
	}
	if int64(len(payload)) > limit {
		return endpoint.Response{}, &endpoint.TooLarge{Limit: limit}
	}
	if m.failed() {
		return endpoint.Response{Error: bytes.Clone(payload)}, nil
	}
	if into == nil { // Nobody's buffer: whoever is given one puts more before the result.
		return endpoint.Response{Result: bytes.Clone(payload), Outline: m.outline}, nil
	}
	all := append(into, payload...)
	return endpoint.Response{Result: all[len(into):], Into: all, Outline: m.outline}, nil
}

func (s *Stdio) notification(m message) {
	switch m.name() {
	case methodToolsChange:
		s.opts.OnToolsChanged()
	case methodProgress:
		s.progress(m.params)
	default:
		s.subscriptionNotice(m)
	}
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
