package tracing

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"gatehouse/internal/audit"
	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/tracecontext"
)

// maxPhases is how many spans a call may have under its own.
const maxPhases = 16

// span is a front.Span that is sent.
type span struct {
	tracer *Tracer
	trace  [16]byte
	id     [8]byte
	parent [8]byte // of another program; zero is none
	state  string
	came   time.Time
	begun  int64 // the same, in nanoseconds since 1970

	written *[]byte // the spans that have ended; nil once the call has
	part    record  // of the phase that the call is in, behind them
	partID  [8]byte // zero before the first
	phase   front.Phase
	parts   int
	details int    // where the attributes of Sending begin in part
	rpc     string // the code of the server's JSON-RPC error
}

// buffers are those in which the spans of a call are written.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Begin implements front.Tracer.
func (t *Tracer) Begin(_ *front.Call, from *tracecontext.Context) front.Span {
	var id [16]byte
	came := from != nil && from.Parent != ""
	if !came {
		id = newTraceID()
		if !t.sampling.follows(id, false, false) {
			return &unsampled{tracecontext.Context{Parent: tracecontext.Parent(id, newID(), 0)}}
		}
		return t.begin(id)
	}
	trace, parent, flags := tracecontext.Parts(from.Parent)
	_, _ = hex.Decode(id[:], []byte(trace)) // They are well-formed.
	if !t.sampling.follows(id, true, sampledBy(flags)) {
		return (*untouched)(from)
	}
	s := t.begin(id)
	_, _ = hex.Decode(s.parent[:], []byte(parent))
	s.state = stateOf(from.State)
	return s
}

func (t *Tracer) begin(id [16]byte) *span {
	now := time.Now()
	s := &span{tracer: t, trace: id, id: newID(), came: now, begun: now.UnixNano(), written: buffers.Get().(*[]byte)}
	s.part.limits = &t.limits
	s.part.b = (*s.written)[:0]
	return s
}

// sampledBy reports whether the flags of a traceparent say that it is sampled.
func sampledBy(flags string) bool {
	n, _ := strconv.ParseUint(flags, 16, 8)
	return n&1 != 0
}

// stateOf is a tracestate as it travels on; a malformed one is none.
func stateOf(text string) string {
	if text == "" {
		return ""
	}
	state, _ := trace.ParseTraceState(text)
	return state.String()
}

// newTraceID makes the id of a trace, which is not zero.
func newTraceID() (id [16]byte) {
	first, second := newID(), newID()
	copy(id[:], first[:])
	copy(id[8:], second[:])
	return id
}

// newID makes the id of a span, which is not zero. It is no secret.
func newID() (id [8]byte) {
	for id == [8]byte{} {
		binary.NativeEndian.PutUint64(id[:], rand.Uint64()) //nolint:gosec // It only has to be another one.
	}
	return id
}

// now is the time by the clock of the call's beginning: spans have no negative
// lengths.
func (s *span) now() int64 { return s.begun + int64(time.Since(s.came)) }

// TraceID implements front.Span.
func (s *span) TraceID() string { return hex.EncodeToString(s.trace[:]) }

// Enter implements front.Span.
func (s *span) Enter(p front.Phase) {
	if s.written == nil || s.parts == maxPhases {
		return
	}
	now := s.begun
	if s.parts > 0 {
		switch {
		case p == s.phase, p == front.Deciding && s.phase == front.Waiting:
			return // It is decided again, while it waits.
		case p == front.Deciding:
			p = front.Waiting
		}
		now = s.now()
		s.part.b = s.part.end(now)
	}
	kind := byte(kindInternal)
	if p == front.Sending {
		kind = kindClient
	}
	s.parts++
	s.phase, s.partID = p, newID()
	s.part.begin(s.part.b, s.trace, s.partID, now)
	s.part.under(s.id, false)
	s.part.state(s.state)
	s.part.named(p.String(), kind)
	s.details = len(s.part.b)
}

// Carry implements front.Span.
func (s *span) Carry(from *tracecontext.Context) *tracecontext.Context {
	by := s.id
	if s.parts > 0 {
		by = s.partID
	}
	out := &tracecontext.Context{Parent: tracecontext.Parent(s.trace, by, flagSampled), State: s.state}
	if from != nil {
		out.Baggage = from.Baggage
	}
	return out
}

// flagSampled is the flag of a traceparent whose trace is sampled.
const flagSampled = 1

// Sending implements front.Span. What is sent again is said anew.
func (s *span) Sending(a *front.Attempt, method string) {
	if s.written == nil || s.parts == 0 {
		return
	}
	s.part.b = s.part.b[:s.details]
	s.part.attributes, s.part.dropped = 0, 0
	s.part.ofSend(a, method)
}

// Refused implements front.Span.
func (s *span) Refused(rpc json.RawMessage) {
	code := rawjson.Get(rpc, "code")
	if _, err := strconv.ParseInt(string(code), 10, 64); err == nil {
		s.rpc = string(code)
	}
}

// End implements front.Span.
func (s *span) End(c *front.Call) {
	if s.written == nil {
		return
	}
	failed := c.Record.Outcome
	if c.Record.Decision == audit.Allow && (failed == "ok" || failed == "input_required") {
		failed = ""
	}
	now := s.now()
	if s.parts > 0 {
		s.outcome(failed)
		s.part.b = s.part.end(now)
	}
	s.part.begin(s.part.b, s.trace, s.id, s.begun)
	s.part.under(s.parent, s.parent != [8]byte{})
	s.part.state(s.state)
	s.part.named(nameOf(c), kindServer)
	s.part.ofCall(c)
	s.outcome(failed)
	s.send(s.part.end(now))
}

// outcome says with which code a span failed; "" is none.
func (s *span) outcome(failed string) {
	s.part.text(keyRPCStatus, s.rpc)
	if failed != "" {
		s.part.failed(failed)
	}
}

// send hands over the spans of the call.
func (s *span) send(spans []byte) {
	s.tracer.queue.add(spans)
	*s.written = spans[:0]
	buffers.Put(s.written)
	s.written, s.part.b = nil, nil
}
