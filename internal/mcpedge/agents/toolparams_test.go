package agents_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// verdict is the answer to a call: its HTTP status, and the code of the error
// or 0.
func verdict(t *testing.T, r response) string {
	t.Helper()
	code := 0
	if strings.Contains(r.body, `"error":{"code":`) && field(t, r.body, "error") != nil {
		code = -1
		_, _ = fmt.Sscan(fmt.Sprint(field(t, r.body, "error", "code")), &code)
	}
	return fmt.Sprint(r.status, " ", code)
}

// What can be wrong with the params of a call is said by the edge.
func TestToolCall_paramsOfAWrongType_areRefused(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	const meta = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":`
	headers := []string{"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "echo"}
	const good, bad, ambiguous = "200 0", "400 -32602", "400 -32600"
	for params, want := range map[string]string{
		`"_meta":{` + meta + `{}}`:                                                        good,
		`"_meta":{` + meta + `5}`:                                                         bad,
		`"_meta":{` + meta + `null}`:                                                      bad,
		`"_meta":{` + meta + `{"roots":5}}`:                                               bad,
		`"_meta":{` + meta + `{},"io.modelcontextprotocol/clientInfo":5}`:                 good,
		`"_meta":{` + meta + `{},"progressToken":{}}`:                                     good,
		`"inputResponses":{"a":5},"_meta":{` + meta + `{}}`:                               good,
		`"inputResponses":5,"_meta":{` + meta + `{}}`:                                     bad,
		`"inputResponses":null,"_meta":{` + meta + `{}}`:                                  good,
		`"requestState":"s","_meta":{` + meta + `{}}`:                                     good,
		`"requestState":5,"_meta":{` + meta + `{}}`:                                       bad,
		`"requestState":null,"_meta":{` + meta + `{}}`:                                    good,
		`"vendor":1,"task":{"ttl":1},"_meta":{` + meta + `{}}`:                            good,
		`"Name":"zeta","_meta":{` + meta + `{}}`:                                          ambiguous,
		`"name":"echo","_meta":{` + meta + `{}}`:                                          ambiguous,
		`"argument\u017f":{},"_meta":{` + meta + `{}}`:                                    ambiguous,
		`"_meta":{` + meta + `{},"PROGRESSTOKEN":1}`:                                      ambiguous,
		`"_meta":{` + meta + `{},"io.modelcontextprotocol/protocolVersion":"2026-07-28"}`: ambiguous,
	} {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo",%s}}`, params)
		if r := post(t, srv.URL, body, headers...); verdict(t, r) != want {
			t.Errorf("%s: got %s, want %s: %s", params, verdict(t, r), want, r.body)
		}
	}
}

// The revisions before 2026-07-28 know less, so less can be wrong.
func TestToolCall_ofOlderRevisions_paramsAreReadLeniently(t *testing.T) {
	s := dial(t, newEdge(t, newScript(), nil))
	s.initialize("2025-11-25")
	for params, want := range map[string]float64{
		`,"params":{"name":"echo"}`:                                     0,
		`,"params":{"name":"echo","arguments":[1],"inputResponses":5}`:  0,
		`,"params":{"name":"\u0065cho","_meta":null,"requestState":{}}`: 0,
		`,"params":{"name":"echo","_meta":{"progressToken":null}}`:      0,
		``:                                    -32602,
		`,"params":null`:                      -32602,
		`,"params":[]`:                        -32602,
		`,"params":{}`:                        -32602,
		`,"params":{"name":5}`:                -32602,
		`,"params":{"name":null}`:             -32602,
		`,"params":{"name":"none"}`:           -32602,
		`,"params":{"name":"echo","_meta":5}`: -32602,
		`,"params":{"name":"echo","name":"echo"}`:              -32600,
		`,"params":{"name":"echo"},"Method":"ping"`:            -32600,
		`,"params":{"name":"echo"},"result":{}`:                -32600,
		`,"params":{"name":"echo"},"error":{"code":1}`:         -32600,
		`,"params":{"name":"echo"},"result":null,"error":null`: 0,
		`,"params":{"name":"echo"},"PARAMS":{}`:                -32600,
		`,"params":{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2031-01-01","io.modelcontextprotocol/clientCapabilities":{}}}`: -32022,
	} {
		s.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call"%s}`, params)
		answer := s.next()
		got := 0.0
		if strings.Contains(answer, `"error":{"code":-`) {
			_, _ = fmt.Sscan(fmt.Sprint(field(t, answer, "error", "code")), &got)
		}
		if got != want || field(t, answer, "id") == nil {
			t.Errorf("%s: got %s, want code %v", params, answer, want)
		}
	}
}

// No answer shows how this program reads JSON.
func TestToolCall_refusals_sayItInTheWordsOfMCP(t *testing.T) {
	srv := serveHTTP(t, newEdge(t, newScript(), nil))
	for _, body := range []string{
		`{"jsonrpc":5,"id":1,"method":"tools/call"}`, `{"jsonrpc":"2.0","id":1,"method":5}`, `[`, `5`, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":5}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":[]}}`, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":[1]}}`,
	} {
		r := post(t, srv.URL, body)
		for _, word := range []string{"json:", "Go ", "struct", "unmarshal", "mcp."} {
			if r.status == http.StatusOK && !strings.Contains(r.body, `"error"`) || strings.Contains(r.body, word) {
				t.Errorf("%s: got %d %s, want an error in MCP's words", body, r.status, r.body)
			}
		}
	}
}
