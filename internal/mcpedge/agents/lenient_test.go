package agents_test

import (
	"net/http"
	"strings"
	"testing"
)

// What real clients write that is odd and does no harm.
func TestLenient_oddButHarmless_isTaken(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	for name, body := range map[string]string{
		"a byte order mark":           "\ufeff" + `{"jsonrpc":"2.0","id":1,"method":"ping"}`,
		"one before a call":           "\ufeff" + call("1", "echo", `{}`),
		"one before a batch":          "\ufeff" + `[{"jsonrpc":"2.0","id":1,"method":"ping"}]`,
		"lines of blanks around it":   "\r\n  \n" + call("1", "echo", `{}`) + "\n\n",
		"capabilities as a list":      `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":[],"clientInfo":{"name":"x","version":"1"}}}`,
		"capabilities missing":        `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":{"name":"x","version":"1"}}}`,
		"capabilities of a wrong one": `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":true},"clientInfo":{"name":"x","version":"1"}}}`,
		"a numeric client version":    `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":1.0}}}`,
		"no client":                   `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":null}}`,
		"a numeric revision":          `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":20251125,"capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`,
		"params as an empty list":     `{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}`,
		"_meta as an empty list":      `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":[]}}`,
		"_meta of a call likewise":    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":[ ]}}`,
	} {
		if r := post(t, srv.URL, body); r.status != http.StatusOK || !strings.Contains(r.body, `"result"`) {
			t.Errorf("%s: got %d %s, want a result", name, r.status, r.body)
		}
	}
	newest := []string{"Mcp-Protocol-Version", "2026-07-28", "Mcp-Name", "echo", "Mcp-Method"}
	for method, body := range map[string]string{
		"tools/call": strings.Replace(statelessCall("1", "echo", `{}`), `clientCapabilities":{}`, `clientCapabilities":[]`, 1),
		"server/discover": `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
			`"io.modelcontextprotocol/clientCapabilities":[]}}}`,
	} {
		if r := post(t, srv.URL, body, append(newest, method)...); r.status != http.StatusOK || !strings.Contains(r.body, `"result"`) {
			t.Errorf("%s with capabilities as a list: got %d %s, want a result", method, r.status, r.body)
		}
	}
}

func TestLenient_versionOfAClient_isKnownThoughItIsANumber(t *testing.T) {
	s := dial(t, newEdge(t, newScript(), nil))
	s.send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":[],"clientInfo":{"name":"x","version":1.0}}}`)
	s.next()
	s.send("%s", call("2", "echo", `{}`))
	if got := field(t, s.next(), "result", "structuredContent", "caller", "Client"); got != "x/1.0" {
		t.Errorf("got the client %v, want x/1.0", got)
	}
}

func TestLenient_blankLinesAndAMark_overStdio(t *testing.T) {
	s := dial(t, newEdge(t, newScript(), nil))
	s.send("\ufeff%s", `{"jsonrpc":"2.0","id":1,"method":"ping"}`)
	s.send("")
	s.send(" \t \r")
	s.send("%s", `{"jsonrpc":"2.0","id":2,"method":"ping"}`)
	for _, want := range []string{`{"jsonrpc":"2.0","id":1,"result":{}}`, `{"jsonrpc":"2.0","id":2,"result":{}}`} {
		if got := s.next(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// What cannot be taken is refused in words of MCP, under the request's id.
func TestLenient_paramsThatNobodyCanRead_areRefusedInWordsOfMCP(t *testing.T) {
	s := dial(t, newEdge(t, newScript(), nil))
	for _, request := range []string{
		`"method":"initialize","params":5`, `"method":"initialize","params":"x"`, `"method":"tools/list","params":{"cursor":5}`,
		`"method":"tools/list","params":[1]`, `"method":"server/discover","params":true`,
	} {
		s.send(`{"jsonrpc":"2.0","id":"mine",%s}`, request)
		answer := s.next()
		if got := field(t, answer, "id"); got != "mine" {
			t.Errorf("%s: got the id %v, want mine", request, got)
		}
		for _, word := range []string{"json:", "Go ", "struct", "unmarshal", "mcp."} {
			if strings.Contains(answer, word) {
				t.Errorf("%s: got %s, want no word of Go", request, answer)
			}
		}
	}
}

// Who reaches the gateway by a name of their own is told what to do.
func TestHandler_foreignHost_namesTheFlag(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	r := post(t, srv.URL, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "Host", "host.docker.internal:8000")
	if want := "--public-url http://host.docker.internal:8000"; r.status != http.StatusForbidden || !strings.Contains(r.body, want) {
		t.Errorf("got %d %q, want 403 that names %s", r.status, r.body, want)
	}
}
