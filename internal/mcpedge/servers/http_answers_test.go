package servers_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

func TestHTTPCall_eventsOfAnyType_areTaken(t *testing.T) {
	for _, media := range []string{"application/json", "text/plain; charset=utf-8", "", "text/html"} {
		for _, stream := range []string{"data: %s\n\n", "event: message\ndata: %s\n\n", ": hello\n\ndata: %s\n\n", "\uFEFFid: 1\ndata: %s\n\n"} {
			t.Run(media+" "+stream[:3], func(t *testing.T) {
				o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
					w.Header()["Content-Type"] = nil
					if media != "" {
						w.Header().Set("Content-Type", media)
					}
					_, _ = fmt.Fprintf(w, stream, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"a":1}}`, m.ID))
				})
				s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
				res, err := s.Call(t.Context(), tool(`1`))
				wantResult(t, outcome{res, err}, `{"a":1}`)
			})
		}
	}
}

// The stream stays open, so that its end says nothing.
func TestHTTPCall_brokenEvent_endsItsCallAtOnce(t *testing.T) {
	for name, event := range map[string]string{
		"NaN":              `{"jsonrpc":"2.0","id":%s,"result":{"mean":NaN}}`,
		"a raw tab":        "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"a\":\"x\ty\"}}",
		"it is cut off":    `{"jsonrpc":"2.0","id":%s,"result":{"content":[{"ty`,
		"the id is behind": "{\"jsonrpc\":\"2.0\",\"result\":{\"a\":\"x\ty\"},\"id\":%s}",
	} {
		t.Run(name, func(t *testing.T) {
			o := newOdd(t, func(w http.ResponseWriter, r *http.Request, m request) {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = fmt.Fprintf(w, "data: "+event+"\n\n", m.ID)
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			})
			s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
			res, err := s.Call(soon(t), tool(`1`))
			wantBadAnswer(t, outcome{res, err}, "answered with something that is no JSON (at byte ")
		})
	}
}

func TestHTTPCall_brokenEventWithoutAnID(t *testing.T) {
	for name, c := range map[string]struct {
		stream, bad string
	}{
		"then the stream ends":    {"data: {\"result\":NaN}\n\n", "no JSON (at byte 11)"},
		"then the answer":         {"data: hello\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}\n\n", ""},
		"beside one of its own":   {"event: ping\ndata: {x\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}\n\n", ""},
		"that is of another call": {"data: {\"id\":7,x}\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}\n\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, strings.Replace(c.stream, "%s", string(m.ID), 1))
			})
			s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
			res, err := s.Call(soon(t), tool(`1`))
			if c.bad != "" {
				wantBadAnswer(t, outcome{res, err}, c.bad)
				return
			}
			wantResult(t, outcome{res, err}, `{}`)
		})
	}
}

// rawServer answers every connection with those bytes, once something has been
// asked, and returns its url.
func rawServer(t *testing.T, answer string) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.Copy(io.Discard, req.Body) // What is left unread would reset the connection.
			}
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}

// An event that the end of its stream breaks off is no answer.
func TestHTTPCall_eventThatIsBrokenOff_isACut(t *testing.T) {
	for _, event := range []string{"data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"a", "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"a\n"} {
		o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = fmt.Fprintf(w, event, m.ID)
		})
		s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
		_, err := s.Call(soon(t), tool(`1`))
		if _, ok := errors.AsType[*endpoint.CutStream](err); !ok {
			t.Errorf("%q: got %v, want a stream that was cut", event, err)
		}
	}
}

func TestOpenHTTP_serverThatKnowsNoNotifications_isOfUse(t *testing.T) {
	for name, notice := range map[string]handler{
		"closes the connection": func(http.ResponseWriter, *http.Request, request) { panic(http.ErrAbortHandler) },
		"never answers":         func(_ http.ResponseWriter, r *http.Request, _ request) { <-r.Context().Done() },
		"refuses them":          func(w http.ResponseWriter, _ *http.Request, _ request) { w.WriteHeader(http.StatusBadRequest) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) { answer(w, m, `{"a":1}`) })
			o.notice = notice
			s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
			res, err := s.Call(soon(t), tool(`1`))
			wantResult(t, outcome{res, err}, `{"a":1}`)
		})
	}
}

// slowOnce is a wallet that takes longer for the second request than a server may
// take to answer a notification.
type slowOnce struct{ asked atomic.Int32 }

func (s *slowOnce) Header(ctx context.Context) (string, error) {
	if s.asked.Add(1) != 2 {
		return "", nil
	}
	select {
	case <-time.After(3 * time.Second):
		return "", nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (*slowOnce) Refused(context.Context, string, int, []string) bool { return false }

// How long a server may take to answer begins once it has been reached.
func TestOpenHTTP_slowToReachForTheNotification_isToldAllTheSame(t *testing.T) {
	t.Parallel()
	o := newOdd(t, nil)
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Credentials: &slowOnce{}, Transport: servers.StreamableHTTP, Era: endpoint.EraInitialize})
	if m := await(t, o.got); m.Method != "notifications/initialized" {
		t.Errorf("got %s, want notifications/initialized", m.line)
	}
	s.Close(nil)
}

func TestOpenHTTP_refusedRevision_isAskedForOneThatTheServerNames(t *testing.T) {
	for name, status := range map[string]int{"as an answer": http.StatusOK, "as a refusal": http.StatusBadRequest} {
		t.Run(name, func(t *testing.T) {
			o := newOdd(t, nil)
			o.initialize = func(w http.ResponseWriter, m request) {
				if strings.Contains(string(m.Params), `"2024-11-05"`) {
					answer(w, m, strings.Replace(goodInitialize, "2025-11-25", "2024-11-05", 1))
					return
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32602,"message":"Unsupported protocol version","data":{"supported":["2024-10-07","2024-11-05"]}}}`, m.ID)
			}
			s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
			if got := s.Info().ProtocolVersion; got != "2024-11-05" {
				t.Errorf("got revision %s, want 2024-11-05", got)
			}
		})
	}
}

func TestOpenHTTP_pauseThatTheServerAsksFor_isTyped(t *testing.T) {
	for status, header := range map[int]string{429: "7", 503: "7"} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "slow down")
		}))
		t.Cleanup(srv.Close)
		_, err := servers.OpenHTTP(soon(t), servers.HTTPOptions{URL: srv.URL})
		if paused, ok := errors.AsType[*servers.Paused](err); !ok || paused.For != 7*time.Second || !strings.Contains(err.Error(), "slow down") {
			t.Errorf("%d: got %v, want a pause of 7 s, and why", status, err)
		}
	}
}
