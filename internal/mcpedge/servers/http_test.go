package servers_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/testkit"
)

func TestOpenHTTP_introducesItself(t *testing.T) {
	o := newOdd(t, nil)
	first := make(chan request, 1)
	o.initialize = func(w http.ResponseWriter, m request) {
		first <- m
		w.Header().Set("Mcp-Session-Id", "s1")
		answer(w, m, strings.Replace(goodInitialize, "2025-11-25", "2025-06-18", 1))
	}
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL + "/mcp", Version: "1.2.3", Headers: map[string]string{"x-key": "k", "Mcp-Session-Id": "mine"}})
	want := `{"capabilities":{},"clientInfo":{"name":"gatehouse","version":"1.2.3"},"protocolVersion":"2025-11-25"}`
	if m := await(t, first); string(m.Params) != want {
		t.Errorf("got %s, want params %s", m.line, want)
	}
	if m := await(t, o.got); m.Method != "notifications/initialized" {
		t.Errorf("got %s, want notifications/initialized", m.line)
	}
	if info := s.Info(); info.Name != "odd" || info.ProtocolVersion != "2025-06-18" || !info.Tools || s.PID() != 0 {
		t.Errorf("got %+v, want odd with tools, by 2025-06-18", info)
	}
	posts := o.seen(http.MethodPost)
	for i, r := range posts {
		if r.Header.Get("X-Key") != "k" {
			t.Errorf("request %d has no header of the entry", i)
		}
		if got := r.Header.Values("Mcp-Session-Id"); i > 0 && !cmp.Equal(got, []string{"s1"}) {
			t.Errorf("request %d has session %q, want s1", i, got)
		}
	}
	if got := posts[len(posts)-1].Header.Get("Mcp-Protocol-Version"); got != "2025-06-18" {
		t.Errorf("got revision %q, want %q", got, "2025-06-18")
	}
}

func TestHTTPCall_passesParamsResultsAndErrorsAsTheyAre(t *testing.T) {
	const result = `{"b":1,"a":9007199254740993.10,"content":[{"type":"unknown"}]}`
	const failure = `{"code":-32000,"data":{"n":12345678901234567890},"message":"<x>"}`
	o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
		if m.Params[1] != ' ' && !strings.Contains(string(m.Params), "12345678901234567890") {
			t.Errorf("got params %s, want them unchanged", m.Params)
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		switch {
		case strings.Contains(string(m.Params), "stream a result"):
			event(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)
		case strings.Contains(string(m.Params), "stream an error"):
			event(w, `{"jsonrpc":"2.0","id":%s,"error":%s}`, m.ID, failure)
		case strings.Contains(string(m.Params), "error with a status"):
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":null,"error":%s}`, failure)
		case strings.Contains(string(m.Params), "an error"):
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":%s}`, m.ID, failure)
		default:
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)
		}
	})
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
	for _, c := range []struct{ want, res, err string }{
		{"a result", result, ""},
		{"stream a result", result, ""},
		{"an error", "", failure},
		{"stream an error", "", failure},
		{"an error with a status", "", failure},
	} {
		got, err := s.Call(t.Context(), tool(`{"n":12345678901234567890,"want":"`+c.want+`"}`))
		if err != nil || string(got.Result) != c.res || string(got.Error) != c.err {
			t.Errorf("%s: got %s %s %v, want %s %s", c.want, got.Result, got.Error, err, c.res, c.err)
		}
	}
}

