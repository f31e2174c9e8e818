package tracing

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"gatehouse/internal/audit"
	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/tracecontext"
)

// maxPhases is how many spans a call may have under its own.
const maxPhases = 16

// span is a front.Span.
type span struct {
	tracer trace.Tracer
	ctx    context.Context //nolint:containedctx // It is how the SDK passes the parent.
	whole  trace.Span
	part   trace.Span // of the phase that the call is in; nil before the first
	phase  front.Phase
	parts  int
	rpc    string // the code of the server's JSON-RPC error
}

// kinds are the options for a span of each kind.
var kinds = map[trace.SpanKind][]trace.SpanStartOption{
	trace.SpanKindServer:   {trace.WithSpanKind(trace.SpanKindServer)},
	trace.SpanKindClient:   {trace.WithSpanKind(trace.SpanKindClient)},
	trace.SpanKindInternal: {trace.WithSpanKind(trace.SpanKindInternal)},
}

// Begin implements front.Tracer.
func (t *Tracer) Begin(_ *front.Call, from *tracecontext.Context) front.Span {
	s := &span{tracer: t.tracer}
	s.ctx, s.whole = t.tracer.Start(withParent(from), "tools/call", kinds[trace.SpanKindServer]...)
	return s
}

// withParent is a context whose parent is another program's span.
func withParent(from *tracecontext.Context) context.Context {
	ctx := context.Background()
	if from == nil || from.Parent == "" {
		return ctx
	}
	var c trace.SpanContextConfig
	var flags [1]byte
	id, parent, sampled := tracecontext.Parts(from.Parent)
	_, _ = hex.Decode(c.TraceID[:], []byte(id)) // They are well-formed.
	_, _ = hex.Decode(c.SpanID[:], []byte(parent))
	_, _ = hex.Decode(flags[:], []byte(sampled))
	c.TraceFlags = trace.TraceFlags(flags[0]) & trace.FlagsSampled
	c.TraceState, _ = trace.ParseTraceState(from.State) // A malformed one is none.
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(c))
}

// TraceID implements front.Span.
func (s *span) TraceID() string { return s.whole.SpanContext().TraceID().String() }

// Enter implements front.Span.
func (s *span) Enter(p front.Phase) {
	if !s.whole.IsRecording() || s.parts == maxPhases {
		return
	}
	if s.part != nil {
		switch {
		case p == s.phase, p == front.Deciding && s.phase == front.Waiting:
			return // It is decided again, while it waits.
		case p == front.Deciding:
			p = front.Waiting
		}
		s.part.End()
	}
	kind := trace.SpanKindInternal
	if p == front.Sending {
		kind = trace.SpanKindClient
	}
	s.parts++
	s.phase = p
	_, s.part = s.tracer.Start(s.ctx, p.String(), kinds[kind]...)
}

// Carry implements front.Span. What is not followed goes on as it came.
func (s *span) Carry(from *tracecontext.Context) *tracecontext.Context {
	by := s.whole
	if s.part != nil {
		by = s.part
	}
	if !s.whole.IsRecording() && from != nil && from.Parent != "" {
		return from
	}
	c := by.SpanContext()
	out := &tracecontext.Context{Parent: tracecontext.Parent(c.TraceID(), c.SpanID(), byte(c.TraceFlags())), State: c.TraceState().String()}
	if from != nil {
		out.Baggage = from.Baggage
	}
	return out
}

// Sending implements front.Span.
func (s *span) Sending(a *front.Attempt, method string) {
	if s.part != nil {
		s.part.SetAttributes(ofSend(a, method)...)
	}
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
	defer s.whole.End()
	if !s.whole.IsRecording() {
		return
	}
	failed := c.Record.Outcome
	if c.Record.Decision == audit.Allow && (failed == "ok" || failed == "input_required") {
		failed = ""
	}
	s.whole.SetName(nameOf(c))
	s.whole.SetAttributes(ofCall(c)...)
	s.fail(s.whole, failed)
	if s.part != nil {
		s.fail(s.part, failed)
		s.part.End()
	}
}

// fail marks a span with the code of what went wrong; "" is nothing.
func (s *span) fail(of trace.Span, code string) {
	if s.rpc != "" {
		of.SetAttributes(keyRPCStatus.String(s.rpc))
	}
	if code == "" {
		return
	}
	of.SetAttributes(keyError.String(code))
	of.SetStatus(codes.Error, code)
}
