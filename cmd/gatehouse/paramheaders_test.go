package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// Parameters that travel in headers do so on every surface on which the tool stands under
// a definition of its own, on the gate as an exposed one too: the client's headers must
// be what its body says, and the server gets its own.
func TestParamHeaders_onEverySurface(t *testing.T) {
	t.Parallel()
	servers, _ := onlyStateless(t)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: servers.JSON(), Args: quick,
		Rules: `{"agents": {"a": {"allow": {"servers": ["*"]}, "expose": {"*": ["region"]}}}}`,
	})
	for server := range servers {
		g.Await(t, "server ready", "server", server)
		for path, tool := range map[string]string{"/mcp": server + "__region", "/all/mcp": server + "__region", "/servers/" + server + "/mcp": "region"} {
			for _, c := range []struct {
				header string
				status int
				says   string
			}{
				{"=?base64?Z3LDtsOfZQ==?=", http.StatusOK, `"region":"größe"`},
				{"other", http.StatusBadRequest, "-32020"},
				{"", http.StatusBadRequest, "-32020"},
			} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.BaseURL(t)+path+"?agent=a", strings.NewReader(fmt.Sprintf(
					`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":{"region":"größe","deep":{"n":7}},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",`+
						`"io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`, tool)))
				if err != nil {
					t.Fatal(err)
				}
				for name, value := range map[string]string{
					"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Mcp-Protocol-Version": "2026-07-28",
					"Mcp-Method": "tools/call", "Mcp-Name": tool, "Mcp-Param-Deep-N": "7",
				} {
					req.Header.Set(name, value)
				}
				if c.header != "" {
					req.Header.Set("Mcp-Param-Region", c.header)
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != c.status || !strings.Contains(string(body), c.says) {
					t.Errorf("%s at %s with the header %q: got %d %s, want %d and %s in it", tool, path, c.header, resp.StatusCode, body, c.status, c.says)
				}
			}
		}
	}
}
