package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/testkit"
)

// beginURLServers starts one gateway for the cases of a test, each of which is a
// fake server of its own with these flags, named as the case. It returns the
// records of the servers by that name, too.
func beginURLServers(t *testing.T, flags map[string][]string) (*testkit.Gateway, testkit.Agent, map[string]string) {
	t.Helper()
	servers, records := testkit.Servers{}, map[string]string{}
	for name, more := range flags {
		records[name] = recordFile(t)
		fake := testkit.StartHTTPFake(t, append([]string{"--record", records[name]}, more...)...)
		servers[name] = testkit.Entry{"url": fake.Base + "/mcp"}
	}
	g, a := begin(t, servers)
	return g, a, records
}

// A url server that forgets its sessions, in one of the ways of real ones.
func TestURLServer_thatRestarts_isUsedAgainByTheNextCall(t *testing.T) {
	t.Parallel()
	cases := map[string][]string{
		"400 and a JSON-RPC error": {"--lost-status", "400", "--lost-body", `{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}`},
		"404":                      nil,
		"401":                      {"--lost-status", "401"},
		"500":                      {"--lost-status", "500"},
		"503":                      {"--lost-status", "503"},
		"200 and an error":         {"--lost-status", "200", "--lost-body", `{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}`},
	}
	g, a, records := beginURLServers(t, cases)
	for name := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record := records[name]
			long := goSlow(t, a, record, name, "long")
			a.Execute(t, name, "forget", nil)
			for i := range 3 {
				if got := a.Execute(t, name, "echo", map[string]any{"id": fmt.Sprint("e", i)}).Good(t); got.Field("id") != fmt.Sprint("e", i) {
					t.Errorf("call %d: got %s, want the id of its own call", i, got.Structured)
				}
			}
			g.Await(t, "server session renewed", "server", name)
			long.End(t).Good(t)
			if n := g.Count(0, "server crashed", "server", name); n != 0 {
				t.Errorf("%d crashes are logged, want 0", n)
			}
			for id, ran := range testkit.Calls(testkit.Record(t, record)) {
				if len(ran) != 1 {
					t.Errorf("the call %s ran %d times, want once", id, len(ran))
				}
			}
		})
	}
}

// The older transport has sessions too.
func TestURLServer_overSSE_thatForgets_isUsedAgainByTheNextCall(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	fake := testkit.StartHTTPFake(t, "--record", record, "--lost-status", "400")
	g, a := begin(t, testkit.Servers{"s": {"url": fake.Base + "/sse", "type": "sse"}})
	long := goSlow(t, a, record, "s", "long")
	a.Execute(t, "s", "forget", nil)
	for range 3 {
		a.Execute(t, "s", "echo", nil).Good(t)
	}
	g.Await(t, "server session renewed", "server", "s")
	long.End(t).Good(t)
	if n := g.Count(0, "server crashed"); n != 0 {
		t.Errorf("%d crashes are logged, want 0", n)
	}
}

// What goes wrong with one call is that call's alone.
func TestURLServer_refusalOfOneCall_isThatCallsAlone(t *testing.T) {
	t.Parallel()
	args := func(status int, headers map[string]any, body string) map[string]any {
		return map[string]any{"status": status, "headers": headers, "body": body}
	}
	cases := map[string]struct {
		args       map[string]any
		code       string
		words      []string
		retryAfter int
		mayHaveRun bool
	}{
		"a firewall": {args(403, map[string]any{"Content-Type": "text/html"}, "<html>blocked</html>"), "SERVER_ERROR", []string{"403 Forbidden", "blocked"}, 0, false},
		"a missing scope": {
			args(401, map[string]any{"WWW-Authenticate": `Bearer error="insufficient_scope", scope="files:write"`}, ""), "SERVER_ERROR",
			[]string{"401 Unauthorized", "files:write"},
			0, false,
		},
		"too many requests": {args(429, map[string]any{"Retry-After": "7"}, `{"error":"rate limit exceeded"}`), "SERVER_ERROR", []string{"rate limit exceeded"}, 7000, false},
		"a redirect":        {args(302, map[string]any{"Location": "https://login.example.com/auth?x=1"}, ""), "SERVER_ERROR", []string{"302 Found", "https://login.example.com/auth"}, 0, false},
		"a page":            {args(200, map[string]any{"Content-Type": "text/html"}, "<h1>Welcome</h1>"), "SERVER_ERROR", []string{"200 OK", "text/html", "Welcome"}, 0, true},
		"a string as error": {args(200, nil, `{"jsonrpc":"2.0","id":null,"error":"it broke"}`), "SERVER_ERROR", []string{"it broke"}, 0, false},
		"a word as code":    {args(400, nil, `{"jsonrpc":"2.0","id":null,"error":{"code":"ENOENT","message":"no file"}}`), "SERVER_ERROR", []string{"no file (ENOENT)"}, 0, false},
		"a cut stream": {
			map[string]any{"status": 200, "headers": map[string]any{"Content-Type": "text/event-stream"}, "body": ": working\n\n", "cut": true},
			"SERVER_CRASHED", nil, 0, true,
		},
		"a closed connection": {map[string]any{"cut": true}, "SERVER_CRASHED", nil, 0, true},
	}
	flags := map[string][]string{}
	for name := range cases {
		flags[name] = nil
	}
	g, a, records := beginURLServers(t, flags)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var others []*slowCall
			for i := range 3 {
				others = append(others, goSlow(t, a, records[name], name, fmt.Sprint("o", i)))
			}
			for range 6 {
				e := a.Execute(t, name, "http", c.args).Failed(t, c.code)
				for _, word := range c.words {
					if !strings.Contains(e.Message, word) {
						t.Errorf("got %q, want %q in it", e.Message, word)
					}
				}
				if got := e.MayHaveRun != nil && *e.MayHaveRun; got != c.mayHaveRun {
					t.Errorf("may_have_run is %v, want %v: %s", got, c.mayHaveRun, e.Message)
				}
				if got := e.RetryAfterMS; c.retryAfter != 0 && (got == nil || *got != c.retryAfter) {
					t.Errorf("retry_after_ms is %v, want %d", got, c.retryAfter)
				}
			}
			a.Execute(t, name, "echo", nil).Good(t)
			for _, other := range others {
				other.End(t).Good(t)
			}
			if n := g.Count(0, "server crashed", "server", name) + g.Count(0, "server needs auth", "server", name); n != 0 {
				t.Errorf("%d failures of the server are logged, want 0", n)
			}
		})
	}
}

