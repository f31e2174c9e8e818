package servers_test

import (
	"context"
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
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
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
		t.Errorf("got %s", m.line)
	}
	if m := await(t, o.got); m.Method != "notifications/initialized" {
		t.Errorf("got %s", m.line)
	}
	if info := s.Info(); info.Name != "odd" || info.ProtocolVersion != "2025-06-18" || !info.Tools || s.PID() != 0 {
		t.Errorf("got %+v", info)
	}
	posts := o.seen(http.MethodPost)
	for i, r := range posts {
		if r.Header.Get("X-Key") != "k" {
			t.Errorf("request %d has no header of the entry", i)
		}
		if got := r.Header.Values("Mcp-Session-Id"); i > 0 && !cmp.Equal(got, []string{"s1"}) {
			t.Errorf("request %d has session %q", i, got)
		}
	}
	if got := posts[len(posts)-1].Header.Get("Mcp-Protocol-Version"); got != "2025-06-18" {
		t.Errorf("got revision %q", got)
	}
}

func TestHTTPCall_passesParamsResultsAndErrorsAsTheyAre(t *testing.T) {
	const result = `{"b":1,"a":9007199254740993.10,"content":[{"type":"unknown"}]}`
	const failure = `{"code":-32000,"data":{"n":12345678901234567890},"message":"<x>"}`
	o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
		if m.Params[1] != ' ' && !strings.Contains(string(m.Params), "12345678901234567890") {
			t.Errorf("got params %s", m.Params)
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
			t.Errorf("%s: got %s %s %v", c.want, got.Result, got.Error, err)
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
			t.Errorf("%s: got %v", kind, err)
		}
	}
	res, err := s.Call(t.Context(), tool(`"within"`))
	wantResult(t, outcome{res, err}, sized(limit))
}

func TestHTTPCall_oddResponsesAreErrorsOfTheCall(t *testing.T) {
	const secret = "the-secret-of-the-body"
	o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
		w.Header().Set("Content-Type", "application/json")
		switch string(m.Params) {
		case `"500"`:
			http.Error(w, secret, http.StatusInternalServerError)
		case `"502 json"`:
			w.WriteHeader(http.StatusBadGateway)
			_, _ = fmt.Fprintf(w, `{"error":%q}`, secret)
		case `"html"`:
			w.Header().Set("Content-Type", "text/html")
			_, _ = fmt.Fprint(w, secret)
		case `"bad json"`:
			_, _ = fmt.Fprintf(w, `{"result":%q`, secret)
		case `"accepted"`:
			w.WriteHeader(http.StatusAccepted)
		}
	})
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
	notOne := `{"code":-32603,"message":"the server's HTTP response is not a JSON-RPC answer"}`
	for kind, want := range map[string]string{
		"500":      `{"code":-32603,"message":"the server answered with HTTP status 500 Internal Server Error"}`,
		"502 json": `"` + secret + `"`,
		"html":     notOne, "bad json": notOne, "accepted": notOne,
	} {
		res, err := s.Call(t.Context(), tool(`"`+kind+`"`))
		if err != nil || string(res.Error) != want {
			t.Errorf("%s: got %s %s %v", kind, res.Result, res.Error, err)
		}
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
		t.Errorf("got %v", got.err)
	}
	c := await(t, o.got)
	var params struct{ RequestID json.RawMessage }
	if _ = json.Unmarshal(c.Params, &params); c.Method != "notifications/cancelled" || string(params.RequestID) != string(m.ID) {
		t.Errorf("got %s", c.line)
	}
	if s.Err() != nil {
		t.Errorf("the session ended: %v", s.Err())
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
		t.Errorf("got %v", got.err)
	}
	await(t, s.Done())
	if !errors.Is(s.Err(), errGone) {
		t.Errorf("got %v", s.Err())
	}
	if _, err := s.Call(t.Context(), tool(`2`)); !isNotWritten(err) || !errors.Is(err, errGone) {
		t.Errorf("got %v", err)
	}
	goodbye := o.seen(http.MethodDelete)
	if len(goodbye) != 1 || goodbye[0].Header.Get("Mcp-Session-Id") != "s1" || goodbye[0].Header.Get("Authorization") != "Bearer x" {
		t.Errorf("got %v", goodbye)
	}
}

