package agents_test

import "testing"

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
