package agents_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/mcpedge/agents"
)

func TestHandler_realClients_listAndCall(t *testing.T) {
	for _, revision := range []string{"2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"} {
		t.Run(revision, func(t *testing.T) {
			srv := serveHTTP(t, newEdge(t, newScript(), nil))
			link, err := transport.NewStreamableHTTP(srv.URL, transport.WithHTTPBasicClient(&http.Client{Transport: plainTransport}))
			if err != nil {
				t.Fatal(err)
			}
			c := client.NewClient(link, client.WithProtocolVersion(revision))
			tryClient(t, c, revision)
		})
	}
}

func TestHandler_realClient_hearsProgressBeforeTheResult(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	c, err := client.NewStreamableHttpClient(srv.URL,
		transport.WithHTTPBasicClient(&http.Client{Transport: plainTransport}), transport.WithContinuousListening())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	heard := make(chan string, 100)
	c.OnNotification(func(n mcp.JSONRPCNotification) { heard <- fmt.Sprint(n.Params.AdditionalFields["progress"]) })
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	init := mcp.InitializeRequest{}
	init.Params.ProtocolVersion = "2025-11-25"
	if _, err := c.Initialize(ctx, init); err != nil {
		t.Fatal(err)
	}
	req := mcp.CallToolRequest{}
	req.Params.Name = "progress"
	req.Params.Meta = &mcp.Meta{ProgressToken: "t"}
	if _, err := c.CallTool(ctx, req); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if got := receive(t, heard); got != fmt.Sprint(i) {
			t.Errorf("progress: got %s, want %d", got, i)
		}
	}
}

func TestHandler_initialize_negotiatesTheRevision(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	for asked, want := range map[string]string{
		"2024-11-05": "2025-11-25", // Has another transport over HTTP.
		"2025-03-26": "2025-03-26",
		"2025-06-18": "2025-06-18",
		"2025-11-25": "2025-11-25",
		"2026-07-28": "2025-11-25",
	} {
		id := openSession(t, srv.URL, asked)
		answer := post(t, srv.URL, call("1", "echo", `{}`), "Mcp-Session-Id", id).body
		if got := field(t, answer, "result", "structuredContent", "caller", "Protocol"); got != want {
			t.Errorf("asked for %s: got %v, want %s", asked, got, want)
		}
		if got := field(t, answer, "result", "structuredContent", "caller", "Client"); got != "probe/9" {
			t.Errorf("client: got %v, want %v", got, "probe/9")
		}
		if got := field(t, answer, "result", "structuredContent", "caller", "Session"); got != id {
			t.Errorf("session: got %v, want %s", got, id)
		}
	}
}

func TestHandler_progress_isStreamedBeforeTheResult(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	r := post(t, srv.URL, callWithToken("1", "progress", `"t"`))
	if got := r.header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type: got %q, want %q", got, "text/event-stream")
	}
	events := r.events(t)
	if len(events) != 6 {
		t.Fatalf("got %d events: %q, want 6", len(events), events)
	}
	for i, e := range events[:5] {
		if got := fmt.Sprint(field(t, e, "params", "progress")); got != fmt.Sprint(i) {
			t.Errorf("event %d: got %s, want progress %d", i, e, i)
		}
	}
	if got := fmt.Sprint(field(t, events[5], "id")); got != "1" {
		t.Errorf("last event: got %s, want the answer to 1", events[5])
	}
}

func TestHandler_clientWithoutStreams_getsPlainJSON(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	r := post(t, srv.URL, callWithToken("1", "progress", `"t"`), "Accept", "application/json")
	if got := r.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type: got %q, want %q", got, "application/json")
	}
	if got := fmt.Sprint(field(t, r.body, "id")); got != "1" {
		t.Errorf("got %s, want the answer to 1", r.body)
	}
}

func TestHandler_longCall_isKeptAliveByComments(t *testing.T) {
	h := newScript()
	srv := serveHTTP(t, newEdge(t, h, func(o *agents.Options) { o.KeepAlive = time.Millisecond }))
	resp, err := (&http.Client{Transport: plainTransport}).Do(request(t.Context(), http.MethodPost, srv.URL, call("1", "block", `{}`)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	if l, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(l, ":") {
		t.Fatalf("got %q, %v; want a comment", l, err)
	}
	close(h.release)
	for {
		l, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("no result: %v", err)
		}
		if strings.Contains(l, "released") {
			return
		}
	}
}

func TestHandler_clientGoesAway_cancelsTheCall(t *testing.T) {
	h := newScript()
	srv := serveHTTP(t, newEdge(t, h, nil))
	for _, body := range []string{call("1", "block", `{}`), statelessCall("1", "block", `{}`)} {
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := send(statelessRequest(ctx, srv.URL, body))
			done <- err
		}()
		receive(t, h.started)
		leave()
		receive(t, h.ended)
		if err := receive(t, done); err == nil {
			t.Error("an answer came after the client had left")
		}
	}
}

