package agents_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// What a definition has travel in a header must be there, and be what the body says:
// whoever stands before the gateway may have decided by it.
func TestParamHeaders_mustBeWhatTheBodySays(t *testing.T) {
	base := serveSurfaces(t)
	for _, c := range []struct {
		tool, header string
		status       int
	}{
		{"region", "Hello", http.StatusOK},
		{"region", "=?base64?SGVsbG8=?=", http.StatusOK},
		{"region", "Other", http.StatusBadRequest},
		{"region", "=?base64?SGVs!!!bG8=?=", http.StatusBadRequest},
		{"region", "", http.StatusBadRequest},
		{"plain", "Other", http.StatusOK},
	} {
		for _, odd := range []string{"", `"x":1,`} { // Once read in one scan, once not.
			headers := []string{"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", c.tool}
			if c.header != "" {
				headers = append(headers, "Mcp-Param-Region", c.header)
			}
			body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{%s"name":%q,"arguments":{"region":"Hello"},"_meta":{`+
				`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`, odd, c.tool)
			got := post(t, base+"/s/one", body, headers...)
			if got.status != c.status || (c.status == http.StatusBadRequest) != strings.Contains(got.body, "-32020") {
				t.Errorf("%s with %q: got %d %s, want %d", c.tool, c.header, got.status, got.body, c.status)
			}
		}
	}
}

// Of two headers, or two parameters, of one name nobody knows which counts.
func TestParamHeaders_mustComeOnce(t *testing.T) {
	base := serveSurfaces(t)
	for _, c := range []struct {
		name    string
		args    string
		headers []string
		status  int
	}{
		{"both once", `{"region":"Hello"}`, []string{"Hello"}, http.StatusOK},
		{"another header beside it", `{"region":"Hello"}`, []string{"Hello", "Other"}, http.StatusBadRequest},
		{"the same header twice", `{"region":"Hello"}`, []string{"Hello", "Hello"}, http.StatusBadRequest},
		{"another parameter before it", `{"region":"Other","region":"Hello"}`, []string{"Hello"}, http.StatusBadRequest},
		{"one that is written in another way", `{"region":"Hello","r\u0065gion":"Hello"}`, []string{"Hello"}, http.StatusBadRequest},
		{"an inner one of its name", `{"a":{"region":"Other"},"region":"Hello"}`, []string{"Hello"}, http.StatusOK},
	} {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"region","arguments":%s,"_meta":{`+
			`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`, c.args)
		req := request(t.Context(), http.MethodPost, base+"/s/one", body, "Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "region")
		req.Header["Mcp-Param-Region"] = c.headers
		got := do(t, req)
		if refused := strings.Contains(got.body, "-32020") && strings.Contains(got.body, "once"); got.status != c.status || refused != (c.status != http.StatusOK) {
			t.Errorf("%s: got %d %s, want %d", c.name, got.status, got.body, c.status)
		}
	}
}