func TestHTTPCall_progressComesBeforeTheResultAndServerRequestsAreAnswered(t *testing.T) {
	o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
		var params struct {
			Meta struct{ ProgressToken json.RawMessage } `json:"_meta"`
		}
		_ = json.Unmarshal(m.Params, &params)
		event(w, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1.0}}`, params.Meta.ProgressToken)
		event(w, `{"jsonrpc":"2.0","id":%s,"method":"ping"}`, `1`)
		event(w, `{"jsonrpc":"2.0","id":%s,"method":"roots/list"}`, `"gatehouse-x"`)
		event(w, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"other","progress":7}}`)
		event(w, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":2}}`, params.Meta.ProgressToken)
		event(w, `{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID)
	})
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
	await(t, o.got) // initialized
	var heard []string
	req := tool(`{"_meta":{"keep":1}}`)
	req.Progress = func(params json.RawMessage) { heard = append(heard, string(params)) }
	res, err := s.Call(t.Context(), req)
	wantResult(t, outcome{res, err}, `{}`)
	if diff := cmp.Diff([]string{`{"progress":1.0}`, `{"progress":2}`}, heard); diff != "" {
		t.Error(diff)
	}
	answers := map[string]string{}
	for range 2 {
		m := await(t, o.got)
		answers[string(m.ID)] = string(m.Result) + string(m.Error)
	}
	want := map[string]string{"1": `{}`, `"gatehouse-x"`: `{"code":-32601,"message":"method not found"}`}
	if diff := cmp.Diff(want, answers); diff != "" {
		t.Error(diff)
	}
}

func TestHTTPCall_oversizedAnswerFailsItsCallOnly(t *testing.T) {
	const limit = 100 << 10
	o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
		switch string(m.Params) {
		case `"json"`:
			answer(w, m, sized(10*limit))
		case `"event"`:
			event(w, `{"jsonrpc":"2.0","result":{"id":1,"x":%s},"id":%s}`, sized(10*limit), m.ID)
		case `"many lines"`:
			event(w, `{"jsonrpc":"2.0","id":%s,"result":[%s1]}`, m.ID, strings.Repeat(sized(limit/2)+",\ndata: ", 5))
		case `"within"`:
			event(w, "{\"jsonrpc\":\"2.0\",\ndata: \"id\":%s,\"result\":%s}", m.ID, sized(limit))
		}
	})
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL, MaxMessageBytes: limit})
	for _, kind := range []string{"json", "event", "many lines"} {
		_, err := s.Call(t.Context(), tool(`"`+kind+`"`))
		if tooLarge, ok := errors.AsType[*endpoint.TooLarge](err); !ok || tooLarge.Limit != limit {
			t.Errorf("%s: got %v, want larger than %d bytes", kind, err, limit)
		}
	}
	res, err := s.Call(t.Context(), tool(`"within"`))
	wantResult(t, outcome{res, err}, sized(limit))
}

func TestHTTPCall_refusals_failTheirCallAndSayWhy(t *testing.T) {
	const secret = "the-secret-of-the-entry"
	long := strings.Repeat("word ", 100)
	for name, c := range map[string]struct {
		status int
		header map[string]string
		body   string
		want   endpoint.RefusedRequest // but for the words
		words  []string
		not    string
	}{
		"a firewall's page": {
			status: 403, header: map[string]string{"Content-Type": "text/html"}, body: "<html><style>p{}</style><body><p>blocked &amp; gone</p></body></html>",
			words: []string{"HTTP status 403 Forbidden", "text/html", "blocked & gone"}, not: "p{}",
		},
		"a firewall's page that is not UTF-8": {
			status: 403, header: map[string]string{"Content-Type": "text/html"}, body: "<script>" + strings.Repeat("\xf8", 40) + "</script><p>blocked</p>",
			words: []string{"HTTP status 403 Forbidden", "blocked"}, not: "script",
		},
		"a missing scope": {
			status: 401, header: map[string]string{"WWW-Authenticate": `Bearer realm="x", error="insufficient_scope", scope="files:read files:write", resource_metadata="https://x/scope=1"`},
			want: endpoint.RefusedRequest{Scope: "files:read files:write"}, words: []string{"HTTP status 401 Unauthorized"},
		},
		"a scope after bytes that are not UTF-8": {
			status: 403, header: map[string]string{"WWW-Authenticate": "Bearer error=\"" + strings.Repeat("\xf8", 40) + "\", scope=\"a b\""},
			want: endpoint.RefusedRequest{Scope: "a b"}, words: []string{"HTTP status 403 Forbidden"},
		},
		"a page with a script without an end": {
			status: 403, header: map[string]string{"Content-Type": "text/html"}, body: "blocked<script>var p",
			words: []string{"403 Forbidden", "blocked"}, not: "var",
		},
		"a limit of requests": {
			status: 429, header: map[string]string{"Retry-After": "7", "Content-Type": "application/json"}, body: `{"error":"rate limit exceeded"}`,
			want: endpoint.RefusedRequest{RetryAfter: 7 * time.Second}, words: []string{"429 Too Many Requests", "rate limit exceeded"},
		},
		"a limit said as a JSON-RPC error": {
			status: 429, header: map[string]string{"Retry-After": "1.5", "Content-Type": "application/json"}, body: `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"slow down"}}`,
			want:  endpoint.RefusedRequest{RetryAfter: 1500 * time.Millisecond, RPC: json.RawMessage(`{"code":-32000,"message":"slow down"}`)},
			words: []string{"slow down (-32000)"},
		},
		"a pause": {
			status: 503, header: map[string]string{"Retry-After": "2"}, body: "maintenance",
			want: endpoint.RefusedRequest{RetryAfter: 2 * time.Second}, words: []string{"503 Service Unavailable", "maintenance"},
		},
		"a failure": {
			status: 500, body: "oops " + secret, want: endpoint.RefusedRequest{MayHaveRun: true}, words: []string{"500 Internal Server Error", "text/plain", "oops [redacted]"}, not: secret,
		},
		"a plain refusal":            {status: 400, body: "Missing header X-Tenant", words: []string{"400 Bad Request", "text/plain", "Missing header X-Tenant"}},
		"a refusal in other words":   {status: 422, header: map[string]string{"Content-Type": "application/json"}, body: `{"detail":"no such tenant"}`, words: []string{"422 Unprocessable Entity", "no such tenant"}},
		"a long text":                {status: 400, body: long + secret, words: []string{"word word"}, not: strings.TrimSpace(long)},
		"a secret where it is cut":   {status: 400, body: strings.Repeat("x", 190) + secret, words: []string{"xxx"}, not: secret[:8]},
		"a login page":               {status: 200, header: map[string]string{"Content-Type": "text/html"}, body: "<title>Sign in</title>", want: endpoint.RefusedRequest{MayHaveRun: true}, words: []string{"200 OK", "text/html", "not the answer of an MCP server", "Sign in"}},
		"no JSON":                    {status: 200, header: map[string]string{"Content-Type": "application/json"}, body: `{"result":`, want: endpoint.RefusedRequest{MayHaveRun: true}, words: []string{"application/json", `{"result":`}},
		"nothing":                    {status: 202, want: endpoint.RefusedRequest{MayHaveRun: true}, words: []string{"202 Accepted"}},
		"a way to another path":      {status: 302, header: map[string]string{"Location": "/mcp/?key=" + secret}, words: []string{"302 Found", "redirects to http://127.0.0.1", "/mcp/, which is not followed"}, not: secret},
		"a way to another host":      {status: 307, header: map[string]string{"Location": "https://login.example.com/auth/" + secret + "?x=1"}, words: []string{"307 Temporary Redirect", "https://login.example.com/auth/[redacted]"}, not: "x=1"},
		"a proxy without its server": {status: 502, body: "bad gateway", want: endpoint.RefusedRequest{MayHaveRun: true}, words: []string{"502 Bad Gateway"}},
	} {
		for _, era := range []endpoint.Era{endpoint.EraInitialize, endpoint.EraStateless} {
			t.Run(name+" "+string(era), func(t *testing.T) {
				calls, held, release := holding(func(w http.ResponseWriter, _ *http.Request, m request) {
					if strings.Contains(string(m.Params), "good") {
						answer(w, m, `"good"`)
						return
					}
					for name, value := range c.header {
						w.Header().Set(name, value)
					}
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, c.body)
				})
				o := newOfEra(t, era, calls)
				s := openHTTP(t, servers.HTTPOptions{
					URL: o.URL, Era: era, Redact: func(text string) string { return strings.ReplaceAll(text, secret, "[redacted]") },
				})
				other := call(t.Context(), s, tool(`{"x":"held"}`))
				await(t, held)
				res, err := s.Call(t.Context(), tool(`{"x":"bad"}`))
				got, ok := errors.AsType[*endpoint.RefusedRequest](err)
				if !ok {
					t.Fatalf("got %s %v, want a refusal", res.Error, err)
				}
				wantReason(t, got.Reason, c.words, c.not)
				c.want.Reason, c.want.Status = got.Reason, c.status
				if diff := cmp.Diff(c.want, *got); diff != "" {
					t.Error(diff)
				}
				close(release)
				wantResult(t, await(t, other), `"held"`)
				res, err = s.Call(t.Context(), tool(`{"x":"good"}`))
				wantResult(t, outcome{res, err}, `"good"`)
			})
		}
	}
}

// wantReason checks a reason for the words that must be in it and the one that
// must not.
func wantReason(t *testing.T, reason string, words []string, not string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(reason, word) {
			t.Errorf("got %q, want %q in it", reason, word)
		}
	}
	if not != "" && strings.Contains(reason, not) {
		t.Errorf("got %q, want it without %q", reason, not)
	}
	if len(reason) > 400 {
		t.Errorf("got %d bytes of words, want at most 400", len(reason))
	}
}

func TestHTTPCall_answersOfAnyType_areTaken(t *testing.T) {
	for _, media := range []string{"application/json", "text/plain; charset=utf-8", "", "application/vnd.api+json", "application/octet-stream", "text/html; charset=UTF-8", "text/event-stream"} {
		for name, start := range map[string]string{"": "", " after a byte order mark": "\uFEFF", " after white space": "\r\n "} {
			t.Run(media+name, func(t *testing.T) {
				o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
					w.Header()["Content-Type"] = nil
					if media != "" {
						w.Header().Set("Content-Type", media)
					}
					_, _ = fmt.Fprintf(w, `%s{"jsonrpc":"2.0","id":%s,"result":{"a":1}}`, start, m.ID)
				})
				s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
				res, err := s.Call(t.Context(), tool(`1`))
				wantResult(t, outcome{res, err}, `{"a":1}`)
			})
		}
	}
}

// Event streams may end their lines in three ways.
func TestHTTPCall_eventStreams_areReadAsTheStandardSays(t *testing.T) {
	for name, stream := range map[string]string{
		"LF":                        "event: message\ndata: {\"jsonrpc\":\"2.0\",\ndata:\"id\":%s,\"result\":{}}\n\n",
		"CRLF":                      "event: message\r\ndata: {\"jsonrpc\":\"2.0\",\r\ndata:\"id\":%s,\"result\":{}}\r\n\r\n",
		"CR":                        ": hello\r\revent: message\rdata: {\"jsonrpc\":\"2.0\",\rdata:\"id\":%s,\"result\":{}}\r\r",
		"mixed":                     ": hello\n\r\nevent: message\r\ndata: {\"jsonrpc\":\"2.0\",\rdata:\"id\":%s,\"result\":{}}\n\r",
		"a byte order mark":         "\uFEFFdata: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}\n\n",
		"a byte order mark in data": "data: \uFEFF{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}\n\n",
		"no empty line at the end":  "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}",
	} {
		for _, piece := range []int{1, 7, 1 << 20} {
			t.Run(fmt.Sprintf("%s in pieces of %d", name, piece), func(t *testing.T) {
				o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
					w.Header().Set("Content-Type", "text/event-stream")
					for rest := fmt.Sprintf(stream, m.ID); rest != ""; {
						n := min(piece, len(rest))
						_, _ = io.WriteString(w, rest[:n])
						w.(http.Flusher).Flush()
						rest = rest[n:]
					}
				})
				s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
				res, err := s.Call(t.Context(), tool(`1`))
				wantResult(t, outcome{res, err}, `{}`)
			})
		}
	}
}

// A server that ends each stream at once, to be asked again without end, is asked at a
// pace that is not its own: 100 ms lie between two requests for one call, and all of them
// together take little of the processor.
func TestHTTPCall_streamThatIsClosedAgainAndAgain_isResumedSlowly(t *testing.T) {
	for _, c := range []struct {
		calls, asks int
		least       time.Duration
	}{{1, 4, 400 * time.Millisecond}, {100, 210, time.Second}} {
		var asked atomic.Int64
		enough := make(chan struct{})
		again := func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = fmt.Fprintf(w, "id: %d\nretry: 0\ndata:\n\n", asked.Load())
		}
		o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, _ request) { again(w) })
		o.listen = func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Last-Event-Id") == "" {
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			if asked.Add(1) == int64(c.asks) {
				close(enough)
			}
			again(w)
		}
		s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
		ctx, giveUp := context.WithCancel(t.Context())
		begun := time.Now()
		for range c.calls {
			call(ctx, s, tool(`1`))
		}
		await(t, enough)
		if took := time.Since(begun); took < c.least {
			t.Errorf("%d calls: it was asked %d times within %v, want %v at least", c.calls, c.asks, took, c.least)
		}
		giveUp()
	}
}

// A server may end a stream with a promise to go on when it is asked for the
// rest.
func TestHTTPCall_streamThatIsClosedOnPurpose_isResumed(t *testing.T) {
	asked := make(chan string, 1)
	var id string
	o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
		id = string(m.ID)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "id: 7\nretry: 20\ndata:\n\n")
	})
	o.listen = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Last-Event-Id") == "" {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		asked <- r.Header.Get("Last-Event-Id") + " in " + r.Header.Get("Mcp-Session-Id")
		event(w, `{"jsonrpc":"2.0","id":%s,"result":{"late":true}}`, id)
	}
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
	lasts := make(chan struct{}, 2)
	req := tool(`1`)
	req.Lasts = func() { lasts <- struct{}{} }
	res, err := s.Call(t.Context(), req)
	wantResult(t, outcome{res, err}, `{"late":true}`)
	if len(lasts) != 1 {
		t.Errorf("the caller hears %d times that it takes a while, want once", len(lasts))
	}
	if got := await(t, asked); got != "7 in s1" {
		t.Errorf("got %q, want event 7 in session s1", got)
	}
}

func TestHTTPCall_cancelledTellsTheServer(t *testing.T) {
	arrived := make(chan request, 1)
	o := newOdd(t, func(_ http.ResponseWriter, r *http.Request, m request) {
		arrived <- m
		<-r.Context().Done()
	})
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
	await(t, o.got)
	ctx, cancel := context.WithCancelCause(t.Context())
	done := call(ctx, s, tool(`1`))
	m := await(t, arrived)
	cause := errors.New("enough")
	cancel(cause)
	if got := await(t, done); !errors.Is(got.err, cause) || isNotWritten(got.err) {
		t.Errorf("got %v, want %v of a request that was written", got.err, cause)
	}
	c := await(t, o.got)
	var params struct{ RequestID json.RawMessage }
	if _ = json.Unmarshal(c.Params, &params); c.Method != "notifications/cancelled" || string(params.RequestID) != string(m.ID) {
		t.Errorf("got %s, want the cancellation of %s", c.line, m.ID)
	}
	if s.Err() != nil {
		t.Errorf("the session ended: %v, want it to go on", s.Err())
	}
}

func TestHTTPClose_givesItsCauseAndSaysGoodbye(t *testing.T) {
	arrived := make(chan request, 1)
	o := newOdd(t, func(_ http.ResponseWriter, r *http.Request, m request) {
		arrived <- m
		<-r.Context().Done()
	})
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Headers: map[string]string{"Authorization": "Bearer x"}})
	done := call(t.Context(), s, tool(`1`))
	await(t, arrived)
	s.Close(errGone)
	s.Close(errors.New("too late to say"))
	if got := await(t, done); !errors.Is(got.err, errGone) || isNotWritten(got.err) {
		t.Errorf("got %v, want %v of a request that was written", got.err, errGone)
	}
	await(t, s.Done())
	if !errors.Is(s.Err(), errGone) {
		t.Errorf("got %v, want %v", s.Err(), errGone)
	}
	if _, err := s.Call(t.Context(), tool(`2`)); !isNotWritten(err) || !errors.Is(err, errGone) {
		t.Errorf("got %v, want %v of a request that was not written", err, errGone)
	}
	goodbye := o.seen(http.MethodDelete)
	if len(goodbye) != 1 || goodbye[0].Header.Get("Mcp-Session-Id") != "s1" || goodbye[0].Header.Get("Authorization") != "Bearer x" {
		t.Errorf("got %v, want one DELETE of session s1 with the credential", goodbye)
	}
}

func TestHTTPCall_cutConnection_failsItsCallAlone(t *testing.T) {
	for name, c := range map[string]struct {
		cut  func(w http.ResponseWriter)
		want string
	}{
		"before the answer": {func(w http.ResponseWriter) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			_ = conn.Close()
		}, "the server closed the connection"},
		"in the answer": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			_, _ = fmt.Fprint(w, `{"jsonrpc":`)
		}, "the server closed the connection"},
		"a stream that ends": {func(w http.ResponseWriter) {
			event(w, `{"jsonrpc":"2.0","method":"notifications/message"}`)
		}, "the server ended the stream before it had answered"},
		"a stream that only says that it works": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, ": working\n\n")
		}, "the server ended the stream before it had answered"},
		"a stream that breaks": {func(w http.ResponseWriter) {
			event(w, `{"jsonrpc":"2.0","method":"notifications/message"}`)
			panic(http.ErrAbortHandler)
		}, "the server"},
	} {
		for _, era := range []endpoint.Era{endpoint.EraInitialize, endpoint.EraStateless} {
			t.Run(name+" "+string(era), func(t *testing.T) {
				calls, held, release := holding(func(w http.ResponseWriter, _ *http.Request, m request) {
					if strings.Contains(string(m.Params), "good") {
						answer(w, m, `"good"`)
						return
					}
					c.cut(w)
				})
				o := newOfEra(t, era, calls)
				s := openHTTP(t, servers.HTTPOptions{URL: o.URL + "/mcp?key=secret", Era: era})
				other := call(t.Context(), s, tool(`{"x":"held"}`))
				await(t, held)
				for range 6 {
					_, err := s.Call(t.Context(), tool(`{"x":"bad"}`))
					if cut, ok := errors.AsType[*endpoint.CutStream](err); !ok || !strings.Contains(cut.Error(), c.want) || strings.Contains(err.Error(), "secret") {
						t.Errorf("got %v, want a cut: %s", err, c.want)
					}
				}
				close(release)
				wantResult(t, await(t, other), `"held"`)
				res, err := s.Call(t.Context(), tool(`{"x":"good"}`))
				wantResult(t, outcome{res, err}, `"good"`)
				if s.Err() != nil {
					t.Errorf("the session ended with %v, want it to go on", s.Err())
				}
			})
		}
	}
}

// Once a connection has failed the others are not sent on: those of a server that was
// killed are dead, whether or not this side has heard of it.
func TestHTTPCall_otherConnectionsOfALostServer_areNotUsedAgain(t *testing.T) {
	for name, cut := range map[string]func(w http.ResponseWriter){
		"before the answer": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"in the answer": func(w http.ResponseWriter) {
			event(w, `{"jsonrpc":"2.0","method":"notifications/message"}`)
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var dead sync.Map // the connections that answer nothing any more
			came, release := make(chan struct{}), make(chan struct{})
			o := newOdd(t, func(w http.ResponseWriter, r *http.Request, m request) {
				_, is := dead.LoadOrStore(r.RemoteAddr, true)
				switch {
				case strings.Contains(string(m.Params), "cut"):
					close(came)
					<-release
					cut(w)
				case is:
					panic(http.ErrAbortHandler)
				default:
					answer(w, m, `"good"`)
				}
			})
			s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
			broken := call(t.Context(), s, tool(`{"x":"cut"}`))
			await(t, came)
			wantResult(t, await(t, call(t.Context(), s, tool(`{"x":"one"}`))), `"good"`)
			close(release)
			if got := await(t, broken); got.err == nil {
				t.Fatalf("got %v, want a cut", got)
			}
			wantResult(t, await(t, call(t.Context(), s, tool(`{"x":"two"}`))), `"good"`)
		})
	}
}

func TestHTTPCall_toAServerThatIsGone_isNotWritten(t *testing.T) {
	o := newOddToClose(t, nil)
	o.Config.SetKeepAlivesEnabled(false) // The call will need a connection of its own.
	o.initialize = func(w http.ResponseWriter, m request) { answer(w, m, `{"protocolVersion":"2025-11-25"}`) }
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
	o.Close()
	_, err := s.Call(t.Context(), tool(`1`))
	if !isNotWritten(err) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v, want connection refused, before anything was written", err)
	}
	await(t, s.Done())
}

func TestOpenHTTP_saysWhyItCannot(t *testing.T) {
	closed := "http://" + testkit.FreeAddress(t)
	status := func(code int, body string) *httptest.Server {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			_, _ = fmt.Fprint(w, body)
		}))
		t.Cleanup(srv.Close)
		return srv
	}
	notFound := status(404, `{"code":1}`)
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html><title>Sign in</title>")
	}))
	t.Cleanup(html.Close)
	login := httptest.NewServer(http.RedirectHandler("https://login.example.com/auth?secret", http.StatusFound))
	t.Cleanup(login.Close)
	complains := status(400, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"wrong door"}}`)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // It complains of being refused.
	secure.StartTLS()
	t.Cleanup(secure.Close)
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = secure.Config.ErrorLog
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	t.Cleanup(old.Close)
	for name, c := range map[string]struct {
		opts servers.HTTPOptions
		want string
	}{
		"nobody listens":                    {servers.HTTPOptions{URL: closed}, "connection refused"},
		"nobody listens, over SSE":          {servers.HTTPOptions{URL: closed, Transport: servers.SSE}, "connection refused"},
		"the path is wrong":                 {servers.HTTPOptions{URL: notFound.URL, Transport: servers.StreamableHTTP}, "404 Not Found"},
		"the path is wrong, both tried":     {servers.HTTPOptions{URL: notFound.URL}, "404 Not Found (application/json): {\"code\":1}; over SSE: the server answered with HTTP status 404 Not Found"},
		"the server says what is wrong":     {servers.HTTPOptions{URL: complains.URL}, "400 Bad Request: wrong door (-32600)"},
		"it is no MCP server":               {servers.HTTPOptions{URL: html.URL}, "200 OK (text/html), which is not the answer of an MCP server: Sign in"},
		"it is no MCP server, over SSE":     {servers.HTTPOptions{URL: html.URL, Transport: servers.SSE}, "200 OK (text/html), which is not the answer of an MCP server: Sign in"},
		"it points to a login page":         {servers.HTTPOptions{URL: login.URL}, "302 Found and redirects to https://login.example.com/auth, which is not followed"},
		"its certificate is not known":      {servers.HTTPOptions{URL: secure.URL}, "unknown authority"},
		"it does not speak HTTP":            {servers.HTTPOptions{URL: rawServer(t, "SSH-2.0-OpenSSH_9.6\r\n")}, "the server does not speak HTTP"},
		"it speaks TLS alone":               {servers.HTTPOptions{URL: rawServer(t, "\x15\x03\x01\x00\x02\x02\x0a")}, "the server does not speak HTTP without TLS: the url should begin with https"},
		"it breaks off in its headers":      {servers.HTTPOptions{URL: rawServer(t, "HTTP/1.1 200 OK\r\nContent-Ty")}, "the server broke off in the headers of its answer"},
		"it is not packed as it says":       {servers.HTTPOptions{URL: rawServer(t, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\nConnection: close\r\n\r\n{\"result\":1}")}, "the server's answer is not packed as it says (gzip)"},
		"it does not speak TLS":             {servers.HTTPOptions{URL: strings.Replace(html.URL, "http:", "https:", 1)}, "does not speak TLS"},
		"it refuses how we speak TLS":       {servers.HTTPOptions{URL: old.URL}, "no secure connection: the server refused it: tls: protocol version not supported"},
		"the url is none":                   {servers.HTTPOptions{URL: "http://sec ret/%zz"}, "not an http or https url"},
		"the url has another scheme":        {servers.HTTPOptions{URL: "ftp://host/secret"}, "not an http or https url"},
		"a header can't be sent":            {servers.HTTPOptions{URL: html.URL, Headers: map[string]string{"X-Key": "secret\n"}}, `the header "X-Key" can't be sent`},
		"a shown url stands for the url":    {servers.HTTPOptions{URL: closed, Shown: "https://${HOST}/mcp"}, "https://${HOST}/mcp: connection refused"},
		"userinfo, path and query are dumb": {servers.HTTPOptions{URL: strings.Replace(closed, "//", "//secret:secret@", 1) + "/secret?secret"}, closed + ": connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := servers.OpenHTTP(t.Context(), c.opts)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestOpenHTTP_unauthorizedIsTyped(t *testing.T) {
	for _, kind := range []servers.Transport{servers.StreamableHTTP, servers.SSE, servers.Auto} {
		for _, status := range []int{401, 403} {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
			_, err := servers.OpenHTTP(t.Context(), servers.HTTPOptions{URL: srv.URL, Transport: kind})
			srv.Close()
			if got, ok := errors.AsType[*servers.Unauthorized](err); !ok || got.Status != status {
				t.Errorf("%s, %d: got %v, want status %d", kind, status, err, status)
			}
		}
	}
}

func TestOpenHTTP_endsWithItsContext(t *testing.T) {
	for _, kind := range []servers.Transport{servers.StreamableHTTP, servers.SSE} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("enough")
		go func() {
			if conn, err := listener.Accept(); err == nil {
				cancel(cause)
				<-t.Context().Done()
				_ = conn.Close()
			}
		}()
		_, err = servers.OpenHTTP(ctx, servers.HTTPOptions{URL: "http://" + listener.Addr().String(), Transport: kind})
		if !errors.Is(err, cause) {
			t.Errorf("%s: got %v, want %v", kind, err, cause)
		}
		_ = listener.Close()
	}
}

func TestHTTPCall_manyAtOnceOverFewConnections(t *testing.T) {
	o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) { answer(w, m, string(m.Params)) })
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			for j := range 10 {
				want := fmt.Sprintf(`"%d/%d"`, i, j)
				res, err := s.Call(t.Context(), tool(want))
				if err != nil || string(res.Result) != want {
					t.Errorf("got %s %v, want %s", res.Result, err, want)
				}
			}
		})
	}
	all.Wait()
	ports := map[string]bool{}
	for _, r := range o.seen(http.MethodPost) {
		ports[r.RemoteAddr] = true
	}
	if len(ports) > 25 {
		t.Errorf("200 calls of 20 callers took %d connections, want 25 at most", len(ports))
	}
}

func TestHTTP_resultIsNotInTheCallersBuffer(t *testing.T) {
	o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) { answer(w, m, `{"a":1}`) })
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
	req := tool(`{"name":"x"}`)
	req.Into = []byte("before it")
	res, err := s.Call(t.Context(), req)
	wantResult(t, outcome{res, err}, `{"a":1}`)
	if res.Into != nil { // What stands before the result would be lost.
		t.Errorf("got %q, want none", res.Into)
	}
}
