package main_test

import (
	"bufio"
	"encoding/json"
	"io"
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

// Each session hears of what changes for its agent, and of nothing else.
func TestSurface_overStdio_changesAreTold(t *testing.T) {
	servers := testkit.Servers{"db": testkit.Fake(t, "--whole")}
	rules := func(tools string) string {
		return `{"agents":{"a":{"allow":{"servers":["db"],"tools":{"db":[` + tools + `]},"resources":{"db":["*"]}}}}}`
	}
	g := testkit.StartGateway(t, testkit.Options{
		Servers: servers.JSON(), Rules: rules(`"set_*"`), Args: []string{"--agent", "a", "--surface", "server:db"}, Env: []string{testkit.Built(t)}, Stdio: true,
	})
	lines := bufio.NewScanner(g.Stdout())
	send := func(message string) {
		t.Helper()
		if _, err := io.WriteString(g.Stdin(), message+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	next := func(want string) {
		t.Helper()
		if !lines.Scan() || !strings.Contains(lines.Text(), want) {
			t.Fatalf("got %s, want a line with %s", lines.Text(), want)
		}
	}
	inAnyOrder := func(a, b string) {
		t.Helper()
		if !lines.Scan() {
			t.Fatal("got the end of the output, want two lines more")
		}
		if strings.Contains(lines.Text(), b) {
			a, b = b, a
		}
		if !strings.Contains(lines.Text(), a) {
			t.Fatalf("got %s, want a line with %s", lines.Text(), a)
		}
		next(b)
	}
	send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}`)
	next(`"capabilities":{"tools":{"listChanged":true},"resources":{"listChanged":true}`)
	send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	send(`{"jsonrpc":"2.0","id":2,"method":"resources/list"}`)
	next(`"id":2`)
	servers["other"] = testkit.Fake(t)
	g.Apply(t, g.ServersFile, servers.JSON()) // Which is nothing to this agent.
	g.Apply(t, g.RulesFile, rules(`"set_*", "echo"`))
	next("notifications/tools/list_changed")
	send(`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"set_resources","arguments":{"tools":["note://new"]}}}`)
	inAnyOrder(`"id":3`, "notifications/resources/list_changed")
	send(`{"jsonrpc":"2.0","id":4,"method":"resources/list"}`)
	next("note://new")
	send(`{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"set_tools","arguments":{"tools":["set_more"]}}}`)
	inAnyOrder(`"id":5`, "notifications/tools/list_changed")
}