// statelessRequest is a POST whose headers fit a body of any revision.
func statelessRequest(ctx context.Context, url, body string) *http.Request {
	if !strings.Contains(body, "2026-07-28") {
		return request(ctx, http.MethodPost, url, body)
	}
	return request(ctx, http.MethodPost, url, body,
		"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "block")
}

func TestHandler_cancelledCall_endsWithoutAnAnswer(t *testing.T) {
	h := newScript()
	srv := serveHTTP(t, newEdge(t, h, nil))
	mine, other := openSession(t, srv.URL, "2025-11-25"), openSession(t, srv.URL, "2025-11-25")
	cancel := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`
	done := make(chan response, 1)
	go func() {
		r, err := send(request(t.Context(), http.MethodPost, srv.URL, call("1", "block", `{}`), "Mcp-Session-Id", mine))
		if err != nil {
			t.Error(err)
		}
		done <- r
	}()
	receive(t, h.started)
	for _, foreign := range [][]string{{}, {"Mcp-Session-Id", other}, {"Mcp-Protocol-Version", "2026-07-28"}} {
		if r := post(t, srv.URL, cancel, foreign...); r.status != http.StatusAccepted {
			t.Errorf("cancellation: got %d %s, want %d", r.status, r.body, http.StatusAccepted)
		}
	}
	if len(h.ended) != 0 {
		t.Fatal("the call was cancelled from outside its session")
	}
	post(t, srv.URL, cancel, "Mcp-Session-Id", mine)
	receive(t, h.ended)
	if r := receive(t, done); r.status != http.StatusAccepted || r.body != "" {
		t.Errorf("the cancelled call: got %d %s, want %d and no body", r.status, r.body, http.StatusAccepted)
	}
}

func TestHandler_badRequests(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), func(o *agents.Options) { o.MaxMessageBytes = 1000 }))
	ping := `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	stateless := []string{"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "echo"}
	cases := map[string]struct {
		method, body string
		headers      []string
		status       int
		code         string // of the JSON-RPC error; empty if the body is not one
	}{
		"malformed JSON":                  {"POST", `{"jsonrpc"`, nil, 400, "-32700"},
		"an empty body":                   {"POST", ``, nil, 400, "-32700"},
		"no JSON-RPC message":             {"POST", `{}`, nil, 400, "-32600"},
		"an unknown method":               {"POST", `{"jsonrpc":"2.0","id":1,"method":"nope"}`, nil, 200, "-32601"},
		"an unknown tool":                 {"POST", call("1", "nope", "{}"), nil, 200, "-32602"},
		"a body that is too large":        {"POST", ping + strings.Repeat(" ", 1000), nil, 413, ""},
		"another content type":            {"POST", ping, []string{"Content-Type", "text/plain"}, 415, ""},
		"a charset, which says nothing":   {"POST", ping, []string{"Content-Type", "application/json;charset=latin1"}, 200, ""},
		"the charset that it is":          {"POST", ping, []string{"Content-Type", `application/json; charset="UTF-8"; x=y`}, 200, ""},
		"a packed body":                   {"POST", ping, []string{"Content-Encoding", "gzip"}, 415, ""},
		"a body packed in two ways":       {"POST", ping, []string{"Content-Encoding", "identity, br"}, 415, ""},
		"a body that is not packed":       {"POST", ping, []string{"Content-Encoding", "identity"}, 200, ""},
		"a revision never heard of":       {"POST", ping, []string{"Mcp-Protocol-Version", "1999-01-01"}, 400, ""},
		"a revision not over HTTP":        {"POST", ping, []string{"Mcp-Protocol-Version", "2024-11-05"}, 400, ""},
		"another method":                  {"PUT", ping, nil, 405, ""},
		"a GET for no stream":             {"GET", "", []string{"Accept", "application/json"}, 406, ""},
		"a GET in 2026-07-28":             {"GET", "", []string{"Mcp-Protocol-Version", "2026-07-28"}, 405, ""},
		"a DELETE in 2026-07-28":          {"DELETE", "", []string{"Mcp-Protocol-Version", "2026-07-28"}, 405, ""},
		"a DELETE without a session":      {"DELETE", "", nil, 400, ""},
		"a stateless header without meta": {"POST", call("1", "echo", "{}"), stateless, 400, "-32602"},
		"stateless meta without a header": {"POST", statelessCall("1", "echo", "{}"), nil, 400, "-32020"},
		"stateless, header of another tool": {
			"POST", statelessCall("1", "echo", "{}"),
			[]string{"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "raw"},
			400, "-32020",
		},
		"stateless, another revision in the header": {"POST", statelessCall("1", "echo", "{}"), []string{"Mcp-Protocol-Version", "2025-11-25"}, 400, "-32020"},
		"stateless, Last-Event-ID":                  {"POST", statelessCall("1", "echo", "{}"), append([]string{"Last-Event-ID", "1"}, stateless...), 400, "-32020"},
		"a revision of the future": {
			"POST", strings.Replace(statelessCall("1", "echo", "{}"), "2026-07-28", "2099-01-01", 1),
			[]string{"Mcp-Protocol-Version", "2099-01-01"},
			400, "-32022",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := do(t, request(t.Context(), c.method, srv.URL, c.body, c.headers...))
			if r.status != c.status {
				t.Errorf("status: got %d, want %d: %s", r.status, c.status, r.body)
			}
			if c.code == "" {
				return
			}
			if got := fmt.Sprint(field(t, r.body, "error", "code")); got != c.code {
				t.Errorf("code: got %s, want %s", got, c.code)
			}
		})
	}
}

func TestHandler_batches_onlyWhereTheRevisionHasThem(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	old, recent := openSession(t, srv.URL, "2025-03-26"), openSession(t, srv.URL, "2025-06-18")
	batch := `[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"initialize","params":{}},` + call("3", "raw", "{}") + `]`
	notes := `[{"jsonrpc":"2.0","method":"notifications/initialized"}]`
	cases := map[string]struct {
		body    string
		headers []string
		status  int
		answers int
	}{
		"a session of 2025-03-26":                  {batch, []string{"Mcp-Session-Id", old}, 200, 3},
		"no session and no revision":               {batch, nil, 200, 3},
		"notifications only":                       {notes, []string{"Mcp-Session-Id", old}, 202, 0},
		"an empty batch":                           {`[]`, []string{"Mcp-Session-Id", old}, 400, 0},
		"a batch that is broken":                   {`[{]`, []string{"Mcp-Session-Id", old}, 400, 0},
		"as long a batch as there may be":          {"[" + strings.Repeat(`{"jsonrpc":"2.0","id":1,"method":"ping"},`, 99) + `{"jsonrpc":"2.0","id":2,"method":"ping"}]`, nil, 200, 100},
		"a batch that is too long":                 {"[" + strings.Repeat(`{"jsonrpc":"2.0","id":1,"method":"ping"},`, 100) + `{"jsonrpc":"2.0","id":2,"method":"ping"}]`, nil, 400, 0},
		"a session of a later revision":            {batch, []string{"Mcp-Session-Id", recent}, 400, 0},
		"a later revision in the header":           {batch, []string{"Mcp-Protocol-Version", "2025-11-25"}, 400, 0},
		"the revision without sessions":            {batch, []string{"Mcp-Protocol-Version", "2026-07-28"}, 400, 0},
		"a session, whatever the header may claim": {batch, []string{"Mcp-Session-Id", recent, "Mcp-Protocol-Version", "2025-03-26"}, 400, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := post(t, srv.URL, c.body, c.headers...)
			if r.status != c.status {
				t.Fatalf("status: got %d, want %d: %s", r.status, c.status, r.body)
			}
			if c.answers == 0 {
				return
			}
			if answers := field(t, r.body).([]any); len(answers) != c.answers {
				t.Errorf("got %d answers, want %d: %s", len(answers), c.answers, r.body)
			}
		})
	}
}

func TestHandler_batchWithProgress_streamsItBeforeTheArray(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	r := post(t, srv.URL, "["+callWithToken("1", "progress", `"a"`)+","+callWithToken("2", "progress", `"b"`)+"]")
	events := r.events(t)
	if len(events) != 11 {
		t.Fatalf("got %d events, want 10 notifications and the answers: %q", len(events), events)
	}
	if answers, ok := field(t, events[10]).([]any); !ok || len(answers) != 2 {
		t.Errorf("last event: got %s, want two answers", events[10])
	}
}

func TestHandler_sessions(t *testing.T) {
	h := newScript()
	srv := serveHTTP(t, newEdge(t, h, nil))
	restarted := serveHTTP(t, newEdge(t, h, nil))
	id := openSession(t, srv.URL, "2025-06-18")
	status := func(url, session string) int {
		return post(t, url, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "Mcp-Session-Id", session).status
	}
	for name, session := range map[string]string{
		"not ours":         "mcp-session-123",
		"too short":        id[:len(id)-1],
		"another revision": strings.Replace(id, "20250618", "20240101", 1),
		"other characters": strings.ToLower(id),
	} {
		if got := status(srv.URL, session); got != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", name, got)
		}
	}
	answer := post(t, restarted.URL, call("1", "echo", `{}`), "Mcp-Session-Id", id)
	if got := field(t, answer.body, "result", "structuredContent", "caller", "Protocol"); got != "2025-06-18" {
		t.Errorf("after a restart: got protocol %v, want %v", got, "2025-06-18")
	}
	if got := status(srv.URL, ""); got != http.StatusOK {
		t.Errorf("without a session: got %d", got)
	}
	if got := do(t, request(t.Context(), http.MethodDelete, srv.URL, "", "Mcp-Session-Id", id)); got.status != http.StatusOK {
		t.Errorf("DELETE: got %d %s, want %d", got.status, got.body, http.StatusOK)
	}
	if got := status(srv.URL, id); got != http.StatusNotFound {
		t.Errorf("a deleted session: got %d, want 404", got)
	}
	if got := do(t, request(t.Context(), http.MethodGet, srv.URL, "", "Mcp-Session-Id", id)); got.status != http.StatusNotFound {
		t.Errorf("a stream of a deleted session: got %d, want 404", got.status)
	}
}

