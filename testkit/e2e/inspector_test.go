//go:build unix

package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gatehouse/testkit"
)

// inspector runs "inspector --cli" with a method and gives the result that it
// prints.
func inspector(t *testing.T, to target, era string, method ...string) json.RawMessage {
	t.Helper()
	entry := testkit.Entry{"type": "http", "url": to.url}
	if to.command != nil {
		entry = testkit.Entry{"command": to.command[0], "args": to.command[1:]}
	}
	config := filepath.Join(t.TempDir(), "inspector.json")
	if err := os.WriteFile(config, []byte(testkit.Servers{"gateway": entry}.JSON()), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{
		npmFile(t, "@modelcontextprotocol", "inspector", "clients", "launcher", "build", "index.js"),
		"--cli", "--config", config, "--server", "gateway", "--protocol-era", era,
		"--format", "json", "--quiet", "--stored-auth-only", "--method",
	}
	text := output(t, node(t), append(args, method...)...)
	var v struct{ Result json.RawMessage }
	if err := json.Unmarshal(text, &v); err != nil || v.Result == nil {
		t.Fatalf("the inspector printed no result: %v: %q", err, text)
	}
	return v.Result
}

// inspect is inspector with the call of a tool of the gateway; it reads the
// structured content into v.
func inspect(t *testing.T, to target, era, tool, args string, v any) {
	t.Helper()
	result := inspector(t, to, era, "tools/call", "--tool-name", tool, "--tool-args-json", args)
	var got struct {
		StructuredContent json.RawMessage
		IsError           bool
	}
	if err := json.Unmarshal(result, &got); err != nil || got.IsError {
		t.Fatalf("%s: %v: %s, want a result", tool, err, result)
	}
	if err := json.Unmarshal(got.StructuredContent, v); err != nil {
		t.Fatalf("%s: %v: %s, want JSON", tool, err, result)
	}
}

func TestInspector_listsAndCallsTheTools(t *testing.T) {
	for _, era := range []string{"legacy", "modern"} { // The inspector's words.
		for transport, start := range targets {
			t.Run(era+" "+transport, func(t *testing.T) {
				to := start(t)
				var list struct{ Tools []struct{ Name string } }
				// With --strict a schema that models or clients are known to
				// stumble over is an error.
				if err := json.Unmarshal(inspector(t, to, era, "tools/list", "--strict"), &list); err != nil {
					t.Fatal(err)
				}
				if len(list.Tools) != 4 {
					t.Errorf("got the tools %v, want four", list.Tools)
				}
				var listed struct{ Servers []testkit.Listed }
				inspect(t, to, era, "list_servers", `{"agent_id":"agent"}`, &listed)
				if len(listed.Servers) != 1 || listed.Servers[0].Name != "fake" {
					t.Errorf("got the servers %v, want fake", listed.Servers)
				}
				var box testkit.Toolbox
				inspect(t, to, era, "get_server_tools", `{"agent_id":"agent","server":"fake","names":"echo"}`, &box)
				if names := box.Names(); len(names) != 1 || names[0] != "echo" {
					t.Errorf("got the server's tools %v, want echo", names)
				}
				var echo struct{ Text string }
				inspect(t, to, era, "execute_tool", `{"agent_id":"agent","server":"fake","tool":"echo","args":{"text":"h\u00e9llo"}}`, &echo)
				if echo.Text != "h\u00e9llo" {
					t.Errorf("the echo is %q, want %q", echo.Text, "h\u00e9llo")
				}
			})
		}
	}
}
