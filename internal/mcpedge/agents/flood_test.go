package agents_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/mcpedge/agents"
)

// flood reports progress in large pieces, all at once.
type flood struct {
	*script

	reported chan struct{}
}

func (f flood) CallTool(_ context.Context, _ agents.Caller, t agents.ToolCall, dst []byte) ([]byte, bool) {
	for i := range 40 {
		t.Progress(json.RawMessage(fmt.Sprintf(`{"progress":%d,"message":%q}`, i, strings.Repeat("x", 200<<10))))
	}
	close(f.reported)
	return append(dst, `{"content":[]}`...), true
}

// A server may report much to a client that reads little: what waits is
// limited, and the latest of it arrives.
func TestProgress_ofManyBytes_isDroppedForASlowClient(t *testing.T) {
	h := flood{newScript(), make(chan struct{})}
	front := newEdge(t, h, nil)
	in, inW := io.Pipe()
	out, outW := io.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- front.ServeStdio(context.Background(), in, outW)
		outW.Close()
	}()
	go fmt.Fprintln(inW, callWithToken("1", "progress", "7"))
	receive(t, h.reported) // Nothing has been read so far.
	lines := bufio.NewReader(out)
	var last string
	size := 0
	for {
		l, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(l, `"result"`) {
			break
		}
		last, size = l, size+len(l)
	}
	if size > 2<<20 || !strings.Contains(last, `"progress":39`) {
		t.Errorf("got %d bytes, the last of them %.100s, want 2 MiB at most and progress 39", size, last)
	}
	inW.Close()
	if err := receive(t, served); err != nil {
		t.Error(err)
	}
}

// An agent that floods with what is not a call waits, and takes little of the
// processor from all others.
func TestFlood_ofAnAgent_isServedSlowly(t *testing.T) {
	for name, c := range map[string]struct {
		line  string
		n     int
		least time.Duration
	}{
		"pings":           {`{"jsonrpc":"2.0","id":1,"method":"ping"}`, 1200, 190 * time.Millisecond},
		"lists":           {`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, 1200, 190 * time.Millisecond},
		"unknown methods": {`{"jsonrpc":"2.0","id":1,"method":"x/y"}`, 1200, 190 * time.Millisecond},
		"notifications":   {`{"jsonrpc":"2.0","method":"notifications/x"}`, 6000, 190 * time.Millisecond},
		"cancellations":   {`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`, 6000, 190 * time.Millisecond},
		"responses":       {`{"jsonrpc":"2.0","id":1,"result":{}}`, 6000, 190 * time.Millisecond},
		"empty lines":     {` `, 120_000, 190 * time.Millisecond},
		"no JSON":         {`{`, 6000, 190 * time.Millisecond},
		"large requests":  {`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"` + strings.Repeat("x", 60<<10) + `"}}`, 350, 190 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := agents.New(newScript(), agents.Options{})
				in, inW := io.Pipe()
				out, outW := io.Pipe()
				go func() { _, _ = io.Copy(io.Discard, out) }()
				served := make(chan error, 1)
				go func() {
					served <- f.ServeStdio(t.Context(), in, outW)
					outW.Close()
				}()
				begun := time.Now()
				const atOnce = 50 // Each write is a turn of two goroutines.
				lines := strings.Repeat(c.line+"\n", atOnce)
				for range c.n / atOnce {
					_, _ = io.WriteString(inW, lines)
				}
				if took := time.Since(begun); took < c.least || took > 4*c.least {
					t.Errorf("%d of them were read in %v, want at least %v and not much more", c.n, took, c.least)
				}
				inW.Close()
				if err := <-served; err != nil {
					t.Errorf("got %v, want the end of the input", err)
				}
			})
		})
	}
}

func TestHTTPFlood_ofOneAddress_waits(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"pings":                 func(*http.Request) {},
		"of a wrong type":       func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"of an unknown session": func(r *http.Request) { r.Header.Set("Mcp-Session-Id", "none") },
		"batches of one": func(r *http.Request) {
			r.Header.Set("Mcp-Session-Id", "none")
			r.Body = io.NopCloser(strings.NewReader(`[{"jsonrpc":"2.0","id":1,"method":"ping"}]`))
		},
		"of no known method": func(r *http.Request) { r.Method = http.MethodPut },
		"twice of a header":  func(r *http.Request) { r.Header.Add("Content-Type", "application/json") },
		"from anywhere":      func(r *http.Request) { r.Header.Set("Origin", "https://elsewhere.example") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := agents.New(newScript(), agents.Options{})
				begun := time.Now()
				for range 3000 {
					req := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
					req.Header.Set("Content-Type", "application/json")
					change(req)
					f.Handler().ServeHTTP(httptest.NewRecorder(), req)
				}
				if took := time.Since(begun); took < 12*time.Second || took > 25*time.Second {
					t.Errorf("3,000 of them were answered in %v, want about 20 s", took)
				}
			})
		})
	}
}

// Who may not come in at all waits too, by address.
func TestHTTPFlood_withoutACredential_waits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newEdge(t, newScript(), byHeader)
		begun := time.Now()
		for range 3000 {
			f.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(`{}`)))
		}
		if took := time.Since(begun); took < 12*time.Second || took > 25*time.Second {
			t.Errorf("3,000 were refused in %v, want about 15 s", took)
		}
	})
}

// Whoever sends large messages one after the other waits while others call, and
// nobody else does.
func TestHTTP_largeBodiesOfOne_waitWhileOthersCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newEdge(t, heavy{newScript(), 1}, byHeader)
		ask := func(who, args string) {
			req := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(call("1", "raw", args)))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", who)
			rec := httptest.NewRecorder()
			if f.Handler().ServeHTTP(rec, req); rec.Code != http.StatusOK {
				t.Errorf("%s: got %d %s, want an answer", who, rec.Code, rec.Body)
			}
		}
		flood := func() time.Duration {
			begun := time.Now()
			for range 4 {
				ask("hog", `{"x":"`+strings.Repeat("x", 12<<20)+`"}`)
			}
			return time.Since(begun)
		}
		if took := flood(); took != 0 {
			t.Errorf("alone: took %v, want no wait", took)
		}
		done := make(chan time.Duration)
		ask("other", `{}`)
		go func() { done <- flood() }()
		for {
			select {
			case took := <-done:
				if took < 3*time.Second || took > 12*time.Second {
					t.Errorf("while others call: took %v, want some 10 s for 96 MB in all", took)
				}
				return
			case <-time.After(100 * time.Millisecond):
				begun := time.Now()
				if ask("other", `{}`); time.Since(begun) != 0 {
					t.Errorf("another one's call took %v, want no wait", time.Since(begun))
				}
			}
		}
	})
}

// To wake up costs an idle gateway more than to answer a ping: those that wait go on
// together, ten times a second.
func TestHTTPFlood_isServedInSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := agents.New(newScript(), agents.Options{})
		begun := time.Now()
		steps := map[time.Time]int{}
		for range 3000 {
			req := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
			req.Header.Set("Content-Type", "application/json")
			f.Handler().ServeHTTP(httptest.NewRecorder(), req)
			steps[time.Now()]++
		}
		if most := 1 + int(time.Since(begun)/(100*time.Millisecond)); len(steps) > most {
			t.Errorf("3,000 of them were answered at %d moments in %v, want at most %d", len(steps), time.Since(begun), most)
		}
	})
}