func TestHandler_deletedSession_endsItsCallsAndStreams(t *testing.T) {
	h := newScript()
	srv := serveHTTP(t, newEdge(t, h, nil))
	id, other := openSession(t, srv.URL, "2025-11-25"), openSession(t, srv.URL, "2025-11-25")
	mine, others := listen(t, srv.URL, id), listen(t, srv.URL, other)
	begin := func(session string) <-chan response {
		done := make(chan response, 1)
		go func() {
			r, _ := send(request(t.Context(), http.MethodPost, srv.URL, call("1", "block", `{}`), "Mcp-Session-Id", session))
			done <- r
		}()
		receive(t, h.started)
		return done
	}
	myCall, othersCall := begin(id), begin(other)
	do(t, request(t.Context(), http.MethodDelete, srv.URL, "", "Mcp-Session-Id", id))
	receive(t, mine)
	receive(t, h.ended)
	receive(t, myCall)
	close(h.release)
	if r := receive(t, othersCall); field(t, r.body, "result", "isError") != nil {
		t.Errorf("the call of another session: got %s, want a result", r.body)
	}
	if len(others) != 0 {
		t.Error("the stream of another session ended")
	}
}

// listen opens a GET stream, and reports when it ends.
func listen(t *testing.T, url, session string) <-chan error {
	t.Helper()
	resp, err := (&http.Client{Transport: plainTransport}).Do(request(t.Context(), http.MethodGet, url, "", "Mcp-Session-Id", session))
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(resp.Body)
	if l, err := in.ReadString('\n'); err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(l, ":") {
		t.Fatalf("stream: got %d %q, %v, want %d and a comment", resp.StatusCode, l, err, http.StatusOK)
	}
	ended := make(chan error, 1)
	go func() {
		defer resp.Body.Close()
		for {
			if _, err := in.ReadString('\n'); err != nil {
				ended <- err
				return
			}
		}
	}()
	return ended
}

