package agents_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"gatehouse/internal/mcpedge/agents"
)

// place is a Surface that answers each request with what it heard.
type place struct {
	name  string
	lists *marks // nil: they never change
}

// marks are those of lists that a test changes.
type marks struct {
	mu      sync.Mutex
	now     agents.Marks
	changed chan struct{}
}

func (m *marks) set(now agents.Marks) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = now
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

func (p place) Marks(agents.Caller) agents.Marks {
	if p.lists == nil {
		return agents.Marks{}
	}
	p.lists.mu.Lock()
	defer p.lists.mu.Unlock()
	return p.lists.now
}

func (p place) Changed() <-chan struct{} {
	if p.lists == nil {
		return nil
	}
	p.lists.mu.Lock()
	defer p.lists.mu.Unlock()
	if p.lists.changed == nil {
		p.lists.changed = make(chan struct{})
	}
	return p.lists.changed
}

func (p place) Name() string                 { return p.name }
func (p place) Open(c agents.Caller) bool    { return p.name != "hidden" && c.Agent != "nobody" }
func (p place) Speaker(agents.Caller) string { return "" }
func (p place) Serve(_ context.Context, c agents.Caller, r agents.Request, dst []byte) ([]byte, *agents.Error) {
	switch {
	case r.Method == "no/such":
		return dst, &agents.Error{Code: -32601, Object: json.RawMessage(`{"code":-32601,"message":"no",` + "\n" + `"data":1.0}`)}
	case r.Name == "panic" || r.Method == "panic":
		panic("secret detail")
	}
	said := map[string]any{"at": p.name, "method": r.Method, "params": r.Params, "name": r.Name, "agent": c.Agent, "client": c.Client}
	switch r.Name {
	case "task":
		said["task"] = r.Task
	case "declared":
		said["declared"] = c.Declared
	}
	out, _ := json.Marshal(said)
	return append(dst, out...), nil
}

// Definition is that of a tool whose parameter region travels in a header too.
func (p place) Definition(_ agents.Caller, tool string) json.RawMessage {
	if tool != "region" {
		return json.RawMessage(`{}`)
	}
	return json.RawMessage(`{"name":"region","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}`)
}

func (p place) Introduce(context.Context, agents.Caller) (agents.Introduction, *agents.Error) {
	if p.name == "broken" {
		return agents.Introduction{}, &agents.Error{Code: -32603, Object: json.RawMessage(`{"code":-32603,"message":"is down"}`)}
	}
	return agents.Introduction{
		Capabilities: json.RawMessage(`{"tools":{},"odd":1.0}`), ServerInfo: json.RawMessage(`{"name":"own","version":"7","icons":[]}`),
		Instructions: "Be " + p.name, Meta: json.RawMessage(`{"io.gatehouse/server":"x"}`),
	}, nil
}

// serveSurfaces serves the gateway's own tools at /mcp, and surfaces at
// /s/NAME, of which "none" is none.
func serveSurfaces(t *testing.T) string {
	t.Helper()
	return serveAt(t, newEdge(t, newScript(), nil), place{})
}

// serveAt is serveSurfaces, with one of the surfaces as it is.
func serveAt(t *testing.T, edge *agents.Edge, one place) string {
	t.Helper()
	return serveSurface(t, edge, one)
}

func serveSurface(t *testing.T, edge *agents.Edge, one agents.Surface) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/mcp", edge.Handler())
	mux.Handle("/s/{name}", edge.HandlerAt(func(r *http.Request) agents.Surface {
		if r.PathValue("name") == "none" {
			return nil
		}
		if r.PathValue("name") == one.Name() {
			return one
		}
		return place{r.PathValue("name"), nil}
	}, "/mcp"))
	srv := httptest.NewServer(mux)
	t.Cleanup(func() {
		edge.Close()
		srv.Close()
	})
	return srv.URL
}

