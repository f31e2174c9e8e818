//go:build unix

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/testkit"
)

// claudeProgram names Claude Code's program, for those who have it: it is not ours
// to install. It needs no account, as it takes the address of a model.
const claudeProgram = "GATEHOUSE_E2E_CLAUDE"

// messages is a model in the place of Anthropic's: it keeps what it is asked and
// answers each question with the next of its contents, then with the last.
type messages struct {
	url string

	mu    sync.Mutex
	asked []string
}

// startMessages starts a model that says these things: texts, or calls of tools.
func startMessages(t *testing.T, says ...map[string]any) *messages {
	t.Helper()
	m := &messages{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/v1/messages") {
			http.NotFound(w, r)
			return
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.asked = append(m.asked, string(body))
		said := says[min(len(m.asked), len(says))-1]
		w.Header().Set("Content-Type", "text/event-stream")
		for _, event := range eventsOf(said) {
			text, _ := json.Marshal(event) // It is made of texts and numbers.
			fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event["type"], text)
		}
	}))
	t.Cleanup(s.Close)
	m.url = s.URL
	return m
}

// eventsOf are the events of a message with one block.
func eventsOf(said map[string]any) []map[string]any {
	reason := "end_turn"
	block, delta := map[string]any{"type": "text", "text": ""}, map[string]any{"type": "text_delta", "text": said["text"]}
	if said["name"] != nil {
		reason = "tool_use"
		input, _ := json.Marshal(said["input"]) // It is made of texts.
		block = map[string]any{"type": "tool_use", "id": "toolu_" + fmt.Sprint(said["id"]), "name": said["name"], "input": map[string]any{}}
		delta = map[string]any{"type": "input_json_delta", "partial_json": string(input)}
	}
	return []map[string]any{
		{"type": "message_start", "message": map[string]any{"id": "m", "type": "message", "role": "assistant", "model": "none", "content": []any{}, "usage": map[string]any{"input_tokens": 1, "output_tokens": 1}}},
		{"type": "content_block_start", "index": 0, "content_block": block},
		{"type": "content_block_delta", "index": 0, "delta": delta},
		{"type": "content_block_stop", "index": 0},
		{"type": "message_delta", "delta": map[string]any{"stop_reason": reason}, "usage": map[string]any{"output_tokens": 1}},
		{"type": "message_stop"},
	}
}

// questions returns what was asked, in order.
func (m *messages) questions() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.asked)
}

// claude runs Claude Code with a model and these servers, the content of an
// .mcp.json.
func claude(t *testing.T, m *messages, servers testkit.Servers, env ...string) string {
	t.Helper()
	program := os.Getenv(claudeProgram)
	if program == "" {
		t.Skip("skipped: " + claudeProgram + " names no Claude Code")
	}
	file := filepath.Join(t.TempDir(), "mcp.json")
	if err := os.WriteFile(file, []byte(servers.JSON()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	cmd, stderr := command(ctx, t, program, "-p", "Do your work.", "--strict-mcp-config", "--mcp-config", file, "--allowedTools", "mcp__gatehouse")
	cmd.Env = append(append(cmd.Env, "ANTHROPIC_BASE_URL="+m.url, "ANTHROPIC_API_KEY=none", "DISABLE_AUTOUPDATER=1",
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "IS_SANDBOX=1"), env...)
	cmd.Stdin = bytes.NewReader(nil)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("claude ended with %v, want it to end well: %s%s", err, out, stderr)
	}
	return string(out)
}

// loaded names the gateway's tools whose definitions a question has.
func loaded(t *testing.T, question string) (names []string) {
	t.Helper()
	var q struct{ Tools []struct{ Name string } }
	if err := json.Unmarshal([]byte(question), &q); err != nil {
		t.Fatal(err)
	}
	for _, tool := range q.Tools {
		if name, ok := strings.CutPrefix(tool.Name, "mcp__gatehouse__"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// A client that defers tools has the two at once that are all it needs: its model
// searches in the gateway, and calls, without a search of the client's.
func TestClaude_defersTools_butForTheTwoThatFindAndRun(t *testing.T) {
	for _, transport := range []string{byStdio, byAttach} {
		t.Run(transport, func(t *testing.T) { claudeUses(t, targets[transport](t)) })
	}
}

// claudeUses runs Claude Code with a gateway, and judges what its model is asked.
func claudeUses(t *testing.T, to target) {
	t.Helper()
	m := startMessages(t,
		map[string]any{"id": 1, "name": "mcp__gatehouse__search_tools", "input": map[string]any{"query": "echo"}},
		map[string]any{"id": 2, "name": "mcp__gatehouse__execute_tool", "input": map[string]any{"server": "fake", "tool": "echo", "args": map[string]any{"text": "from claude"}}},
		map[string]any{"text": "all is done"},
	)
	args := append(slices.Clone(to.command[1:]), "--agent", "agent")
	out := claude(t, m, testkit.Servers{"gatehouse": {"command": to.command[0], "args": args}})
	asked := m.questions()
	if len(asked) != 3 || !strings.Contains(out, "all is done") {
		t.Fatalf("the model was asked %d times and claude printed %q, want 3: search, call, end", len(asked), out)
	}
	if got := loaded(t, asked[0]); !slices.Equal(got, []string{"execute_tool", "search_tools"}) {
		t.Errorf("loaded are %v, want execute_tool and search_tools only", got)
	}
	for i, want := range []string{shownByCodex, `\"server\":\"fake\",\"tool\":\"echo\",\"definition\"`, "from claude"} {
		if !strings.Contains(asked[i], want) {
			t.Errorf("question %d lacks %s, want it among %s", i+1, want, asked[i])
		}
	}
	judgeEnd(t, to)
}
