package servers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

// errFuzzed ends what a fuzzer has begun.
var errFuzzed = errors.New("the input is over")

// FuzzHTTPAnswer has a server over HTTP answer a call with any status, headers
// and body, ID standing for the call's own. What the caller gets is JSON or an
// error, and the call ends.
func FuzzHTTPAnswer(f *testing.F) {
	f.Add(200, "application/json", "", "", `{"jsonrpc":"2.0","id":ID,"result":{"content":[]}}`)
	f.Add(200, "text/event-stream", "", "", "id: 1\nretry: 5\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"id\":ID,\"result\":{}}\r\n\r\n")
	f.Add(200, "text/event-stream; charset=utf-8", "", "", "\xef\xbb\xbfevent: message\rdata:{\"id\":ID,\"error\":{}}\r\r: end")
	f.Add(429, "text/plain", "Wed, 21 Oct 2026 07:28:00 GMT", "", "slow down")
	f.Add(401, "", "1", `Bearer error="insufficient_scope", scope="a b", x="\"`, "")
	f.Add(402, "0", "0", "Bearer error=\"i\xf8\xf8\xf8\xf8\xf8\xf8nsufficient_scope\", scope=\"a b\", ", "U")
	f.Add(404, "application/json", "-1", "", `{"error":{"code":-32001,"message":"no session"}}`)
	f.Fuzz(func(t *testing.T, status int, kind, retry, challenge, body string) {
		o := newOdd(t, func(w http.ResponseWriter, _ *http.Request, m request) {
			h := w.Header()
			h.Set("Content-Type", kind)
			h.Set("Retry-After", retry)
			h.Set("WWW-Authenticate", challenge)
			w.WriteHeader(200 + max(status, -status)%400)
			_, _ = io.WriteString(w, strings.ReplaceAll(body, "ID", string(m.ID)))
		})
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel() // A server may ask to come back later than this.
		s, err := servers.OpenHTTP(t.Context(), servers.HTTPOptions{URL: o.URL, Transport: servers.StreamableHTTP})
		if err != nil {
			t.Fatal(err)
		}
		res, err := s.Call(ctx, tool(`{}`))
		s.Close(errFuzzed)
		<-s.Done()
		if err == nil && json.Valid(res.Result) == json.Valid(res.Error) {
			t.Errorf("got the result %q and the error %q, want one of them, as JSON", res.Result, res.Error)
		}
	})
}

// FuzzIntroduction has a server introduce itself in any words. It is refused
// or has a revision.
func FuzzIntroduction(f *testing.F) {
	f.Add(goodInitialize, false)
	f.Add(goodDiscover, true)
	f.Add(`{"protocolVersion":"9999-01-01","capabilities":[]}`, false)
	f.Add(`{"supportedVersions":[null,"x"]}`, true)
	f.Fuzz(func(t *testing.T, words string, stateless bool) {
		if !json.Valid([]byte(words)) {
			t.Skip("FuzzHTTPAnswer sends what is no JSON")
		}
		era := endpoint.EraInitialize
		if stateless {
			era = endpoint.EraStateless
		}
		o := newOdd(t, nil)
		o.initialize = func(w http.ResponseWriter, m request) { answer(w, m, words) }
		if stateless {
			o.stateless = func(w http.ResponseWriter, _ *http.Request, m request) { answer(w, m, words) }
		}
		s, err := servers.OpenHTTP(t.Context(), servers.HTTPOptions{URL: o.URL, Era: era, Transport: servers.StreamableHTTP})
		if err != nil {
			return
		}
		defer func() { <-s.Done() }()
		defer s.Close(errFuzzed)
		if got := s.Info().ProtocolVersion; got == "" {
			t.Errorf("%s was taken, with no revision, want it refused", words)
		}
	})
}

// FuzzListTools reads any list of tools. What is taken can be called: it has a
// name that no other has, and is JSON.
func FuzzListTools(f *testing.F) {
	f.Add(`{"tools":[{"name":"a","inputSchema":{}},{"name":"a"},{"NAME":"b"}],"nextCursor":"x"}`)
	f.Add(`{"tools":null,"nextCursor":5}`)
	f.Add(`{"tools":[1,"a",{"name":""},{"n\u0061me":"c"}]}`)
	f.Fuzz(func(t *testing.T, page string) {
		if !json.Valid([]byte(page)) {
			t.Skip("a session checks that before")
		}
		pages := 0
		tools, _, err := servers.ListTools(t.Context(), lister{page: func(string) (endpoint.Response, error) {
			if pages++; pages > 3 {
				return endpoint.Response{Result: json.RawMessage(`{"tools":[]}`)}, nil
			}
			return endpoint.Response{Result: json.RawMessage(page)}, nil
		}})
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, tool := range tools {
			if tool.Name == "" || seen[tool.Name] || !json.Valid(tool.Raw) {
				t.Errorf("got the tool %q with %s, want names of one tool each, and JSON", tool.Name, tool.Raw)
			}
			seen[tool.Name] = true
		}
	})
}

// FuzzStdioAnswer has a server on pipes answer a call with any bytes, ID standing for the
// call's own, and end. What the caller gets is JSON or an error, and the call ends.
func FuzzStdioAnswer(f *testing.F) {
	f.Add([]byte("{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{\"content\":[]}}\n"))
	f.Add([]byte("starting\n{\"id\":ID,\"result\":{\"a\":NaN}}\n{\"id\":ID"))
	f.Add([]byte("\xff\xfe{\x00\"\x00i\x00d\x00\"\x00:\x00ID\n"))
	f.Add([]byte("Content-Length: 46\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":ID,\"error\":{}}Content-Length: 5\r\n"))
	f.Add([]byte("\x1b[2K[{\"id\":ID,\"method\":\"ping\"},\n{\"method\":\"notifications/progress\",\"params\":{\"progressToken\":ID}}\n"))
	f.Add([]byte(strings.Repeat("\xff", 90) + "content-length: 7\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		synctest.Test(t, func(t *testing.T) {
			s, p := open(t, servers.Options{})
			go func() {
				id := p.read().ID
				go func() { _, _ = io.Copy(io.Discard, p.in) }() // Until the other end closes.
				_, _ = p.out.Write(bytes.ReplaceAll(said, []byte("ID"), id))
				p.die()
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			res, err := s.Call(ctx, tool(`{}`))
			if err == nil && json.Valid(res.Result) == json.Valid(res.Error) {
				t.Errorf("got the result %q and the error %q, want one of them, as JSON", res.Result, res.Error)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the call goes on after the end of its server, want it ended")
			}
		})
	})
}
