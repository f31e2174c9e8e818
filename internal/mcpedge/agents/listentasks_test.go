package agents_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/mcpedge/agents"
)

func (place) Follow(context.Context, agents.Caller, []string) []string { return nil }

// FollowTasks has each client have the task gh-1.
func (place) FollowTasks(_ context.Context, c agents.Caller, ids []string) []string {
	if !slices.Contains(ids, "gh-1") {
		return nil
	}
	c.Inbox.Put("notifications/tasks", json.RawMessage(`{"taskId":"gh-1","_meta":{"io.modelcontextprotocol/subscriptionId":7}}`))
	return []string{"gh-1"}
}

func TestListen_toTasks_isForClientsThatFollowTasks(t *testing.T) {
	edge := newEdge(t, newScript(), nil)
	url := serveAt(t, edge, place{"one", &marks{now: seen(1, 1, 1, 1)}}) + "/s/one"
	const asked = `{"notifications":{"taskIds":["gh-1","gh-2",3]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"new","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}}`
	ask := func(params string) *http.Request {
		return request(t.Context(), http.MethodPost, url, `{"jsonrpc":"2.0","id":"s-1","method":"subscriptions/listen","params":`+params+`}`,
			"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen")
	}
	stream := events(t, ask(asked))
	const meta = `"_meta":{"io.modelcontextprotocol/subscriptionId":"s-1"}`
	for _, want := range []string{
		`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"taskIds":["gh-1"]},` + meta + `}}`,
		`{"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":"gh-1",` + meta + `}}`,
	} {
		if got := receive(t, stream); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	resp, err := (&http.Client{Transport: plainTransport}).Do(ask(strings.Replace(asked, `"extensions":{"io.modelcontextprotocol/tasks":{}}`, "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Error struct {
			Code int
			Data struct {
				RequiredCapabilities struct{ Extensions map[string]any }
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusBadRequest || answer.Error.Code != -32021 ||
		answer.Error.Data.RequiredCapabilities.Extensions["io.modelcontextprotocol/tasks"] == nil {
		t.Errorf("a client that does not declare tasks: got %d %+v %v, want 400, -32021 and what it must declare", resp.StatusCode, answer, err)
	}
}
