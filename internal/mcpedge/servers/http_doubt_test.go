package servers_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

// forgetful is a server of the older era that refuses sessions it does not know
// in a way of its own. Its results name the session that they were given in.
type forgetful struct {
	*odd

	status int
	body   string // with %s for the request's id

	mu       sync.Mutex
	born     int // sessions so far
	oldest   int // the oldest that it still knows
	closed   bool
	answered map[string]int // the requests that were run, by params
}

func newForgetful(t *testing.T, status int, body string) *forgetful {
	t.Helper()
	f := &forgetful{status: status, body: body, answered: map[string]int{}}
	f.odd = newOdd(t, nil)
	f.initialize = func(w http.ResponseWriter, m request) {
		f.mu.Lock()
		f.born++
		id, closed := fmt.Sprint("s", f.born), f.closed
		f.mu.Unlock()
		if closed {
			f.refuse(w, m)
			return
		}
		w.Header().Set("Mcp-Session-Id", id)
		answer(w, m, goodInitialize)
	}
	f.call = f.serve
	f.ping = f.serve
	return f
}

// restart makes the server forget all sessions.
func (f *forgetful) restart() {
	f.mu.Lock()
	f.oldest = f.born + 1
	f.mu.Unlock()
}

func (f *forgetful) knows(r *http.Request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	var n int
	_, err := fmt.Sscanf(r.Header.Get("Mcp-Session-Id"), "s%d", &n)
	return err == nil && n >= f.oldest
}

func (f *forgetful) serve(w http.ResponseWriter, r *http.Request, m request) {
	if !f.knows(r) {
		f.refuse(w, m)
		return
	}
	f.mu.Lock()
	f.answered[string(m.Params)]++
	f.mu.Unlock()
	answer(w, m, fmt.Sprintf(`{"session":%q}`, r.Header.Get("Mcp-Session-Id")))
}

func (f *forgetful) refuse(w http.ResponseWriter, m request) {
	if strings.HasPrefix(f.body, "{") {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(f.status)
	_, _ = fmt.Fprint(w, strings.ReplaceAll(f.body, "%s", string(m.ID)))
}

func TestHTTPSession_forgottenByTheServer_isRenewedAndTheCallHasNotRun(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"the official server":          {400, `{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}`},
		"the specification":            {404, ``},
		"404 with an error":            {404, `{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}`},
		"400 with the request's id":    {400, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32600,"message":"Session terminated"}}`},
		"400 with an id of its own":    {400, `{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Bad Request: Missing session ID"}}`},
		"401":                          {401, `Unauthorized: Session not found`},
		"403":                          {403, ``},
		"409":                          {409, `conflict`},
		"410":                          {410, `gone`},
		"422":                          {422, `{"detail":"unknown session"}`},
		"500":                          {500, `Internal Server Error`},
		"503":                          {503, ``},
		"200 and an error without id":  {200, `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no session"}}`},
		"200 and an error with the id": {200, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32001,"message":"Session not found"}}`},
		"200 and words with the id":    {200, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32603,"message":"Invalid or expired session"}}`},
		"200 and a page":               {200, `<html>session expired</html>`},
		"204":                          {204, ``},
		"302":                          {302, ``},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForgetful(t, c.status, c.body)
			renewals, changes := make(chan string, 10), make(chan struct{}, 10)
			s := openHTTP(t, servers.HTTPOptions{
				URL: f.URL, OnRenewed: func(reason string) { renewals <- reason }, OnToolsChanged: func() { changes <- struct{}{} },
			})
			res, err := s.Call(t.Context(), tool(`"before"`))
			wantResult(t, outcome{res, err}, `{"session":"s1"}`)
			f.restart()
			_, err = s.Call(t.Context(), tool(`"call"`))
			if !isNotWritten(err) || !errors.Is(err, endpoint.ErrRenewed) {
				t.Fatalf("got %v, want that it was not run and the session is new", err)
			}
			if reason := await(t, renewals); !strings.Contains(reason, fmt.Sprint(c.status)) {
				t.Errorf("the reason is %q, want the status %d in it", reason, c.status)
			}
			await(t, changes)
			res, err = s.Call(t.Context(), tool(`"call"`))
			wantResult(t, outcome{res, err}, `{"session":"s2"}`)
			if n := f.answered[`"call"`]; n != 1 {
				t.Errorf("the call was run %d times, want once", n)
			}
			if s.Err() != nil {
				t.Errorf("the session ended with %v, want it to go on", s.Err())
			}
		})
	}
}

func TestHTTPSession_forgotten_callsUnderWayGoOn(t *testing.T) {
	f := newForgetful(t, 400, `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}}`)
	calls, held, release := holding(f.serve)
	f.call = calls
	s := openHTTP(t, servers.HTTPOptions{URL: f.URL})
	other := call(t.Context(), s, tool(`"held"`))
	await(t, held)
	f.restart()
	var again atomic.Int32
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for {
				res, err := s.Call(t.Context(), tool(`{}`))
				if isNotWritten(err) && errors.Is(err, endpoint.ErrRenewed) {
					again.Add(1)
					continue
				}
				if err != nil || string(res.Result) != `{"session":"s2"}` {
					t.Errorf("got %s %s %v, want the result of session s2", res.Result, res.Error, err)
				}
				return
			}
		})
	}
	all.Wait()
	if n := again.Load(); n < 1 || n > 10 {
		t.Errorf("%d calls were to be made again, want 1 to 10", n)
	}
	if f.born != 2 {
		t.Errorf("%d sessions were opened, want 2", f.born)
	}
	close(release)
	wantResult(t, await(t, other), `"held"`)
}

