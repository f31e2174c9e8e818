package agents_test

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/mcpedge/agents"
)

// A server may report progress when its call has just been given up. The body
// that the call's token was in is then read into for another request.
func TestHTTP_progressAfterTheEnd_touchesNoBodyThatIsUsedAgain(t *testing.T) {
	h := newScript()
	h.steps = 0
	srv := serveHTTP(t, newEdge(t, h, nil))
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

// The watch of a request must not begin a stream of events while its response
// is still open: a map of headers written by two ends the process.
func TestHTTP_theWatchLeavesAnUnsettledResponseAlone(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), func(o *agents.Options) { o.KeepAlive = time.Microsecond }))
	for range 200 {
		openSession(t, srv.URL, "2025-11-25")
		if r := post(t, srv.URL, call("1", "echo", `{}`), "Mcp-Session-Id", "not-one"); r.status != http.StatusNotFound {
			t.Fatalf("got %d %s, want %d", r.status, r.body, http.StatusNotFound)
		}
	}
}