func TestHandler_originAndHost(t *testing.T) {
	f := newEdge(t, newScript(), func(o *agents.Options) {
		o.AllowOrigins, o.AllowNames = []string{"https://App.example.com/"}, []string{"gateway"}
	})
	local := serveHTTP(t, f)
	// The same without the connection's address, as on a public one.
	public := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.Handler().ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, nil)))
	})
	addr := strings.TrimPrefix(local.URL, "http://")
	cases := []struct {
		name, host, origin string
		local, public      int
	}{
		{"no origin", "", "", 200, 200},
		{"the same origin", "", "http://" + addr, 200, 200},
		{"an allowed origin", "", "https://app.example.com", 200, 200},
		{"a loopback origin", "", "http://localhost:3000", 200, 403},
		{"a loopback address as origin", "", "http://127.0.0.9", 200, 403},
		{"the other loopback", "", "http://[::1]:5173", 200, 403},
		{"a foreign origin", "", "https://evil.example", 403, 403},
		{"an origin that begins like an allowed one", "", "https://app.example.com.evil.example", 403, 403},
		{"an allowed origin under another scheme", "", "http://app.example.com", 403, 403},
		{"a loopback name as a subdomain", "", "http://localhost.evil.example", 403, 403},
		{"the null origin", "", "null", 403, 403},
		{"an origin of an extension", "", "chrome-extension://abc", 403, 403},
		{"localhost as host", "localhost:1234", "", 200, 200},
		{"IPv6 loopback as host", "[::1]:1234", "", 200, 200},
		{"a rebound host", "evil.example", "", 403, 403},
		{"a rebound host with its origin", "evil.example", "http://evil.example", 403, 403},
		{"an address as host", "192.0.2.7:8000", "", 403, 200},
		{"an IPv6 address as host", "[2001:db8::7]:8000", "", 403, 200},
		{"an address as host with its origin", "192.0.2.7:8000", "http://192.0.2.7:8000", 403, 200},
		{"what begins like an address", "192.0.2.7.evil.example", "", 403, 403},
		{"an allowed name as host", "Gateway:1234", "", 200, 200},
		{"an allowed name as host with its origin", "gateway:1234", "http://gateway:1234", 200, 200},
		{"a name that begins like an allowed one", "gateway.evil.example", "", 403, 403},
		{"an origin with a user", "", "http://evil@localhost", 403, 403},
		{"the same origin with a user", "", "http://evil.example@" + addr, 403, 403},
		{"an origin with a password", "", "http://a:b@127.0.0.1", 403, 403},
		{"an origin with a path", "", "http://localhost/", 403, 403},
		{"an origin with a query", "", "http://localhost?x", 403, 403},
		{"an origin with a fragment", "", "http://localhost#x", 403, 403},
		{"two origins in one", "", "http://localhost http://evil.example", 403, 403},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			headers := []string{}
			if c.host != "" {
				headers = append(headers, "Host", c.host)
			}
			if c.origin != "" {
				headers = append(headers, "Origin", c.origin)
			}
			body := `{"jsonrpc":"2.0","id":1,"method":"ping"}`
			r := post(t, local.URL, body, headers...)
			if r.status != c.local {
				t.Errorf("on loopback: got %d, want %d: %s", r.status, c.local, r.body)
			}
			if got := r.header.Get("Access-Control-Allow-Origin"); (got == c.origin && got != "") != (r.status == 200 && c.origin != "") {
				t.Errorf("Access-Control-Allow-Origin: got %q, want %q if it is allowed", got, c.origin)
			}
			w := httptest.NewRecorder()
			public.ServeHTTP(w, request(t.Context(), http.MethodPost, local.URL, body, headers...))
			if w.Code != c.public {
				t.Errorf("elsewhere: got %d, want %d", w.Code, c.public)
			}
		})
	}
}

