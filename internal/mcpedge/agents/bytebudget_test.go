package agents_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/mcpedge/agents"
)

// large is the arguments of a call that weighs.
var large = `{"text":"` + strings.Repeat("x", 600<<10) + `"}`

func oneLarge(o *agents.Options) { o.MaxBytes = 2560 << 10 }

func TestLargeMessages_beyondTheBudget_areRefused_stdio(t *testing.T) {
	h := newScript()
	s := dial(t, newEdge(t, h, oneLarge))
	s.send("%s", call("1", "block", large))
	receive(t, h.started)
	s.send("%s", call("2", "block", large))
	if got := field(t, s.next(), "result", "structuredContent", "error", "code"); got != "OVERLOADED" {
		t.Errorf("a second large call: got %v, want %v", got, "OVERLOADED")
	}
	s.send("%s", call("3", "echo", `{}`))
	if got := field(t, s.next(), "result", "isError"); got != nil {
		t.Errorf("a small call beside it: isError %v, want none", got)
	}
	close(h.release)
	s.next()
	s.send("%s", call("4", "block", large))
	if got := field(t, s.next(), "result", "isError"); got != nil {
		t.Errorf("a large call after the first: isError %v, want none", got)
	}
}

func TestLargeMessages_beyondTheBudget_areRefused_http(t *testing.T) {
	h := newScript()
	srv := serveHTTP(t, newEdge(t, h, oneLarge))
	first := make(chan response, 1)
	go func() {
		r, _ := send(request(t.Context(), http.MethodPost, srv.URL, call("1", "block", large)))
		first <- r
	}()
	receive(t, h.started)
	for name, body := range map[string]string{"a call": call("2", "block", large), "anything": `{"jsonrpc":"2.0","id":2,"method":"ping","params":` + large + `}`} {
		if got := post(t, srv.URL, body); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("%s beside a large call: got %d %s, want %d and when to try again", name, got.status, got.body, http.StatusServiceUnavailable)
		}
	}
	close(h.release)
	if got := <-first; got.status != http.StatusOK {
		t.Errorf("the first call: got %d, want %d", got.status, http.StatusOK)
	}
	if got := post(t, srv.URL, call("3", "block", large)); got.status != http.StatusOK {
		t.Errorf("a large call after the first: got %d %s, want %d", got.status, got.body, http.StatusOK)
	}
}
