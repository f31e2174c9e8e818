package tracing

import (
	"encoding/json"

	"gatehouse/internal/front"
	"gatehouse/internal/tracecontext"
)

// untouched is the front.Span of a call in a trace of another program that is not
// followed here: it goes on as it came.
type untouched tracecontext.Context

// TraceID implements front.Span.
func (u *untouched) TraceID() string {
	id, _, _ := tracecontext.Parts(u.Parent)
	return id
}

// Carry implements front.Span.
func (*untouched) Carry(from *tracecontext.Context) *tracecontext.Context { return from }

// Enter implements front.Span.
func (*untouched) Enter(front.Phase) {}

// Sending implements front.Span.
func (*untouched) Sending(*front.Attempt, string) {}

// Refused implements front.Span.
func (*untouched) Refused(json.RawMessage) {}

// End implements front.Span.
func (*untouched) End(*front.Call) {}

// unsampled is the front.Span of a call that begins a trace and is not followed.
// The server is told so, that it follows the call no more than the gateway does.
type unsampled struct{ context tracecontext.Context }

// TraceID implements front.Span.
func (u *unsampled) TraceID() string {
	id, _, _ := tracecontext.Parts(u.context.Parent)
	return id
}

// Carry implements front.Span.
func (u *unsampled) Carry(from *tracecontext.Context) *tracecontext.Context {
	if from != nil {
		u.context.Baggage = from.Baggage
	}
	return &u.context
}

// Enter implements front.Span.
func (*unsampled) Enter(front.Phase) {}

// Sending implements front.Span.
func (*unsampled) Sending(*front.Attempt, string) {}

// Refused implements front.Span.
func (*unsampled) Refused(json.RawMessage) {}

// End implements front.Span.
func (*unsampled) End(*front.Call) {}
