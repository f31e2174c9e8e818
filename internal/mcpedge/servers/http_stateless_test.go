package servers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/testkit"
)

// newStateless is a server of 2026-07-28 that answers tools/call as a test says.
func newStateless(t *testing.T, call handler) *odd {
	t.Helper()
	o := newOdd(t, call)
	o.stateless = func(w http.ResponseWriter, _ *http.Request, m request) {
		switch m.Method {
		case "server/discover":
			answer(w, m, goodDiscover)
		default:
			fail(w, http.StatusNotFound, `{"jsonrpc":"2.0","id":%s,%s}`, m.ID, notFound)
		}
	}
	return o
}

// fail writes a JSON body with that status.
func fail(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, format, args...)
}

func TestOpenHTTP_findsTheEraOfTheServer(t *testing.T) {
	text := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "Bad Request: Unsupported protocol version", status)
		}
	}
	rpc := func(status int, err string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			fail(w, status, `{"jsonrpc":"2.0","id":null,"error":%s}`, err)
		}
	}
	unsupported := `{"code":-32022,"message":"no","data":{"requested":"2026-07-28","supported":["%s"]}}`
	for name, c := range map[string]struct {
		discover http.HandlerFunc // nil is a good answer
		revision string
		says     string // the error, without a revision
		next     endpoint.Era
	}{
		"a stateless one":                  {nil, "2026-07-28", "", endpoint.EraStateless},
		"400 with a text":                  {text(400), "2025-11-25", "", endpoint.EraInitialize},
		"404 with a text":                  {text(404), "2025-11-25", "", endpoint.EraInitialize},
		"405":                              {text(405), "2025-11-25", "", endpoint.EraInitialize},
		"500":                              {text(500), "2025-11-25", "", endpoint.EraInitialize},
		"202 without a body":               {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }, "2025-11-25", "", endpoint.EraInitialize},
		"a stream that ends":               {func(w http.ResponseWriter, _ *http.Request) { event(w, "{}") }, "2025-11-25", "", endpoint.EraInitialize},
		"200 and method not found":         {rpc(200, `{"code":-32601,"message":"x"}`), "2025-11-25", "", endpoint.EraInitialize},
		"400 that misses a session":        {rpc(400, `{"code":-32000,"message":"Bad Request: No valid session ID provided"}`), "2025-11-25", "", endpoint.EraInitialize},
		"400 that names older revisions":   {rpc(400, fmt.Sprintf(unsupported, "2025-11-25")), "2025-11-25", "", endpoint.EraInitialize},
		"400 that names unknown revisions": {rpc(400, fmt.Sprintf(unsupported, "2030-01-01")), "", `revision "2030-01-01"`, endpoint.EraUnknown},
		"401":                              {text(401), "2025-11-25", "", endpoint.EraInitialize},
		"403":                              {text(403), "2025-11-25", "", endpoint.EraInitialize},
		"a page":                           {func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>") }, "2025-11-25", "", endpoint.EraInitialize},
		"a redirect":                       {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, "2025-11-25", "", endpoint.EraInitialize},
		"a closed connection":              {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "2025-11-25", "", endpoint.EraInitialize},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOdd(t, nil)
			o.stateless = func(w http.ResponseWriter, r *http.Request, m request) {
				switch {
				case m.Method == "server/discover" && c.discover == nil:
					answer(w, m, goodDiscover)
				case m.Method == "server/discover":
					c.discover(w, r)
				case m.Method == "initialize" && c.revision == "":
					fail(w, 400, `{"jsonrpc":"2.0","id":%s,%s}`, m.ID, notFound)
				case m.Method == "initialize":
					answer(w, m, goodInitialize)
				default:
					w.WriteHeader(http.StatusAccepted)
				}
			}
			next := endpoint.Era("untold")
			s, err := servers.OpenHTTP(t.Context(), servers.HTTPOptions{
				URL: o.URL, Transport: servers.StreamableHTTP, OnEra: func(e endpoint.Era) { next = e },
			})
			if err == nil {
				defer func() { s.Close(nil); await(t, s.Done()) }()
			}
			switch {
			case c.revision != "" && (err != nil || s.Info().ProtocolVersion != c.revision):
				t.Errorf("got %v, want revision %s", err, c.revision)
			case c.revision == "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("got %v, want %q", err, c.says)
			case c.next != "" && next != c.next:
				t.Errorf("next is %q, want %q", next, c.next)
			}
		})
	}
}

func TestOpenHTTP_rememberedOlderOneThatHasBecomeStateless(t *testing.T) {
	o := newStateless(t, nil)
	next := endpoint.EraUnknown
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Era: endpoint.EraInitialize, OnEra: func(e endpoint.Era) { next = e }})
	if got := s.Info().ProtocolVersion; got != "2026-07-28" || next != endpoint.EraStateless {
		t.Errorf("got revision %s, next is %q, want 2026-07-28, %q", got, next, endpoint.EraStateless)
	}
}

