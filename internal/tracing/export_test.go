package tracing

import "gatehouse/internal/front"

// EndForTest ends a span without a call.
func EndForTest(s front.Span) {
	of := s.(*span)
	of.send(of.part.end(of.now()))
}
