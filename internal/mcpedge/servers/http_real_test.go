package servers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

// library is a server made with mcp-go, with so many tools on pages of three.
func library(tools int) *server.MCPServer {
	s := server.NewMCPServer("library", "1", server.WithToolCapabilities(true), server.WithPaginationLimit(3))
	for i := range tools {
		s.AddTool(mcp.NewTool(fmt.Sprintf("tool-%02d", i)), func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return mcp.NewToolResultText(req.GetString("say", "")), nil
		})
	}
	return s
}

func callLibrary(t *testing.T, s endpoint.Session) {
	t.Helper()
	tools, _, err := servers.ListTools(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if len(tools) != 10 || tools[9].Name != "tool-09" {
		t.Errorf("got %v, want ten of them", tools)
	}
	res, err := s.Call(t.Context(), tool(`{"name":"tool-03","arguments":{"say":"hello"}}`))
	if err != nil || !strings.Contains(string(res.Result), `"hello"`) {
		t.Errorf("got %s %s %v, want hello", res.Result, res.Error, err)
	}
}

func TestHTTP_withAServerOfTheLibrary(t *testing.T) {
	backend := library(10)
	srv := httptest.NewServer(server.NewStreamableHTTPServer(backend, server.WithStateful(true)))
	t.Cleanup(srv.Close)
	changed := make(chan struct{}, 100)
	s := openHTTP(t, servers.HTTPOptions{URL: srv.URL, OnToolsChanged: func() { changed <- struct{}{} }})
	callLibrary(t, s)
	// The stream for announcements opens on its own time, so a change is made
	// with each call until one was announced.
	for deadline := time.Now().Add(patience); len(changed) == 0; {
		backend.AddTool(mcp.NewTool("new"), nil)
		if _, err := s.Call(t.Context(), tool(`{"name":"tool-00"}`)); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("no change was announced")
		}
	}
}

// useStateless checks a session of 2026-07-28 with a server of the library.
func useStateless(t *testing.T, s endpoint.Session, backend *server.MCPServer, changed <-chan struct{}) {
	t.Helper()
	if info := s.Info(); info.ProtocolVersion != "2026-07-28" || info.Name != "library" || !info.Tools {
		t.Errorf("got %+v, want library with tools, by 2026-07-28", info)
	}
	callLibrary(t, s)
	backend.AddTool(mcp.NewTool("new"), nil) // The subscription is acknowledged by now.
	await(t, changed)
	res, err := s.Call(t.Context(), endpoint.Request{Method: "server/discover"})
	if err != nil || res.Result == nil {
		t.Errorf("got %v %s, want a result", err, res.Error)
	}
}