func TestOpenHTTP_unreachableServer_keepsWhatIsKnown(t *testing.T) {
	_, err := servers.OpenHTTP(t.Context(), servers.HTTPOptions{
		URL: "http://" + testkit.FreeAddress(t), Era: endpoint.EraStateless, OnEra: func(e endpoint.Era) { t.Errorf("it said %q, want nothing", e) },
	})
	if err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v, want connection refused", err)
	}
}

func TestHTTP_stateless_requestsSayAllInHeadersAndMeta(t *testing.T) {
	type seen struct {
		header http.Header
		params string
		remote string
	}
	got := make(chan seen, 10)
	o := newStateless(t, func(w http.ResponseWriter, r *http.Request, m request) {
		got <- seen{r.Header, string(m.Params), r.RemoteAddr}
		if strings.Contains(string(m.Params), "stream") {
			event(w, `{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID)
			return
		}
		answer(w, m, `{}`)
	})
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Era: endpoint.EraStateless, Version: "1", Headers: map[string]string{
		"Mcp-Method": "no", "Mcp-Name": "no", "mcp-param-x": "no", "Mcp-Protocol-Version": "no", "X-Own": "yes",
	}})
	remotes := map[string]bool{}
	if _, err := s.Call(t.Context(), endpoint.Request{Method: "tasks/get", Params: json.RawMessage(`{"taskId":"größe "}`)}); err != nil {
		t.Fatal(err)
	}
	posts := o.seen(http.MethodPost)
	if h := posts[len(posts)-1].Header; h.Get("Mcp-Method") != "tasks/get" || h.Get("Mcp-Name") != "=?base64?Z3LDtsOfZSA=?=" {
		t.Errorf("got the headers %v, want those that name the task", h)
	}
	for name, want := range map[string]string{"plain": "plain", "stream": "stream", "größe ": "=?base64?Z3LDtsOfZSA=?="} {
		req := tool(fmt.Sprintf(`{"name":%q,"n":9007199254740993}`, name))
		req.Capabilities = json.RawMessage(`{"roots":{}}`)
		res, err := s.Call(t.Context(), req)
		wantResult(t, outcome{res, err}, "{}")
		r := await(t, got)
		remotes[r.remote] = true
		for header, want := range map[string]string{
			"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": want, "Mcp-Param-X": "", "Mcp-Session-Id": "", "X-Own": "yes",
		} {
			if got := r.header.Get(header); got != want {
				t.Errorf("%s is %q, want %q", header, got, want)
			}
		}
		wantParams := fmt.Sprintf(`{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":`+
			`{"name":"gatehouse","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"roots":{}}},"name":%q,"n":9007199254740993}`, name)
		if r.params != wantParams {
			t.Errorf("got params %s, want %s", r.params, wantParams)
		}
	}
	s.Close(nil)
	await(t, s.Done())
	if n := len(o.seen(http.MethodGet)) + len(o.seen(http.MethodDelete)); n != 0 {
		t.Errorf("%d requests were none of 2026-07-28", n)
	}
}

func TestHTTP_stateless_connectionsAreKeptAlive(t *testing.T) {
	remotes := make(chan string, 100)
	o := newStateless(t, func(w http.ResponseWriter, r *http.Request, m request) {
		remotes <- r.RemoteAddr
		if strings.Contains(string(m.Params), "stream") {
			event(w, `{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID)
			return
		}
		answer(w, m, `{}`)
	})
	for _, params := range []string{`{"name":"plain"}`, `{"name":"stream"}`} {
		s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Era: endpoint.EraStateless})
		used := map[string]bool{}
		for range 20 {
			res, err := s.Call(t.Context(), tool(params))
			wantResult(t, outcome{res, err}, "{}")
			used[await(t, remotes)] = true
		}
		if len(used) > 5 { // The end of a stream may still be on its way when the next call comes.
			t.Errorf("%s: 20 calls in a row took %d connections, want 5 at most", params, len(used))
		}
	}
}

func TestHTTP_stateless_cancelledCall_closesItsRequest(t *testing.T) {
	left, began := make(chan struct{}), make(chan struct{})
	o := newStateless(t, func(_ http.ResponseWriter, r *http.Request, _ request) {
		close(began)
		<-r.Context().Done()
		close(left)
	})
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Era: endpoint.EraStateless})
	ctx, cancel := context.WithCancelCause(t.Context())
	done := call(ctx, s, tool(`{"name":"x"}`))
	await(t, began)
	enough := errors.New("enough")
	cancel(enough)
	if out := await(t, done); !errors.Is(out.err, enough) || isNotWritten(out.err) {
		t.Errorf("got %v, want %v of a request that was written", out.err, enough)
	}
	await(t, left)
	if n := len(o.seen(http.MethodPost)); n != 2 {
		t.Errorf("the server got %d requests, want the question and the call", n)
	}
}

func TestHTTP_stateless_errorWithAStatus_isTheAnswer(t *testing.T) {
	o := newStateless(t, func(w http.ResponseWriter, _ *http.Request, m request) {
		fail(w, http.StatusBadRequest, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32021,"data":{"n":9007199254740993},"message":"x"}}`, m.ID)
	})
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Era: endpoint.EraStateless})
	for range 3 {
		res, err := s.Call(t.Context(), tool(`{"name":"x"}`))
		if err != nil || string(res.Error) != `{"code":-32021,"data":{"n":9007199254740993},"message":"x"}` {
			t.Fatalf("got %v %s, want -32021 as the server sent it", err, res.Error)
		}
	}
}

func TestHTTP_stateless_serverThatIsReplacedByAnOlderOne_isSpokenToInItsWay(t *testing.T) {
	o := newStateless(t, func(w http.ResponseWriter, r *http.Request, m request) {
		if r.Header.Get("Mcp-Session-Id") == "" {
			http.Error(w, "no session", http.StatusBadRequest)
			return
		}
		answer(w, m, `{}`)
	})
	next := make(chan endpoint.Era, 2)
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Era: endpoint.EraStateless, OnEra: func(e endpoint.Era) { next <- e }})
	o.stateless = func(w http.ResponseWriter, _ *http.Request, m request) {
		switch m.Method {
		case "initialize":
			w.Header().Set("Mcp-Session-Id", "new")
			answer(w, m, goodInitialize)
		case "notifications/initialized":
			w.WriteHeader(http.StatusAccepted)
		default:
			http.Error(w, "no session", http.StatusBadRequest)
		}
	}
	if _, err := s.Call(t.Context(), tool(`{"name":"x"}`)); !isNotWritten(err) || !errors.Is(err, endpoint.ErrRenewed) {
		t.Errorf("got %v, want that it was not run and the session is new", err)
	}
	res, err := s.Call(t.Context(), tool(`{"name":"x"}`))
	wantResult(t, outcome{res, err}, `{}`)
	if got := s.Info().ProtocolVersion; got != "2025-11-25" {
		t.Errorf("got revision %s, want 2025-11-25", got)
	}
	if first, second := await(t, next), await(t, next); first != endpoint.EraStateless || second != endpoint.EraInitialize {
		t.Errorf("it told the eras %q and %q, want stateless and initialize", first, second)
	}
}

