package servers_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/internal/weight"
)

// An answer for which there is no room is lost to its caller alone, and what it
// took is given back.
func TestAnswer_forWhichThereIsNoRoom_isLostToItsCallerAlone(t *testing.T) {
	const small, large = 40 << 10, 600 << 10
	for _, kind := range []string{"stdio", "a body", "an event", "an event of many lines"} {
		t.Run(kind, func(t *testing.T) {
			budget := weight.New(1<<20, time.Now)
			s, answers := sessionOf(t, kind, budget)
			for _, c := range []struct {
				size int
				want error
			}{{small, nil}, {large, endpoint.ErrNoRoom}, {small, nil}} {
				share := budget.Share()
				req := tool(`{}`)
				req.Weight = &share
				done := call(t.Context(), s, req)
				answers <- c.size
				o := await(t, done)
				if !errors.Is(o.err, c.want) || c.want == nil && len(o.res.Result) != c.size {
					t.Errorf("%d bytes: got %d bytes, %v; want %v", c.size, len(o.res.Result), o.err, c.want)
				}
				if used := budget.Used(); c.want == nil && used < int64(c.size) {
					t.Errorf("%d bytes: got %d taken, want that the answer counts", c.size, used)
				}
				share.Release()
			}
			s.Close(nil)
			await(t, s.Done())
			if used := budget.Used(); used != 0 {
				t.Errorf("in the end: got %d bytes taken, want 0", used)
			}
		})
	}
}

// sessionOf is a session of that kind whose server answers each call with a
// string of the size that it is sent.
func sessionOf(t *testing.T, kind string, budget *weight.Budget) (endpoint.Session, chan<- int) {
	t.Helper()
	answers := make(chan int)
	if kind == "stdio" {
		s, p := open(t, servers.Options{Budget: budget})
		go func() {
			for r := p.read(); r.line != ""; r = p.read() {
				p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, r.ID, sized(<-answers))
			}
		}()
		return s, answers
	}
	o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
		text := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, sized(<-answers))
		switch kind {
		case "an event":
			event(w, "%s", text)
			return
		case "an event of many lines": // Each is small.
			n := len(text) - len(`{"jsonrpc":"2.0","id":,"result":}`) - len(m.ID)
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":[", m.ID)
			for i := range n - len("[0]") {
				if i%10_000 == 9_999 {
					fmt.Fprint(w, "\ndata: ")
				} else {
					fmt.Fprint(w, " ")
				}
			}
			fmt.Fprint(w, "0]}\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, text)
	})
	return openHTTP(t, servers.HTTPOptions{URL: o.URL, Budget: budget}), answers
}