func TestHTTP_stateless_withAServerOfTheLibrary(t *testing.T) {
	backend := library(10)
	srv := httptest.NewServer(server.NewStreamableHTTPServer(backend))
	t.Cleanup(srv.Close)
	changed := make(chan struct{}, 100)
	s, err := servers.OpenHTTP(t.Context(), servers.HTTPOptions{URL: srv.URL, OnToolsChanged: func() { changed <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	useStateless(t, s, backend, changed)
	s.Close(nil)
	await(t, s.Done())
}

// There is one stdio server of the library in a process at most, and this is it.
func TestStdio_stateless_withAServerOfTheLibrary(t *testing.T) {
	backend := library(10)
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	served := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer close(served)
		_ = server.NewStdioServer(backend).Listen(ctx, inR, outW) // It ends with its input.
		_ = outW.Close()
	}()
	changed := make(chan struct{}, 100)
	s, err := servers.OpenStdio(t.Context(), servers.Pipes{Stdin: inW, Stdout: outR},
		servers.Options{OnToolsChanged: func() { changed <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	useStateless(t, s, backend, changed)
	s.Close(nil)
	await(t, s.Done())
	stop()
	await(t, served)
}

func TestSSE_withAServerOfTheLibrary(t *testing.T) {
	for _, kind := range []servers.Transport{servers.SSE, servers.Auto} {
		t.Run(string(kind), func(t *testing.T) {
			backend := library(10)
			sse := server.NewSSEServer(backend)
			srv := httptest.NewServer(sse)
			t.Cleanup(srv.Close)
			changed := make(chan struct{}, 100)
			s := openHTTP(t, servers.HTTPOptions{URL: srv.URL + "/sse", Transport: kind, OnToolsChanged: func() { changed <- struct{}{} }})
			callLibrary(t, s)
			backend.AddTool(mcp.NewTool("new"), nil)
			await(t, changed)
			srv.CloseClientConnections()
			await(t, s.Done())
			if got := s.Err(); got == nil || !strings.Contains(got.Error(), "closed its event stream") {
				t.Errorf("got %v, want that the server closed its event stream", got)
			}
		})
	}
}

// sseByHand is an SSE server: what it says on its stream, and gets by POST.
func sseByHand(t *testing.T) (url string, say chan string, got chan request) {
	t.Helper()
	return sseSlow(t, func(request) {})
}

// sseSlow is sseByHand; a POST that has come is taken only once take returns.
func sseSlow(t *testing.T, take func(request)) (url string, say chan string, got chan request) {
	t.Helper()
	say, got = make(chan string), make(chan request, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sse", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, ": hello\n\nevent: endpoint\r\ndata: /post?session=1\r\n\r\n")
		w.(http.Flusher).Flush()
		for {
			select {
			case line := <-say:
				event(w, "%s", line)
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("POST /post", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m request
		_ = json.Unmarshal(body, &m)
		m.line = string(body)
		take(m)
		w.WriteHeader(http.StatusAccepted)
		if m.Method == "initialize" {
			go func() { say <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, goodInitialize) }()
			return
		}
		got <- m
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL + "/sse", say, got
}

func TestSSE_oddMessages(t *testing.T) {
	url, say, got := sseByHand(t)
	s := openHTTP(t, servers.HTTPOptions{URL: url, Transport: servers.SSE, MaxMessageBytes: 100 << 10})
	if m := await(t, got); m.Method != "notifications/initialized" {
		t.Errorf("got %s, want notifications/initialized", m.line)
	}
	heard := make(chan string, 1)
	req := tool(`{}`)
	req.Progress = func(params json.RawMessage) { heard <- string(params) }
	small, large := call(t.Context(), s, req), (<-chan outcome)(nil)
	one := await(t, got)
	large = call(t.Context(), s, tool(`2`))
	two := await(t, got)
	say <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"ping"}`, `7`)
	if m := await(t, got); m.line != `{"jsonrpc":"2.0","id":7,"result":{}}`+"\n" {
		t.Errorf("got %s, want an empty result for 7", m.line)
	}
	say <- `no JSON`
	say <- `{"jsonrpc":"2.0","id":"nobody's","result":{}}`
	say <- fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1.0}}`, one.ID)
	if got := await(t, heard); got != `{"progress":1.0}` {
		t.Errorf("got %s, want %q", got, `{"progress":1.0}`)
	}
	say <- fmt.Sprintf(`{"jsonrpc":"2.0","result":%s,"id":%s}`, sized(300<<10), two.ID)
	if o := await(t, large); o.err == nil || !strings.Contains(o.err.Error(), "larger than") {
		t.Errorf("got %.80s %v, want that it is larger than the limit", o.res.Result, o.err)
	}
	say <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"n":9007199254740993}}`, one.ID)
	wantResult(t, await(t, small), `{"n":9007199254740993}`)
	only := call(t.Context(), s, tool(`3`))
	await(t, got)
	say <- `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`
	if o := await(t, only); o.err != nil || string(o.res.Error) != `{"code":-32700,"message":"Parse error"}` {
		t.Errorf("got %s %v, want the error that has no id", o.res.Error, o.err)
	}
}

// Some servers answer notifications, which have no id; nothing on the one stream of all
// says that a call which runs is not meant.
func TestSSE_errorsWithoutAnID_asAnswersToNotifications_leaveTheOnlyCallAlone(t *testing.T) {
	const nameless = `{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"Method not found"}}`
	url, say, got := sseByHand(t)
	s := openHTTP(t, servers.HTTPOptions{URL: url, Transport: servers.SSE})
	await(t, got) // notifications/initialized
	first := call(t.Context(), s, tool(`1`))
	id := await(t, got).ID
	say <- nameless
	say <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"n":1}}`, id)
	wantResult(t, await(t, first), `{"n":1}`)
	ctx, giveUp := context.WithCancel(t.Context())
	given := call(ctx, s, tool(`2`))
	await(t, got)
	giveUp()
	await(t, given)
	if m := await(t, got); m.Method != "notifications/cancelled" {
		t.Errorf("got %s, want notifications/cancelled", m.line)
	}
	next := call(t.Context(), s, tool(`3`))
	id = await(t, got).ID
	say <- nameless
	say <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"n":3}}`, id)
	wantResult(t, await(t, next), `{"n":3}`)
	// A request that was made after the last of them is answered: what comes now is meant.
	last := call(t.Context(), s, tool(`4`))
	await(t, got)
	say <- nameless
	if o := await(t, last); o.err != nil || !strings.Contains(string(o.res.Error), "Method not found") {
		t.Errorf("got %s %v, want the error that has no id", o.res.Error, o.err)
	}
}

func TestSSE_anEndpointElsewhereIsRefused(t *testing.T) {
	for _, target := range []string{"http://other.invalid/post", "https://%s/post", "::"} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = fmt.Fprintf(w, "event: endpoint\ndata: %s\n\n", strings.ReplaceAll(target, "%s", r.Host))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}))
		_, err := servers.OpenHTTP(t.Context(), servers.HTTPOptions{URL: srv.URL, Transport: servers.SSE})
		srv.Close()
		if err == nil || !strings.Contains(err.Error(), "another host") {
			t.Errorf("%s: got %v, want a refusal to be led to another host", target, err)
		}
	}
}

func TestListening_isGivenUpWhereItIsNotOffered(t *testing.T) {
	o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) { answer(w, m, `{}`) })
	tried := make(chan struct{}, 10)
	o.listen = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		tried <- struct{}{}
	}
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
	await(t, tried)
	res, err := s.Call(t.Context(), tool(`1`))
	wantResult(t, outcome{res, err}, `{}`)
}

func TestListening_refusedAfterItWorked_isAReasonToDoubt(t *testing.T) {
	for _, status := range []int{400, 401, 404, 500} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			f := newForgetful(t, status, "")
			var tries atomic.Int32
			f.listen = func(w http.ResponseWriter, r *http.Request) {
				if tries.Add(1) == 2 {
					f.restart()
				}
				if !f.knows(r) {
					w.WriteHeader(status)
					return
				}
				event(w, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
			}
			renewals := make(chan string, 10)
			s := openHTTP(t, servers.HTTPOptions{URL: f.URL, OnRenewed: func(reason string) { renewals <- reason }})
			await(t, renewals)
			res, err := s.Call(t.Context(), tool(`{}`))
			wantResult(t, outcome{res, err}, `{"session":"s2"}`)
		})
	}
}
