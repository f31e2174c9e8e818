package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// Whoever comes to another address, or with a browser, is told where MCP is.
func TestHTTP_otherAddresses_sayWhereMCPIs(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	base := g.BaseURL(t)
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	const ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	for _, c := range []struct {
		method, path, accept, body string
		status                     int
		kind, says                 string
	}{
		{"POST", "/mcp", "application/json, text/event-stream", ping, 200, "application/json", `"result":{}`},
		{"POST", "/mcp/", "application/json, text/event-stream", ping, 200, "application/json", `"result":{}`},
		{"POST", "/", "application/json", ping, 404, "text/plain", "MCP is at /mcp"},
		{"POST", "/sse", "*/*", ping, 404, "text/plain", "MCP is at /mcp"},
		{"POST", "/mcp/x", "*/*", ping, 404, "text/plain", "MCP is at /mcp"},
		{"GET", "/", "*/*", "", 404, "text/plain", "MCP is at /mcp"},
		{"GET", "/nowhere", browser, "", 404, "text/plain", "MCP is at /mcp"},
		{"GET", "/", browser, "", 200, "text/html", base + "/mcp"},
		{"GET", "/mcp", browser, "", 200, "text/html", base + "/mcp"},
		{"GET", "/mcp/", browser, "", 200, "text/html", base + "/mcp"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, base+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", c.accept)
		if c.body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || !strings.HasPrefix(resp.Header.Get("Content-Type"), c.kind) || !strings.Contains(string(body), c.says) {
			t.Errorf("%s %s, Accept %s: got %d %s %q, %v; want %d %s %q", c.method, c.path, c.accept,
				resp.StatusCode, resp.Header.Get("Content-Type"), body, err, c.status, c.kind, c.says)
		}
		if c.kind == "text/plain" && strings.Count(string(body), "\n") != 1 {
			t.Errorf("%s %s: got %q, want one line", c.method, c.path, body)
		}
	}
}

func TestHTTP_foreignHost_isToldOfPublicURL(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	for _, path := range []string{"/mcp", "/"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.BaseURL(t)+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "host.docker.internal:8000"
		req.Header.Set("Accept", "text/html")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(string(body), "--public-url http://host.docker.internal:8000") {
			t.Errorf("%s: got %d %q, want 403 that names --public-url http://host.docker.internal:8000", path, resp.StatusCode, body)
		}
	}
}