func TestHTTPSession_refusalOfACall_isNotDoubtedForEver(t *testing.T) {
	f := newForgetful(t, 400, `no`)
	f.call = func(w http.ResponseWriter, _ *http.Request, m request) { f.refuse(w, m) }
	f.ping = f.call // It knows neither.
	s := openHTTP(t, servers.HTTPOptions{URL: f.URL})
	tries := 0
	for ; tries < 5; tries++ {
		_, err := s.Call(t.Context(), tool(`{}`))
		if refused, ok := errors.AsType[*endpoint.RefusedRequest](err); ok {
			if refused.Status != 400 {
				t.Errorf("got %+v, want status 400", refused)
			}
			break
		}
	}
	if tries != 1 {
		t.Errorf("the call was refused after %d renewals, want 1", tries)
	}
}

func TestHTTPSession_failureThatMayBeOfTheCall_isNotMadeAgain(t *testing.T) {
	for _, status := range []int{500, 502, 504} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			f := newForgetful(t, 404, ``)
			f.call = func(w http.ResponseWriter, r *http.Request, _ request) {
				f.restart() // In the middle of the call.
				w.WriteHeader(status)
			}
			s := openHTTP(t, servers.HTTPOptions{URL: f.URL})
			_, err := s.Call(t.Context(), tool(`{}`))
			if refused, ok := errors.AsType[*endpoint.RefusedRequest](err); !ok || !refused.MayHaveRun || refused.Status != status {
				t.Errorf("got %v, want a refusal with status %d that may have run", err, status)
			}
			f.call = f.serve
			res, err := s.Call(t.Context(), tool(`{}`))
			wantResult(t, outcome{res, err}, `{"session":"s2"}`)
		})
	}
}

func TestHTTPSession_noNewOneCanBeOpened_endsWithTheReason(t *testing.T) {
	for status, want := range map[int]string{401: "HTTP status 401 Unauthorized", 403: "HTTP status 403 Forbidden", 400: "HTTP status 400 Bad Request", 503: "503 Service Unavailable"} {
		f := newForgetful(t, status, `go away`)
		calls, held, release := holding(f.serve)
		f.call = calls
		s := openHTTP(t, servers.HTTPOptions{URL: f.URL})
		other := call(t.Context(), s, tool(`"held"`))
		await(t, held)
		f.restart()
		f.mu.Lock()
		f.closed = true
		f.mu.Unlock()
		if _, err := s.Call(t.Context(), tool(`{}`)); !isNotWritten(err) {
			t.Errorf("%d: got %v, want not written", status, err)
		}
		await(t, s.Done())
		unauthorized, ok := errors.AsType[*servers.Unauthorized](s.Err())
		if !strings.Contains(s.Err().Error(), want) || !strings.Contains(s.Err().Error(), "go away") || ok != (status == 401 || status == 403) {
			t.Errorf("%d: it ended with %v (%v), want %q", status, s.Err(), unauthorized, want)
		}
		close(release)
		wantResult(t, await(t, other), `"held"`) // It goes on.
	}
}

func TestHTTPSession_theGatewaysOwnPing_renewsIt(t *testing.T) {
	f := newForgetful(t, 400, `no session`)
	renewals := make(chan string, 1)
	s := openHTTP(t, servers.HTTPOptions{URL: f.URL, OnRenewed: func(reason string) { renewals <- reason }})
	f.restart()
	_, err := s.Call(t.Context(), endpoint.Request{Method: "ping"})
	if !errors.Is(err, endpoint.ErrRenewed) {
		t.Errorf("got %v, want a renewal", err)
	}
	await(t, renewals)
	res, err := s.Call(t.Context(), endpoint.Request{Method: "ping"})
	wantResult(t, outcome{res, err}, `{"session":"s2"}`)
}

func TestListTools_ofASessionThatIsForgotten_beginsAgain(t *testing.T) {
	f := newForgetful(t, 400, `no session`)
	pages := 0
	f.list = func(w http.ResponseWriter, r *http.Request, m request) {
		if pages++; pages == 2 {
			f.restart()
		}
		switch {
		case !f.knows(r):
			f.refuse(w, m)
		case strings.Contains(string(m.Params), "cursor"):
			answer(w, m, `{"tools":[{"name":"b"}]}`)
		default:
			answer(w, m, `{"tools":[{"name":"a"}],"nextCursor":"x"}`)
		}
	}
	s := openHTTP(t, servers.HTTPOptions{URL: f.URL})
	tools, _, err := servers.ListTools(t.Context(), s)
	if err != nil || len(tools) != 2 {
		t.Errorf("got %s %v, want a and b", tools, err)
	}
}

// A server that is silent is not one that has forgotten the session.
func TestHTTPSession_doubtedServerThatIsSilent_keepsItsSession(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	f := newForgetful(t, 403, `no`)
	f.call = func(w http.ResponseWriter, r *http.Request, m request) {
		if string(m.Params) == `"good"` {
			f.serve(w, r, m)
			return
		}
		f.refuse(w, m)
	}
	f.ping = func(w http.ResponseWriter, r *http.Request, _ request) {
		event(w, `{"jsonrpc":"2.0","method":"notifications/message"}`)
		<-r.Context().Done()
	}
	s := openHTTP(t, servers.HTTPOptions{URL: f.URL})
	_, err := s.Call(t.Context(), tool(`{}`))
	if _, ok := errors.AsType[*endpoint.RefusedRequest](err); !ok {
		t.Errorf("got %v, want a refusal", err)
	}
	res, err := s.Call(t.Context(), tool(`"good"`))
	wantResult(t, outcome{res, err}, `{"session":"s1"}`)
}
