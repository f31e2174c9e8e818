package agents_test

import (
	"strings"
	"testing"
)

// A client may cancel a call right behind it, in the same write.
func TestStdio_cancelledAtOnce_isNotMissed(t *testing.T) {
	h := newScript()
	s := dial(t, newEdge(t, h, nil))
	s.initialize("2025-11-25")
	for range 1000 {
		s.send("%s\n%s", call("1", "block", `{}`), `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
		receive(t, h.started)
		receive(t, h.ended)
	}
}

// A cancellation that two readers could take for two calls ends none.
func TestStdio_ambiguousCancellation_endsNoCall(t *testing.T) {
	h := newScript()
	s := dial(t, newEdge(t, h, nil))
	s.initialize("2025-11-25")
	s.send("%s", call("1", "block", `{}`))
	receive(t, h.started)
	s.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2,"requestId":1}}`)
	s.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"RequestId":2}}`)
	close(h.release)
	if got := s.next(); !strings.Contains(got, "released") {
		t.Errorf("got %s, want the answer of the call", got)
	}
}
