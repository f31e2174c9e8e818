package upstream_test

import (
	"encoding/json"
	"sync"
	"testing"
)

// A server may report progress when its call has just been given up. The body
// that the call's token was in is then read into for another request.
func TestHTTP_progressAfterTheEnd_touchesNoBodyThatIsUsedAgain(t *testing.T) {
	h := newScript()
	h.steps = 0
	srv := serveHTTP(t, newFront(t, h, nil))
	for range 50 {
		post(t, srv.URL, callWithToken("1", "progress", `"a-token"`))
		report := receive(t, h.late)
		var both sync.WaitGroup
		both.Go(func() {
			for range 20 {
				report(json.RawMessage(`{"progress":1}`))
			}
		})
		both.Go(func() { post(t, srv.URL, call("2", "echo", `{"x":"and more bytes than before"}`)) })
		both.Wait()
	}
}