func TestHTTPSession_endsWhenTheServerIsLost(t *testing.T) {
	for name, c := range map[string]struct {
		call func(o *odd, w http.ResponseWriter)
		want string
	}{
		"the connection breaks": {func(_ *odd, w http.ResponseWriter) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			_ = conn.Close()
		}, "the server closed the connection"},
		"the connection breaks in a body": {func(_ *odd, w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			_, _ = fmt.Fprint(w, `{"jsonrpc":`)
		}, "the server closed the connection"},
		"a stream ends without an answer": {func(_ *odd, w http.ResponseWriter) {
			event(w, `{"jsonrpc":"2.0","method":"notifications/message"}`)
		}, "the server ended the stream before it had answered"},
		"the session is forgotten": {func(_ *odd, w http.ResponseWriter) {
			http.NotFound(w, nil)
		}, "no longer knows the session"},
		"the credentials are no longer good": {func(_ *odd, w http.ResponseWriter) {
			w.WriteHeader(http.StatusUnauthorized)
		}, "HTTP status 401 Unauthorized"},
		"it points elsewhere": {func(_ *odd, w http.ResponseWriter) {
			w.Header().Set("Location", "http://other.invalid/?secret=x")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, "redirects to another host"},
		"it changes the method": {func(o *odd, w http.ResponseWriter) {
			w.Header().Set("Location", o.URL+"/other")
			w.WriteHeader(http.StatusSeeOther)
		}, "redirects to another host or method"},
	} {
		t.Run(name, func(t *testing.T) {
			var o *odd
			held := make(chan struct{}, 1)
			o = newOdd(t, func(w http.ResponseWriter, r *http.Request, m request) {
				if string(m.Params) == `"held"` {
					held <- struct{}{}
					<-r.Context().Done()
					return
				}
				c.call(o, w)
			})
			s := openHTTP(t, servers.HTTPOptions{URL: o.URL + "/mcp?key=secret", Headers: map[string]string{"X-Key": "secret"}})
			other := call(t.Context(), s, tool(`"held"`))
			await(t, held)
			_, err := s.Call(t.Context(), tool(`1`))
			if err == nil || isNotWritten(err) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %s", err, c.want)
			}
			await(t, s.Done())
			for _, got := range []error{s.Err(), await(t, other).err} {
				if got == nil || got.Error() != err.Error() {
					t.Errorf("got %v, want %v", got, err)
				}
			}
			if _, err := s.Call(t.Context(), tool(`2`)); !isNotWritten(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestHTTPCall_toAServerThatIsGone_isNotWritten(t *testing.T) {
	o := newOdd(t, nil)
	o.Config.SetKeepAlivesEnabled(false) // The call will need a connection of its own.
	o.initialize = func(w http.ResponseWriter, m request) { answer(w, m, `{"protocolVersion":"2025-11-25"}`) }
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL})
	o.Close()
	_, err := s.Call(t.Context(), tool(`1`))
	if !isNotWritten(err) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
	await(t, s.Done())
}

func TestOpenHTTP_saysWhyItCannot(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	status := func(code int, body string) *httptest.Server {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			_, _ = fmt.Fprint(w, body)
		}))
		t.Cleanup(srv.Close)
		return srv
	}
	notFound, html := status(404, `{"secret":1}`), status(200, `<html>secret`)
	complains := status(400, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"wrong door"}}`)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // It complains of being refused.
	secure.StartTLS()
	t.Cleanup(secure.Close)
	for name, c := range map[string]struct {
		opts servers.HTTPOptions
		want string
	}{
		"nobody listens":                    {servers.HTTPOptions{URL: closed.URL}, "connection refused"},
		"nobody listens, over SSE":          {servers.HTTPOptions{URL: closed.URL, Transport: servers.SSE}, "connection refused"},
		"the path is wrong":                 {servers.HTTPOptions{URL: notFound.URL, Transport: servers.StreamableHTTP}, "404 Not Found"},
		"the path is wrong, both tried":     {servers.HTTPOptions{URL: notFound.URL}, "404 Not Found; over SSE: the server answered with HTTP status 404 Not Found"},
		"the server says what is wrong":     {servers.HTTPOptions{URL: complains.URL}, "400 Bad Request: wrong door (-32600)"},
		"it is no MCP server":               {servers.HTTPOptions{URL: html.URL}, "not one of an MCP server"},
		"it is no MCP server, over SSE":     {servers.HTTPOptions{URL: html.URL, Transport: servers.SSE}, "not one of an MCP server"},
		"its certificate is not known":      {servers.HTTPOptions{URL: secure.URL}, "unknown authority"},
		"it does not speak TLS":             {servers.HTTPOptions{URL: strings.Replace(html.URL, "http:", "https:", 1)}, "does not speak TLS"},
		"the url is none":                   {servers.HTTPOptions{URL: "http://sec ret/%zz"}, "not an http or https url"},
		"the url has another scheme":        {servers.HTTPOptions{URL: "ftp://host/secret"}, "not an http or https url"},
		"a header can't be sent":            {servers.HTTPOptions{URL: html.URL, Headers: map[string]string{"X-Key": "secret\n"}}, `the header "X-Key" can't be sent`},
		"a shown url stands for the url":    {servers.HTTPOptions{URL: closed.URL, Shown: "https://${HOST}/mcp"}, "https://${HOST}/mcp: connection refused"},
		"userinfo, path and query are dumb": {servers.HTTPOptions{URL: strings.Replace(closed.URL, "//", "//secret:secret@", 1) + "/secret?secret"}, closed.URL + ": connection refused"},
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
				t.Errorf("%s, %d: got %v", kind, status, err)
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
			t.Errorf("%s: got %v", kind, err)
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
		t.Errorf("200 calls of 20 callers took %d connections", len(ports))
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
		t.Errorf("got %q", res.Into)
	}
}
