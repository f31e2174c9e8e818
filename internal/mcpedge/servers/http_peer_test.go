package servers_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/testkit"
)

// odd is a streamable HTTP server that answers tools/call as a test says and
// all else as it should be.
type odd struct {
	*httptest.Server

	mu       sync.Mutex
	requests []*http.Request // without bodies
	got      chan request    // what is no request that expects an answer

	// call answers a tools/call.
	call handler
	// initialize, if set, answers initialize.
	initialize func(w http.ResponseWriter, m request)
	// stateless, if set, answers what is not a tool call of 2026-07-28.
	stateless handler
	// ping and list, if set, answer ping and tools/list.
	ping, list handler
	// notice, if set, answers notifications.
	notice handler
	// listen, if set, serves GET.
	listen http.HandlerFunc
}

func newOdd(t *testing.T, call handler) *odd {
	t.Helper()
	o := &odd{call: call, got: make(chan request, 100)}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

// newOddToClose is newOdd at a port that nobody else is given once the server is closed.
func newOddToClose(t *testing.T, call handler) *odd {
	t.Helper()
	o := &odd{call: call, got: make(chan request, 100)}
	o.Server = httptest.NewUnstartedServer(o)
	l, err := net.Listen("tcp", testkit.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	_ = o.Listener.Close()
	o.Listener = l
	o.Start()
	t.Cleanup(o.Close)
	return o
}

// newOfEra is newOdd, or newStateless for a server of that era.
func newOfEra(t *testing.T, era endpoint.Era, call handler) *odd {
	t.Helper()
	if era == endpoint.EraStateless {
		return newStateless(t, call)
	}
	return newOdd(t, call)
}

// handler answers a request.
type handler = func(w http.ResponseWriter, r *http.Request, m request)

// holding makes a handler that answers "held" to requests with that word, once
// release is closed, and tells of each; it leaves the others to next.
func holding(next handler) (h handler, held, release chan struct{}) {
	held, release = make(chan struct{}, 1), make(chan struct{})
	return func(w http.ResponseWriter, r *http.Request, m request) {
		if !strings.Contains(string(m.Params), "held") {
			next(w, r, m)
			return
		}
		held <- struct{}{}
		<-release
		answer(w, m, `"held"`)
	}, held, release
}

func (o *odd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	o.mu.Lock()
	o.requests = append(o.requests, r)
	o.mu.Unlock()
	var m request
	_ = json.Unmarshal(body, &m)
	m.line = string(body)
	switch {
	case r.Method == http.MethodGet && o.listen != nil:
		o.listen(w, r)
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case o.stateless != nil && m.Method != "tools/call":
		o.stateless(w, r, m)
	case m.Method == "server/discover":
		http.NotFound(w, r)
	case m.Method == "initialize" && o.initialize != nil:
		o.initialize(w, m)
	case m.Method == "initialize":
		w.Header().Set("Mcp-Session-Id", "s1")
		answer(w, m, goodInitialize)
	case m.Method == "tools/call":
		o.call(w, r, m)
	case m.Method == "ping" && o.ping != nil:
		o.ping(w, r, m)
	case m.Method == "ping":
		answer(w, m, `{}`)
	case m.Method == "tools/list" && o.list != nil:
		o.list(w, r, m)
	case m.ID == nil && o.notice != nil:
		o.notice(w, r, m)
	default:
		w.WriteHeader(http.StatusAccepted)
		o.got <- m
	}
}

// seen returns the requests of a method so far.
func (o *odd) seen(method string) (all []*http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.requests {
		if r.Method == method {
			all = append(all, r)
		}
	}
	return all
}

// answer writes a JSON answer with that result.
func answer(w http.ResponseWriter, m request, result string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)
}

// event writes one event of a stream.
func event(w http.ResponseWriter, format string, args ...any) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = fmt.Fprintf(w, "event: message\ndata: "+format+"\n\n", args...)
	w.(http.Flusher).Flush()
}

// openHTTP opens a session, of the older era unless opts say otherwise.
func openHTTP(t *testing.T, opts servers.HTTPOptions) *servers.HTTP {
	t.Helper()
	opts.Era = cmp.Or(opts.Era, endpoint.EraInitialize)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := servers.OpenHTTP(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close(nil)
		await(t, s.Done())
	})
	return s
}

func BenchmarkHTTPCall(b *testing.B) {
	for _, kind := range []string{"json", "stream"} {
		b.Run(kind, func(b *testing.B) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				var m request
				_ = json.Unmarshal(body, &m)
				switch {
				case m.Method == "initialize":
					w.Header().Set("Mcp-Session-Id", "s1")
					answer(w, m, `{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}`)
				case m.Method == "tools/call" && kind == "json":
					answer(w, m, string(m.Params))
				case m.Method == "tools/call":
					event(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, m.Params)
				default:
					w.WriteHeader(http.StatusAccepted)
				}
			}))
			defer srv.Close()
			s, err := servers.OpenHTTP(b.Context(), servers.HTTPOptions{URL: srv.URL, Era: endpoint.EraInitialize})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := s.Call(b.Context(), tool(`{"name":"x","arguments":{"a":1}}`)); err != nil {
					b.Fatal(err)
				}
			}
			s.Close(nil)
			<-s.Done()
		})
	}
}