func TestSurface_answersMethodsItself(t *testing.T) {
	url := serveSurfaces(t) + "/s/one"
	for _, c := range []struct{ method, params, want string }{
		{"tools/list", `{"cursor":"x"}`, `{"jsonrpc":"2.0","id":1,"result":{"agent":"","at":"one","client":"","method":"tools/list","name":"","params":{"cursor":"x"}}}`},
		{"tools/call", `{"name":"zeta"}`, `{"jsonrpc":"2.0","id":1,"result":{"agent":"","at":"one","client":"","method":"tools/call","name":"zeta","params":null}}`},
		{"resources/read", `{"uri":"a://b"}`, `{"jsonrpc":"2.0","id":1,"result":{"agent":"","at":"one","client":"","method":"resources/read","name":"","params":{"uri":"a://b"}}}`},
		{"no/such", `{}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no", "data":1.0}}`},
		{"ping", `{}`, `{"jsonrpc":"2.0","id":1,"result":{}}`},
		{"resources/read", `[1]`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"params of resources/read must be an object"}}`},
		{"resources/read", `{"uri":"a","URI":"b"}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"params has a member twice, or in another letter case: names are exact"}}`},
	} {
		r := post(t, url, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, c.method, c.params), "Mcp-Protocol-Version", "2025-11-25")
		if r.body != c.want {
			t.Errorf("%s %s: got %s, want %s", c.method, c.params, r.body, c.want)
		}
	}
	const panicked = "The gateway failed while running this"
	if r := post(t, url, call("1", "panic", "{}")); !strings.Contains(r.body, `"io.gatehouse/error":{"code":"INTERNAL"`) || !strings.Contains(r.body, `"io.gatehouse/origin":"gateway"`) || strings.Contains(r.body, "structuredContent") || strings.Contains(r.body, "secret") {
		t.Errorf("a tool that panics: got %s, want a result that says so", r.body)
	}
	if r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"panic"}`); !strings.Contains(r.body, `"code":-32603,"message":"`+panicked) || !strings.Contains(r.body, `"io.gatehouse/origin":"gateway"`) {
		t.Errorf("a method that panics: got %s, want a JSON-RPC error", r.body)
	}
}

func TestSurface_saysItselfWhatItIs(t *testing.T) {
	url := serveSurfaces(t) + "/s/one"
	r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}`)
	want := `{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{},"odd":1.0},"serverInfo":{"name":"own","version":"7","icons":[]},"instructions":"Be one","_meta":{"io.gatehouse/server":"x"}}}`
	if r.body != want {
		t.Errorf("got %s, want %s", r.body, want)
	}
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"new","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`
	r = post(t, url, `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{`+meta+`}}`, "Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "server/discover")
	for path, want := range map[string]any{"capabilities": `{"tools":{},"odd":1.0}`, "instructions": `"Be one"`, "cacheScope": `"private"`} {
		if got := rawField(t, r.body, "result", path); got != want {
			t.Errorf("%s: got %s, want %s, in %s", path, got, want, r.body)
		}
	}
	if got, want := rawField(t, r.body, "result", "_meta"), `{"io.gatehouse/server":"x","io.modelcontextprotocol/serverInfo":{"name":"own","version":"7","icons":[]}}`; got != want {
		t.Errorf("got the _meta %s, want %s", got, want)
	}
	r = post(t, serveSurfaces(t)+"/s/broken", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{}}}`)
	if want := `{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"is down"}}`; r.body != want || r.header.Get("Mcp-Session-Id") != "" {
		t.Errorf("got %s and session %q, want %s and none", r.body, r.header.Get("Mcp-Session-Id"), want)
	}
}

// rawField digs a value out of JSON as it is.
func rawField(t *testing.T, text string, path ...string) string {
	t.Helper()
	raw := json.RawMessage(text)
	for _, key := range path {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(raw, &object); err != nil {
			t.Fatalf("no %v in %s: %v", path, text, err)
		}
		raw = object[key]
	}
	return string(raw)
}

// What is not there and what a caller may not use are the same bytes.
func TestSurface_hiddenAndUnknown_areTheSame(t *testing.T) {
	url := serveSurfaces(t)
	const body = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	want := post(t, url+"/s/none", body)
	if want.status != http.StatusNotFound || want.body != "nothing is here: MCP is at /mcp\n" {
		t.Fatalf("got %d %s, want 404", want.status, want.body)
	}
	for _, path := range []string{"/s/hidden", "/s/one?agent=nobody", "/s/hidden?agent=x"} {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
			got := do(t, request(t.Context(), method, url+path, body))
			got.header.Del("Date")
			want.header.Del("Date")
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s %s: got %v, want %v", method, path, got, want)
			}
		}
	}
}

// The header by which a request about a task finds its way must not say another one.
func TestSurface_theHeaderOfATask_agreesWithTheRequest(t *testing.T) {
	url := serveSurfaces(t) + "/s/one"
	for name, want := range map[string]int{"gh-1": http.StatusOK, "": http.StatusOK, "gh-2": http.StatusBadRequest} {
		r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"gh-1","_meta":{`+
			`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`,
			"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "tasks/get", "Mcp-Name", name)
		if r.status != want {
			t.Errorf("Mcp-Name %q: got %d %s, want %d", name, r.status, r.body, want)
		}
	}
}