// Whoever reads the first of two headers, and whoever the last, must not see two
// different requests.
func TestHandler_headersThatDecide_mustComeOnce(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	for name, values := range map[string][]string{
		"Origin":               {"http://localhost", "https://evil.example"},
		"Content-Type":         {"application/json", "text/plain"},
		"Mcp-Session-Id":       {"a", "b"},
		"Mcp-Protocol-Version": {"2025-11-25", "2026-07-28"},
		"Mcp-Method":           {"ping", "tools/call"},
		"Mcp-Name":             {"a", "b"},
	} {
		req := request(t.Context(), http.MethodPost, srv.URL, `{"jsonrpc":"2.0","id":1,"method":"ping"}`)
		req.Header[name] = values
		if got := do(t, req); got.status != http.StatusBadRequest && got.status != http.StatusForbidden || !strings.Contains(got.body, "one") && !strings.Contains(got.body, "once") {
			t.Errorf("%s twice: got %d %q, want a refusal that says so", name, got.status, got.body)
		}
	}
}

func TestHandler_preflight_isAnsweredForAllowedOriginsOnly(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), func(o *agents.Options) { o.AllowOrigins = []string{"https://app.example.com"} }))
	ask := func(origin string) response {
		return do(t, request(t.Context(), http.MethodOptions, srv.URL, "", "Origin", origin, "Access-Control-Request-Method", "POST"))
	}
	r := ask("https://app.example.com")
	if r.status != http.StatusNoContent || r.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
		!strings.Contains(r.header.Get("Access-Control-Allow-Headers"), "Mcp-Session-Id") {
		t.Errorf("allowed: got %d %v, want %d for https://app.example.com with Mcp-Session-Id", r.status, r.header, http.StatusNoContent)
	}
	r = ask("https://evil.example")
	if r.status != http.StatusForbidden || r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("foreign: got %d %v, want %d and no allowed origin", r.status, r.header, http.StatusForbidden)
	}
}