func TestHTTP_stateless_largeAnswers(t *testing.T) {
	big := `{"big":"` + strings.Repeat("x", 100<<10) + `"}`
	o := newStateless(t, func(w http.ResponseWriter, _ *http.Request, m request) {
		if strings.Contains(string(m.Params), "stream") {
			event(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, big)
			return
		}
		answer(w, m, big)
	})
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Era: endpoint.EraStateless})
	for _, params := range []string{`{"name":"plain"}`, `{"name":"stream"}`} {
		req := tool(params)
		res, err := s.Call(t.Context(), req)
		wantResult(t, outcome{res, err}, big)
		req.MaxResultBytes = 50 << 10
		_, err = s.Call(t.Context(), req)
		if large, ok := errors.AsType[*endpoint.TooLarge](err); !ok || large.Limit != 50<<10 {
			t.Errorf("%s: got %v, want larger than %d bytes", params, err, 50<<10)
		}
	}
}

func TestHTTP_stateless_progressComesOnTheStreamOfItsCall(t *testing.T) {
	o := newStateless(t, func(w http.ResponseWriter, _ *http.Request, m request) {
		var params struct {
			Meta struct{ ProgressToken json.RawMessage } `json:"_meta"`
		}
		_ = json.Unmarshal(m.Params, &params)
		event(w, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1}}`, params.Meta.ProgressToken)
		event(w, `{"jsonrpc":"2.0","id":"of the server","method":"ping"}`)
		event(w, `{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID)
	})
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Era: endpoint.EraStateless})
	heard := make(chan string, 1)
	req := tool(`{"name":"x","_meta":{"own":1}}`)
	req.Progress = func(p json.RawMessage) { heard <- string(p) }
	res, err := s.Call(t.Context(), req)
	wantResult(t, outcome{res, err}, "{}")
	if got := await(t, heard); got != `{"progress":1}` {
		t.Errorf("got %s, want %q", got, `{"progress":1}`)
	}
	if n := len(o.seen(http.MethodPost)); n != 2 {
		t.Errorf("a server's request was answered: %d requests, want 2", n)
	}
}

