package main_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// The same call means the same at the gate and at the server's own address, and
// both are in the audit log.
func TestSurface_oneServer_isWhatTheRulesGiveTheAgent(t *testing.T) {
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"my db": testkit.Fake(t), "other": testkit.Fake(t)}.JSON(),
		Rules:   `{"agents":{"a":{"allow":{"servers":["my db"],"tools":{"my db":["echo","sleep"]}}},"b":{"allow":{"servers":["other"]}}},"defaults":{"deny_on_missing_agent":true}}`,
		Env:     []string{testkit.Built(t)},
	})
	url := g.BaseURL(t) + "/servers/my%20db/mcp"
	raw := testkit.NewRaw(t, url+"?agent=a", "")
	raw.URL = url // The session knows its agent.
	reply, err := raw.Request(t.Context(), "tools/list", nil)
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Result struct{ Tools []struct{ Name string } }
	}
	if err := json.Unmarshal(reply.Message, &list); err != nil || len(list.Result.Tools) != 2 {
		t.Errorf("got %s (%v), want the two tools that the agent may use", reply.Message, err)
	}
	if r, err := raw.CallTool(t.Context(), "echo", map[string]any{"text": "hi"}); err != nil || r.IsError {
		t.Errorf("got %+v %v, want a result", r, err)
	}
	if r, err := raw.CallTool(t.Context(), "crash", nil); err != nil || !r.IsError || !strings.Contains(string(r.Raw), "DENIED_BY_POLICY") {
		t.Errorf("got %+v %v, want a refusal", r, err)
	}
	for _, path := range []string{"/servers/my%20db/mcp?agent=b", "/servers/other/mcp?agent=a", "/servers/none/mcp?agent=a", "/servers/other/mcp"} {
		resp, err := http.Post(g.BaseURL(t)+path, "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, resp.StatusCode)
		}
	}
}