func TestURLServer_thatRefusesDiscover_isAskedByInitialize(t *testing.T) {
	t.Parallel()
	flags := map[string][]string{}
	for _, how := range []string{"403", "401", "302", "500", "cut"} {
		flags[how] = []string{"--no-discover", how}
	}
	_, a, _ := beginURLServers(t, flags)
	for how := range flags {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			if tools := a.Tools(t, how).Names(); !slices.Contains(tools, "echo") {
				t.Errorf("it lists %q, want echo among them", tools)
			}
			a.Execute(t, how, "echo", nil).Good(t)
		})
	}
}

// A server is killed and started again while it is called from many sides.
func TestURLServer_killedAndRestartedUnderLoad_losesOnlyWhatRan(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	fake := testkit.StartHTTPFake(t, "--record", record, "--lost-status", "400")
	g, a := begin(t, testkit.Servers{"s": {"url": fake.Base + "/mcp"}})
	a.Execute(t, "s", "echo", nil).Good(t)
	done := make(chan struct{})
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				id := fmt.Sprintf("c%d-%d", caller, i)
				got := a.Execute(t, "s", "sleep", map[string]any{"ms": 5, "id": id})
				switch code := got.Code(); {
				case code == "":
				case code == "SERVER_CRASHED" && got.Error.MayHaveRun != nil && *got.Error.MayHaveRun:
				default:
					t.Errorf("%s failed with %s: %s, want a result, or a crash during the call", id, code, got.Text)
					return
				}
			}
		})
	}
	for range 3 {
		mark := g.Log.Len()
		fake.Restart(t)
		g.AwaitLine(t, mark, "that the server is there again", func(l testkit.Line) bool {
			return l.Msg == "server ready" || l.Msg == "server session renewed"
		})
		a.Execute(t, "s", "echo", nil).Good(t)
	}
	close(done)
	callers.Wait()
	for id, ran := range testkit.Calls(testkit.Record(t, record)) {
		if len(ran) > 1 {
			t.Errorf("the call %s ran %d times, want at most once", id, len(ran))
		}
	}
}

// Whoever runs a server may let the gateway in at any time.
func TestURLServer_thatRefusedTheCredentials_worksOnceItLetsIn(t *testing.T) {
	t.Parallel()
	fake := testkit.StartHTTPFake(t)
	var open atomic.Bool
	proxy := httputil.NewSingleHostReverseProxy(must(url.Parse(fake.Base)))
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if open.Load() {
			proxy.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(front.Close)
	restart := map[string]any{"initial_ms": 20, "max_ms": 1500}
	g, a := begin(t, testkit.Servers{
		"called": testkit.Entry{"url": front.URL + "/mcp"}.Settings("restart", map[string]any{"max_ms": 600000}),
		"quiet":  testkit.Entry{"url": front.URL + "/mcp"}.Settings("restart", restart),
	})
	for _, s := range []string{"called", "quiet"} {
		g.Await(t, "server needs auth", "server", s)
	}
	if e := a.Execute(t, "called", "echo", nil).Failed(t, "SERVER_UNAVAILABLE"); e.State != "needs-auth" || !strings.Contains(e.Message, "401") {
		t.Errorf("got %+v, want needs-auth, and the status in its message", e)
	}
	open.Store(true)
	a.Execute(t, "called", "echo", nil).Good(t)
	g.Await(t, "server ready", "server", "quiet")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
