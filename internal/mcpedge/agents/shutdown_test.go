package agents_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"gatehouse/internal/mcpedge/agents"
)

func TestShutdown_refusesNewCallsAndWaitsForRunningOnes(t *testing.T) {
	h := newScript()
	f := newEdge(t, h, nil)
	srv := serveHTTP(t, f)
	s := dial(t, f)
	stream := listen(t, srv.URL, "")
	running := make(chan response, 1)
	go func() {
		r, _ := send(request(t.Context(), http.MethodPost, srv.URL, call("1", "block", `{}`)))
		running <- r
	}()
	s.send("%s", call("2", "block", `{}`))
	receive(t, h.started)
	receive(t, h.started)

	done := make(chan error, 1)
	go func() { done <- f.Shutdown(context.Background()) }()
	receive(t, stream) // Ends once the shutdown has begun.

	r := post(t, srv.URL, `{"jsonrpc":"2.0","id":3,"method":"ping"}`)
	if r.status != http.StatusServiceUnavailable {
		t.Errorf("POST: got %d, want 503", r.status)
	}
	if r := do(t, request(t.Context(), http.MethodGet, srv.URL, "")); r.status != http.StatusServiceUnavailable {
		t.Errorf("GET: got %d, want 503", r.status)
	}
	s.send("%s", call("4", "echo", `{}`))
	if got := field(t, s.next(), "result", "structuredContent", "error", "code"); got != "SERVER_UNAVAILABLE" {
		t.Errorf("stdio: got %v, want %v", got, "SERVER_UNAVAILABLE")
	}
	if len(done) != 0 {
		t.Fatal("Shutdown did not wait for the running calls")
	}
	close(h.release)
	if err := receive(t, done); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if r := receive(t, running); field(t, r.body, "result", "isError") != nil {
		t.Errorf("the running call: got %s, want a result", r.body)
	}
	s.next()
}

func TestShutdown_impatient_cancelsWhatRunsAndSaysHowMany(t *testing.T) {
	h := newScript()
	f := newEdge(t, h, nil)
	s := dial(t, f)
	s.send("%s", call("1", "block", `{}`))
	receive(t, h.started)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := f.Shutdown(ctx)
	if !errors.Is(err, context.Canceled) || err.Error() != "cannot finish 1 running calls of agents: context canceled" {
		t.Errorf("Shutdown: got %v, want that it cannot finish one call as the context was cancelled", err)
	}
	receive(t, h.ended)
	s.next()
	if err := f.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown once more: got %v", err)
	}
}

func TestClose_cancelsWhatRuns(t *testing.T) {
	h := newScript()
	f := newEdge(t, h, nil)
	s := dial(t, f)
	s.send("%s", call("1", "block", `{}`))
	receive(t, h.started)
	f.Close()
	receive(t, h.ended)
	s.next()
}

func TestHandler_tooManyStreams_areRefused(t *testing.T) {
	f := newEdge(t, newScript(), func(o *agents.Options) { o.MaxStreams = 1 })
	srv := serveHTTP(t, f)
	stream := listen(t, srv.URL, "")
	if r := do(t, request(t.Context(), http.MethodGet, srv.URL, "")); r.status != http.StatusServiceUnavailable {
		t.Errorf("second stream: got %d, want 503", r.status)
	}
	f.Close()
	receive(t, stream)
}