func TestHandler_statelessDiscoverAndListen(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	r := post(t, srv.URL, `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{`+meta+`}}`,
		"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "server/discover")
	if got := fmt.Sprint(field(t, r.body, "result", "supportedVersions")); got != "[2026-07-28 2025-11-25 2025-06-18 2025-03-26]" {
		t.Errorf("supportedVersions: got %s, want %q", got, "[2026-07-28 2025-11-25 2025-06-18 2025-03-26]")
	}
	if got := r.header.Get("Mcp-Session-Id"); got != "" {
		t.Errorf("a session was opened, want none: %s", got)
	}
	r = post(t, srv.URL, `{"jsonrpc":"2.0","id":2,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+meta+`}}`,
		"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen")
	events := r.events(t)
	if len(events) != 2 || field(t, events[0], "method") != "notifications/subscriptions/acknowledged" {
		t.Errorf("listen: got %d %s, want two events, the first an acknowledgement", r.status, r.body)
	}
}

func TestHandler_statelessRequestWithoutCapabilities_isNotTakenForAnUnknownTool(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	body := strings.Replace(statelessCall("1", "echo", "{}"), "clientCapabilities", "other", 1)
	r := post(t, srv.URL, body, "Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "echo")
	if message := fmt.Sprint(field(t, r.body, "error", "message")); r.status != 400 || !strings.Contains(message, "clientCapabilities") {
		t.Errorf("got %d %s, want 400 and a word of clientCapabilities", r.status, message)
	}
}

func TestHandler_idleSession_isForgottenButStillServed(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), func(o *agents.Options) { o.SessionIdleTTL = time.Nanosecond }))
	id := openSession(t, srv.URL, "2025-11-25")
	openSession(t, srv.URL, "2025-11-25")
	answer := post(t, srv.URL, call("1", "echo", `{}`), "Mcp-Session-Id", id).body
	if got := field(t, answer, "result", "structuredContent", "caller", "Client"); got != "" {
		t.Errorf("client: got %v, want nothing", got)
	}
	if got := field(t, answer, "result", "structuredContent", "caller", "Protocol"); got != "2025-11-25" {
		t.Errorf("protocol: got %v, want %v", got, "2025-11-25")
	}
}

// However many sessions are deleted, those of others stay deleted, and what is
// open stays open.
func TestHandler_deletedSessions_stayDeleted(t *testing.T) {
	f := newEdge(t, newScript(), nil)
	h, asked := f.Handler(), 0
	serve := func(method, id string) int {
		w := httptest.NewRecorder()
		r := request(t.Context(), method, "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}`, "Mcp-Session-Id", id, "Host", "localhost")
		asked++
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.1:80", asked>>8, asked&0xff) // From one address that many would be a flood.
		h.ServeHTTP(w, r)
		return w.Code
	}
	srv := serveHTTP(t, f)
	deleted, open := openSession(t, srv.URL, "2025-11-25"), openSession(t, srv.URL, "2025-11-25")
	before := openSession(t, serveHTTP(t, newEdge(t, newScript(), nil)).URL, "2025-11-25")
	if got := serve(http.MethodPost, before); got != http.StatusOK {
		t.Errorf("one of before a restart: got %d, want 200", got)
	}
	serve(http.MethodDelete, deleted)
	const bound = 10_000
	ids := make([]string, 2*bound)
	for i := range ids {
		number := strings.NewReplacer("0", "A", "1", "B", "8", "C", "9", "D").Replace(fmt.Sprintf("%026d", i))
		ids[i] = "gh-20251125-" + number
		serve(http.MethodDelete, ids[i])
	}
	for name, id := range map[string]string{"the one deleted first": deleted, "the next": ids[1], "the last": ids[2*bound-1]} {
		if got := serve(http.MethodPost, id); got != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", name, got)
		}
	}
	if got := serve(http.MethodPost, open); got != http.StatusOK {
		t.Errorf("one that is open: got %d, want 200", got)
	}
}
