package agents_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/mcpedge/agents"
)

// weighed is a message whose size says little of what it could take.
type weighed struct {
	name, body string
	// batches says that it needs a revision that has them.
	batches bool
}

// filled is a message of about so many bytes: the format has one verb, for many
// times the part.
func filled(size int, format, part string) string {
	return fmt.Sprintf(format, strings.TrimSuffix(strings.Repeat(part, size/len(part)), ","))
}

// shapes are messages of many kinds, each of so many bytes.
func shapes(size int) []weighed {
	const modern = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"n","version":"1"},"io.modelcontextprotocol/clientCapabilities":`
	return []weighed{
		{"a batch of numbers", filled(size, `[%s]`, `0,`), true},
		{"a batch of empty objects", filled(size, `[%s]`, `{},`), true},
		{"a batch of empty lists", filled(size, `[%s]`, `[],`), true},
		{"a batch of a hundred requests with much in their _meta", `[` + strings.TrimSuffix(strings.Repeat(filled(size/100, `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{%s}}},`, `"a":{},`), 100), ",") + `]`, true},
		{"a batch of a hundred unknown methods", `[` + strings.TrimSuffix(strings.Repeat(filled(size/100, `{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":[%s]}},`, `0,`), 100), ",") + `]`, true},
		{"lists within lists", strings.Repeat("[", size/2) + strings.Repeat("]", size/2), false},
		{"capabilities", filled(size, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"experimental":{%s}},"clientInfo":{"name":"n","version":"1"}}}`, `"a":{},`), false},
		{"extensions of a client", filled(size, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"n","version":"1","x":[%s]}}}`, `{},`), false},
		{"a client's name", filled(size, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"%s","version":"1"}}}`, `\u0000`), false},
		{"_meta of tools/list", filled(size, `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"x":[%s]}}}`, `0,`), false},
		{"a cursor", filled(size, `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"%s"}}`, `\u0000`), false},
		{"params of an unknown method", filled(size, `{"jsonrpc":"2.0","id":1,"method":"x/y","params":{"x":[%s]}}`, `[],`), false},
		{"params that are a list", filled(size, `{"jsonrpc":"2.0","id":1,"method":"ping","params":[%s]}`, `0,`), false},
		{"an unknown member", filled(size, `{"jsonrpc":"2.0","id":1,"method":"ping","x":[%s]}`, `0,`), false},
		{"a result", filled(size, `{"jsonrpc":"2.0","id":1,"result":[%s]}`, `0,`), false},
		{"a method", filled(size, `{"jsonrpc":"2.0","id":1,"method":"%s"}`, `\u0000`), false},
		{"an id", filled(size, `{"jsonrpc":"2.0","id":"%s","method":"ping"}`, `\u0000`), false},
		{"an id of digits", filled(size, `{"jsonrpc":"2.0","id":%s,"method":"ping"}`, `7`), false},
		{"a revision of JSON-RPC", filled(size, `{"jsonrpc":"%s","id":1,"method":"ping"}`, `\u0000`), false},
		{"keys with escapes", filled(size, `{"jsonrpc":"2.0","id":1,"method":"ping","%s":1}`, `\u0000`), false},
		{"many keys", filled(size, `{"jsonrpc":"2.0","id":1,"method":"ping","params":{%s}}`, `"\u0061":0,`), false},
		{"what is no JSON", filled(size, `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[%s}`, `0,`), false},
		{"what is not UTF-8", filled(size, `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"%s"}}`, "\xffa"), false},
		{"a progress token", filled(size, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"none","_meta":{"progressToken":"%s"}}}`, `\u0000`), false},
		{"the name of a tool", filled(size, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s"}}`, `\u0000`), false},
		{"the plain name of a tool", filled(size, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s"}}`, `x`), false},
		{"capabilities of a stateless call", filled(size, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"none",`+modern+`{"experimental":{%s}}}}}`, `"a":{},`), false},
		{"capabilities of a stateless request", filled(size, `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{`+modern+`{"experimental":{%s}}}}}`, `"a":{},`), false},
		{"a cancellation", filled(size, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"%s"}}`, `\u0000`), false},
		{"arguments of a call", filled(size, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"none","arguments":{"a":[%s]}}}`, `[],`), false},
	}
}

// allocated returns how many bytes something allocates, live or not.
func allocated(do func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// Whatever is in a message, to read and answer it takes little more than the
// buffers for its bytes. Decoded as they come some of these took thirty times
// their size.
func TestWeight_ofNoMessage_isManyTimesItsSize(t *testing.T) {
	const size = 1 << 20
	h := newScript()
	f := newEdge(t, h, func(o *agents.Options) { o.Log = nil })
	for _, c := range shapes(size) {
		req := request(t.Context(), http.MethodPost, "http://127.0.0.1/", c.body, "Host", "127.0.0.1")
		if strings.Contains(c.body, `"2026-07-28"`) {
			for name, value := range map[string]string{"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"} {
				req.Header.Set(name, value)
			}
			if strings.Contains(c.body, "tools/call") {
				req.Header.Set("Mcp-Method", "tools/call")
				req.Header.Set("Mcp-Name", "none")
			}
		}
		answer := httptest.NewRecorder()
		got := allocated(func() { f.Handler().ServeHTTP(answer, req) })
		if most := 5 * len(c.body); got > most {
			t.Errorf("%s: %d bytes took %d, %.1f times as much, want at most 5; answered %d %.200s", c.name, len(c.body), got,
				float64(got)/float64(len(c.body)), answer.Code, answer.Body)
		}
	}
}

// What is decoded of a request is bounded, and the answer says what is too large.
func TestMessage_whatIsDecodedIsBounded(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	pad := strings.Repeat("x", 65<<10)
	for body, want := range map[string]string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"experimental":{"a":{"b":"` + pad + `"}}},"clientInfo":{"name":"n","version":"1"}}}`: "params are larger than 65536 bytes",
		`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"a":"` + pad + `"}}}`:                                                                                                      "params are larger than 65536 bytes",
		`{"jsonrpc":"2.0","id":1,"method":"x/y","params":{"a":"` + pad + `"}}`:                                                                                                                       "params are larger than 65536 bytes",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + pad + `"}}`:                                                                                                             "params.name is larger than 65536 bytes",
		`{"jsonrpc":"2.0","id":1,"method":"` + pad + `"}`:                                                                                                                                            "method is longer than 65536 bytes",
	} {
		got := post(t, srv.URL, body)
		if field(t, got.body, "id") == nil || !strings.Contains(fmt.Sprint(field(t, got.body, "error", "message")), want) {
			t.Errorf("%.80s: got %.300s, want its id and %q", body, got.body, want)
		}
	}
	fine := post(t, srv.URL, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":"`+pad+`"}}}`)
	if !strings.Contains(fine.body, `"result"`) {
		t.Errorf("arguments of 65 KiB: got %.200s, want a result", fine.body)
	}
}

// Large values are decoded a few at a time, however many clients send them; small ones
// wait for nobody.
func TestMessage_largeValues_areDecodedAFewAtATime(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	var held []func()
	for range agents.MaxDecodes {
		held = append(held, agents.Decoding(2<<10))
	}
	declare := func(size int) string {
		return `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"experimental":{"` + strings.Repeat("x", size) + `":{}}},"clientInfo":{"name":"n","version":"1"}}}`
	}
	if r := post(t, srv.URL, declare(10)); r.status != http.StatusOK {
		t.Errorf("a small one: got %d, want 200", r.status)
	}
	answered := make(chan int, 1)
	go func() { answered <- post(t, srv.URL, declare(4<<10)).status }()
	select {
	case status := <-answered:
		t.Errorf("a large one beside %d others: got %d, want that it waits", agents.MaxDecodes, status)
		answered <- status
	case <-time.After(200 * time.Millisecond):
	}
	for _, done := range held {
		done()
	}
	if got := receive(t, answered); got != http.StatusOK {
		t.Errorf("once there is room: got %d, want 200", got)
	}
}
