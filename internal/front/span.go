package front

import (
	"context"
	"encoding/json"

	"gatehouse/internal/tracecontext"
)

// Tracer follows calls. It must be safe for concurrent use.
type Tracer interface {
	// Begin begins the span of a call that says to be part of a trace; nil is none.
	Begin(c *Call, from *tracecontext.Context) Span
}

// Span is what a Tracer keeps of one call. One goroutine at a time uses it.
type Span interface {
	// TraceID names the trace, in hexadecimal digits.
	TraceID() string
	// Enter says what the call does from now on. A call that waits may be decided
	// again, and one that could not be sent may wait again.
	Enter(p Phase)
	// Carry returns the context that the server is sent, for that of the request.
	Carry(from *tracecontext.Context) *tracecontext.Context
	// Sending says what is about to be sent to whom.
	Sending(a *Attempt, method string)
	// Refused takes the JSON-RPC error that the server answered with.
	Refused(rpc json.RawMessage)
	// End ends the span of a call whose Record is complete.
	End(c *Call)
}

// Phase is what a call that is followed is doing.
type Phase int

// The phases of a call, in their order.
const (
	Deciding Phase = iota
	Waiting
	Sending
)

func (p Phase) String() string { return [...]string{"decide", "wait", "send"}[p] }

// entering is the step that begins a phase.
func entering(p Phase) step {
	return func(a *Attempt, _ context.Context) error {
		a.call.enter(p)
		return nil
	}
}

func (c *Call) enter(p Phase) {
	if c.span != nil {
		c.span.Enter(p)
	}
}

// Carry returns the context of a trace that the server is sent where the request
// brought this one: it is another only if the call is followed.
func (c *Call) Carry(from *tracecontext.Context) *tracecontext.Context {
	if c.span == nil {
		return from
	}
	return c.span.Carry(from)
}
