//go:build unix

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/testkit"
	"gatehouse/testkit/tokens"
)

// deferring is a model for which Codex does not load the tools of MCP servers: it
// shows their names, and the model searches.
const deferring = "gpt-5.5"

// useGateway is a model that searches for tools, then calls the gateway, then
// has done its work.
func useGateway(q question) map[string]any {
	switch {
	case q.has("function_call_output"):
		return map[string]any{"type": "message", "role": "assistant", "id": "m", "content": []any{map[string]any{"type": "output_text", "text": "all is done"}}}
	case q.has("tool_search_output") || !q.searches():
		return map[string]any{
			"type": "function_call", "id": "f", "call_id": "call", "namespace": "mcp__gatehouse", "name": "execute_tool",
			"arguments": `{"server":"fake","tool":"echo","args":{"text":"from codex"}}`,
		}
	default:
		return map[string]any{
			"type": "tool_search_call", "id": "s", "call_id": "search", "execution": "client",
			"arguments": map[string]any{"query": "run a tool of another server"},
		}
	}
}

// searches reports whether the model is given a search in the place of tools.
func (q question) searches() bool {
	for _, tool := range q.Tools {
		if tool.Type == "tool_search" {
			return true
		}
	}
	return false
}

// codex runs Codex with a model and a gateway, and returns what it prints.
func codex(t *testing.T, m *model, name string, to target) string {
	t.Helper()
	entry := fmt.Sprintf("url = %q\n", to.url)
	if to.command != nil {
		args, err := json.Marshal(append(to.command[1:], "--agent", "agent"))
		if err != nil {
			t.Fatal(err)
		}
		entry = fmt.Sprintf("command = %q\nargs = %s\n", to.command[0], args)
	}
	return runCodex(t, m, name, "[mcp_servers.gatehouse]\ndefault_tools_approval_mode = \"approve\"\n"+entry)
}

// runCodex runs Codex with a model and servers, and returns what it prints.
func runCodex(t *testing.T, m *model, name, servers string) string {
	t.Helper()
	home := t.TempDir()
	config := fmt.Sprintf(`model = %q
model_provider = "fake"
check_for_update_on_startup = false
[model_providers.fake]
name = "fake"
base_url = %q
wire_api = "responses"
%s`, name, m.URL, servers)
	if err := os.WriteFile(filepath.Join(home, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	cmd, stderr := command(ctx, t, node(t), npmFile(t, ".bin", "codex"), "exec", "--skip-git-repo-check", "Do your work.")
	cmd.Env = append(cmd.Env, "CODEX_HOME="+home)
	cmd.Stdin = bytes.NewReader(nil)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("codex ended with %v, want it to end well: %s%s", err, out, stderr)
	}
	return string(out)
}

// shownByCodex is the beginning of the instructions as Codex puts it before the
// model.
const shownByCodex = "gatehouse has the tools of other MCP servers"

// A client that defers tools shows its model what the gateway says of itself,
// before any search; the model finds the tools and uses them.
func TestCodex_defersTools_andStillShowsWhatTheGatewayIs(t *testing.T) {
	for transport, start := range targets {
		t.Run(transport, func(t *testing.T) {
			to := start(t)
			m := startModel(t, useGateway)
			if out := codex(t, m, deferring, to); !strings.Contains(out, "all is done") {
				t.Errorf("codex printed %q, want what the model said at last", out)
			}
			asked := m.questions()
			if len(asked) != 3 {
				t.Fatalf("the model was asked %d times, want 3: search, call, end", len(asked))
			}
			if !asked[0].searches() {
				t.Fatalf("codex loads all tools for %s, want it to defer them", deferring)
			}
			judgeDeferred(t, asked[0], transport != byHTTP)
			judgeFound(t, asked[1])
			if !strings.Contains(asked[2].whole, "from codex") {
				t.Errorf("the last question lacks the tool's answer, want it among %s", asked[2].whole)
			}
			judgeEnd(t, to)
		})
	}
}

// judgeDeferred checks what stands before the model when no tool is loaded.
func judgeDeferred(t *testing.T, q question, pinned bool) {
	t.Helper()
	shown := ""
	for _, item := range q.Input {
		var parts []struct{ Text string }
		if json.Unmarshal(item.Content, &parts) != nil {
			continue
		}
		for _, part := range parts {
			if i := strings.Index(part.Text, shownByCodex); i >= 0 {
				shown, _, _ = strings.Cut(part.Text[i:], "\n")
			}
		}
	}
	t.Logf("before the model without a tool loaded: %d tokens: %s", tokens.Count(t, shown), shown)
	want := []string{shownByCodex, "search_tools", "execute_tool"}
	if pinned {
		want = append(want, "(fake)") // The server that this agent may use.
	}
	for _, w := range want {
		if !strings.Contains(shown, w) {
			t.Errorf("codex shows the model %q, want %q in it", shown, w)
		}
	}
	for _, tool := range q.Tools {
		if tool.Name == "mcp__gatehouse" {
			t.Errorf("codex loads the tools %v, want them deferred", tool.Tools)
		}
	}
}

// judgeFound checks that the model's search found the tools.
func judgeFound(t *testing.T, q question) {
	t.Helper()
	var found []string
	for _, item := range q.Input {
		for _, space := range item.Tools {
			for _, tool := range space.Tools {
				found = append(found, space.Name+"."+tool.Name)
			}
		}
	}
	if !strings.Contains(strings.Join(found, " "), "mcp__gatehouse.execute_tool") {
		t.Errorf("the search found %v, want execute_tool among them", found)
	}
}
