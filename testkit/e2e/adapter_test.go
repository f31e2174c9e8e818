//go:build unix

package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// adapt puts an adapter before a gateway: a call of a tool that the gateway does
// not show becomes an execute_tool of the server "conformance". Answers pass
// untouched. It gives the adapter's address.
func adapt(t *testing.T, gateway string) string {
	t.Helper()
	to, err := url.Parse(gateway)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to) },
		FlushInterval: -1, // Progress must not wait for the answer.
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if adapted, ok := executeTool(body); ok {
			body = adapted
			if r.Header.Get("Mcp-Name") != "" {
				r.Header.Set("Mcp-Name", "execute_tool")
			}
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// executeTool turns a call of a tool of the suite into one of execute_tool. All
// else of the message stays, and other messages stay as they are.
func executeTool(body []byte) ([]byte, bool) {
	var message struct {
		JSONRPC string                     `json:"jsonrpc"`
		ID      json.RawMessage            `json:"id"`
		Method  string                     `json:"method"`
		Params  map[string]json.RawMessage `json:"params"`
	}
	var name string
	if json.Unmarshal(body, &message) != nil || message.Method != "tools/call" ||
		json.Unmarshal(message.Params["name"], &name) != nil || !strings.HasPrefix(name, "test_") {
		return nil, false
	}
	arguments := map[string]any{"server": "conformance", "tool": name}
	if args := message.Params["arguments"]; args != nil {
		arguments["args"] = args
	}
	message.Params["name"] = json.RawMessage(`"execute_tool"`)
	message.Params["arguments"], _ = json.Marshal(arguments) // It was JSON a moment ago.
	out, err := json.Marshal(message)
	return out, err == nil
}
