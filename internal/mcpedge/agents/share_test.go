package agents_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/mcpedge/agents"
)

// A body that does not come takes nothing from those who call.
func TestHTTP_slowBodies_takeNoPlaces(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), func(o *agents.Options) { o.MaxInFlight = 2 }))
	for range 8 {
		conn := connect(t, srv.URL)
		head(t, conn, 100)
		fmt.Fprint(conn, "{")
	}
	if got := post(t, srv.URL, call("1", "echo", `{}`)); got.status != http.StatusOK || field(t, got.body, "result", "isError") != nil {
		t.Errorf("a call beside slow bodies: got %d %s, want its answer", got.status, got.body)
	}
}

func TestBatch_takesAPlaceForEachCall(t *testing.T) {
	h := newScript()
	s := dial(t, newEdge(t, h, func(o *agents.Options) { o.MaxInFlight = 2 }))
	s.initialize("2025-03-26")
	s.send("[%s,%s]", call("1", "block", `{}`), call("2", "block", `{}`))
	receive(t, h.started)
	receive(t, h.started)
	s.send("%s", call("3", "echo", `{}`))
	if got := field(t, s.next(), "result", "structuredContent", "error", "code"); got != "OVERLOADED" {
		t.Errorf("a third call: got %v, want OVERLOADED", got)
	}
	close(h.release)
	s.next()
}

// Of two credentials one holds every place and has more calls waiting: the next
// place is the other one's.
func TestHTTP_otherCredential_goesBeforeTheQueueOfAHog(t *testing.T) {
	h := newScript()
	url := serveHTTP(t, newEdge(t, h, func(o *agents.Options) {
		byHeader(o)
		o.MaxInFlight = 3
	})).URL
	ask := func(who, session, id, args string) {
		go func() {
			_, _ = send(request(t.Context(), http.MethodPost, url, call(id, "block", args), "Authorization", who, "Mcp-Session-Id", session))
		}()
	}
	sessions := map[string]string{}
	for _, who := range []string{"hog", "other"} {
		sessions[who] = post(t, url, initialize, "Authorization", who).header.Get("Mcp-Session-Id")
	}
	for i := range 3 {
		ask("hog", sessions["hog"], fmt.Sprint(i), `"hog"`)
		receive(t, h.started)
	}
	ask("other", sessions["other"], "1", `"other"`)
	cancel := func(id string) {
		post(t, url, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":`+id+`}}`, "Authorization", "hog", "Mcp-Session-Id", sessions["hog"])
	}
	// The hog is refused as long as nobody who holds less than it can wait.
	if got := post(t, url, call("9", "echo", `{}`), "Authorization", "hog").body; !strings.Contains(got, "OVERLOADED") {
		t.Fatalf("the hog's fourth call: got %s, want OVERLOADED", got)
	}
	cancel("0")
	if got := receive(t, h.started); got != `"other"` {
		t.Errorf("the next place: got %s, want that of the other credential", got)
	}
}

// Streams are shared too: who has few gets one more in exchange for one of
// whoever has the most.
func TestHTTP_streamsOfAHog_endForThoseOfOthers(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), func(o *agents.Options) {
		byHeader(o)
		o.MaxStreams = 3
	}))
	hog := listenAs(t, srv.URL, "hog")
	listenAs(t, srv.URL, "hog")
	listenAs(t, srv.URL, "hog")
	listenAs(t, srv.URL, "other")
	if _, err := io.ReadAll(hog.Body); err != nil {
		t.Errorf("the oldest stream: got %v, want its end", err)
	}
	listenAs(t, srv.URL, "third")
	if got := do(t, request(t.Context(), http.MethodGet, srv.URL, "", "Authorization", "other")); got.status != http.StatusServiceUnavailable {
		t.Errorf("with one stream for each: got %d, want 503", got.status)
	}
}

// listenAs opens a stream that ends with the test.
func listenAs(t *testing.T, url, who string) *http.Response {
	t.Helper()
	resp, err := (&http.Client{Transport: plainTransport}).Do(request(t.Context(), http.MethodGet, url, "", "Authorization", who))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: got %d, want 200", who, resp.StatusCode)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return resp
}