// The wish for a task is one of 2025-11-25 and of no other revision.
func TestSurface_theWishForATask_isOfOneRevision(t *testing.T) {
	url := serveSurfaces(t) + "/s/one"
	for revision, want := range map[string]string{"2025-11-25": "map[ttl:5]", "2025-06-18": "<nil>"} {
		r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"task","task":{"ttl":5}}}`, "Mcp-Session-Id", openSession(t, url, revision))
		if got := fmt.Sprint(field(t, r.body, "result", "task")); got != want {
			t.Errorf("%s: got %v, want %v", revision, got, want)
		}
	}
}

// What a client declares when it opens its session is known of each of its requests.
func TestSurface_knowsWhatASessionsClientDeclared(t *testing.T) {
	url := serveSurfaces(t) + "/s/one"
	for declared, want := range map[string]string{
		`{"extensions":{"x/y":{"n":1.0}}}`: `{"extensions":{"x/y":{"n":1.0}}}`, `[]`: "", `{"x":"` + strings.Repeat("x", 2<<10) + `"}`: "",
		// What servers may not be able to read is not kept.
		`{"elicitation":{"a":` + strings.Repeat("[", 62) + strings.Repeat("]", 62) + `}}`: `{"elicitation":{"a":` + strings.Repeat("[", 62) + strings.Repeat("]", 62) + `}}`,
		`{"elicitation":{"a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}}`: "",
		`{"roots":{"n":1e400}}`: "", `{"sampling":{"a":"\ud800"}}`: "", `{"sampling":{"\udc00":1}}`: "",
	} {
		r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":`+declared+`,"clientInfo":{"name":"t","version":"1"}}}`)
		r = post(t, url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"declared"}}`, "Mcp-Session-Id", r.header.Get("Mcp-Session-Id"))
		if got := field(t, r.body, "result", "declared"); got != want {
			t.Errorf("%.60s: got %v, want %s", declared, got, want)
		}
	}
}

func TestSurface_sessionsBelongToSurfaceAndAgent(t *testing.T) {
	url := serveSurfaces(t)
	list := func(address, session string) response {
		return post(t, address, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, "Mcp-Session-Id", session)
	}
	mine := openSession(t, url+"/s/one?agent=a.b-c", "2025-11-25")
	for _, address := range []string{"/s/one", "/s/one?agent=a.b-c"} {
		if r := list(url+address, mine); r.status != http.StatusOK || field(t, r.body, "result", "agent") != "a.b-c" || field(t, r.body, "result", "client") != "probe/9" {
			t.Errorf("%s: got %d %s, want it served for the session's agent", address, r.status, r.body)
		}
	}
	gate := openSession(t, url+"/mcp", "2025-11-25")
	for what, r := range map[string]response{
		"another agent":           list(url+"/s/one?agent=b", mine),
		"another surface":         list(url+"/s/two", mine),
		"the gateway's own tools": list(url+"/mcp", mine),
		"one of the gateway's":    list(url+"/s/one", gate),
		"an agent put in":         list(url+"/s/one", openSession(t, url+"/s/one", "2025-11-25")+"~b"),
	} {
		if r.status != http.StatusNotFound || !strings.Contains(r.body, "initialize again") {
			t.Errorf("%s: got %d %s, want 404", what, r.status, r.body)
		}
	}
	// A gateway that was started anew knows none of them.
	if r := list(serveSurfaces(t)+"/s/one", mine); r.status != http.StatusNotFound {
		t.Errorf("a session of before: got %d %s, want 404", r.status, r.body)
	}
}

func TestGate_theAddressNamesAnAgent_ofTheSessionToo(t *testing.T) {
	url := serveSurfaces(t) + "/mcp"
	id := openSession(t, url+"?agent=backend", "2025-11-25")
	if r := post(t, url, call("1", "echo", "{}"), "Mcp-Session-Id", id); field(t, r.body, "result", "structuredContent", "caller", "Agent") != "backend" {
		t.Errorf("got %s, want the caller's agent to be backend", r.body)
	}
	for query, want := range map[string]int{"?agent=a&agent=b": 400, "?agent=a%20b": 400, "?agent=%zz": 400, "?x=1": 200} {
		if r := post(t, url+query, call("1", "echo", "{}")); r.status != want {
			t.Errorf("%s: got %d %s, want %d", query, r.status, r.body, want)
		}
	}
}

func TestSurface_overStdio(t *testing.T) {
	s := dialAt(t, newEdge(t, newScript(), nil), place{"one", nil})
	if got := field(t, s.initialize("2025-11-25"), "result", "instructions"); got != "Be one" {
		t.Errorf("got the instructions %v, want those of the surface", got)
	}
	s.send(`{"jsonrpc":"2.0","id":2,"method":"prompts/get","params":{"name":"p"}}`)
	if got := s.next(); field(t, got, "result", "method") != "prompts/get" || field(t, got, "result", "client") != "probe/9" {
		t.Errorf("got %s, want it from the surface", got)
	}
	s.send(`{"jsonrpc":"2.0","id":3,"method":"no/such"}`)
	if got, want := s.next(), `{"jsonrpc":"2.0","id":3,"error":{"code":-32601,"message":"no", "data":1.0}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