func TestHTTP_stateless_subscribesToChangesOfTools(t *testing.T) {
	o := newStateless(t, nil)
	subscribed, end := make(chan request, 10), make(chan struct{})
	o.stateless = func(w http.ResponseWriter, r *http.Request, m request) {
		if m.Method != "subscriptions/listen" {
			answer(w, m, announcing)
			return
		}
		subscribed <- m
		event(w, `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true}}}`)
		event(w, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
		select {
		case <-end:
		case <-r.Context().Done():
		}
	}
	heard := make(chan struct{}, 10)
	openHTTP(t, servers.HTTPOptions{URL: o.URL, Era: endpoint.EraStateless, OnToolsChanged: func() { heard <- struct{}{} }})
	m := await(t, subscribed)
	if !strings.Contains(string(m.Params), `"notifications":{"toolsListChanged":true}`) {
		t.Errorf("got %s, want a subscription to tools alone", m.line)
	}
	await(t, heard)
	end <- struct{}{}
	await(t, subscribed) // Again, by itself.
	await(t, heard)
}

func TestHTTP_stateless_isNotLedToAnotherHost(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the other host was asked") }))
	defer other.Close()
	o := newOdd(t, nil)
	o.stateless = func(w http.ResponseWriter, r *http.Request, _ request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}
	_, err := servers.OpenHTTP(t.Context(), servers.HTTPOptions{URL: o.URL, Headers: map[string]string{"Authorization": "s3cr3t"}})
	if !errors.Is(err, servers.ErrRedirected) {
		t.Errorf("got %v, want %v", err, servers.ErrRedirected)
	}
}

func TestHTTP_stateless_followsToAnotherPath(t *testing.T) {
	o := newStateless(t, func(w http.ResponseWriter, r *http.Request, m request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/mcp", http.StatusPermanentRedirect)
			return
		}
		answer(w, m, `{"path":"`+r.URL.Path+`"}`)
	})
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Era: endpoint.EraStateless})
	res, err := s.Call(t.Context(), tool(`{"name":"x"}`))
	wantResult(t, outcome{res, err}, `{"path":"/mcp"}`)
}

func TestHTTP_stateless_parametersInHeaders(t *testing.T) {
	const (
		region = `{"name":"region","inputSchema":{"type":"object","properties":{"where":{"type":"string","x-mcp-header":"Region"},` +
			`"deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}}}}}`
		bad   = `{"name":"bad","inputSchema":{"type":"object","properties":{"x":{"type":"number","x-mcp-header":"X"}}}}`
		plain = `{"name":"plain","n":9007199254740993,"inputSchema":{"type":"object"}}`
	)
	headers := make(chan http.Header, 1)
	o := newStateless(t, func(w http.ResponseWriter, r *http.Request, m request) {
		headers <- r.Header
		answer(w, m, `{}`)
	})
	pages := []string{region + `,` + bad + `,` + plain}
	o.stateless = func(w http.ResponseWriter, _ *http.Request, m request) {
		if m.Method == "server/discover" {
			answer(w, m, goodDiscover)
			return
		}
		answer(w, m, `{"tools":[`+pages[0]+`],"x":1.0}`)
	}
	s := openHTTP(t, servers.HTTPOptions{URL: o.URL, Era: endpoint.EraStateless})
	list := func() []string {
		t.Helper()
		definitions, _, err := servers.ListTools(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, d := range definitions {
			all = append(all, string(d.Raw))
		}
		return all
	}
	if got := list(); !slices.Equal(got, []string{region, plain}) {
		t.Errorf("a tool with a wrong annotation must be left out: %q", got)
	}
	use := func(params string) http.Header {
		t.Helper()
		res, err := s.Call(t.Context(), tool(params))
		wantResult(t, outcome{res, err}, "{}")
		return await(t, headers)
	}
	h := use(`{"name":"region","arguments":{"where":"nord\r\nX-Evil: 1","deep":{"n":7},"where2":"x"}}`)
	if h.Get("Mcp-Param-Region") != "=?base64?bm9yZA0KWC1FdmlsOiAx?=" || h.Get("Mcp-Param-N") != "7" || h.Get("X-Evil") != "" {
		t.Errorf("got %v, want the region encoded, 7, and no X-Evil", h)
	}
	if h := use(`{"name":"region","arguments":{}}`); h.Get("Mcp-Param-Region") != "" {
		t.Errorf("got %v, want no region", h)
	}
	pages[0] = `{"name":"region","inputSchema":{"type":"object"}},` + plain
	list()
	if h := use(`{"name":"region","arguments":{"where":"x"}}`); h.Get("Mcp-Param-Region") != "" {
		t.Errorf("the annotation is gone, and got %v, want no region", h)
	}
}
