//go:build unix

package e2e_test

import (
	"context"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// taskCaller declares that it can follow tasks.
const taskCaller = `{"extensions":{"io.modelcontextprotocol/tasks":{}}}`

// Asked without a gateway, by a caller that declares tasks, the server answers
// with one.
func TestTasks_theServerAnswersWithATaskIfItMay(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	cmd, stderr := command(ctx, t, node(t), testdata(t, "tasks", "server.mjs"))
	cmd.Stdin = strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"report","arguments":{},"_meta":{` +
		`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"},` +
		`"io.modelcontextprotocol/clientCapabilities":` + taskCaller + `}}}` + "\n")
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), `"resultType":"task"`) {
		t.Errorf("got %s %v %s, want a task", out, err, stderr)
	}
}

// A server that would answer with a task answers with its result, as the gateway
// does not pass on what it can't serve; one that answers with a task all the
// same does not lose it in silence.
func TestTasks_serverOnTheOfficialSDK(t *testing.T) {
	g, _ := start(t, "tasks", testkit.Entry{"command": node(t), "args": []string{testdata(t, "tasks", "server.mjs")}})
	if got := status(t, g)["tasks"].Protocol; got != stateless {
		t.Errorf("the server speaks %s, want %s", got, stateless)
	}
	for who, caller := range map[string]testkit.Caller{
		"declares tasks":      g.RawStateless(t, taskCaller),
		"declares nothing":    g.RawStateless(t, ""),
		"is of 2025-11-25":    g.Raw(t),
		"is mcp-go's, newest": g.HTTPClient(t),
	} {
		a := testkit.Agent{ID: "agent", Caller: caller}
		if got := a.Execute(t, "tasks", "report", nil).Good(t); got.Text != "the report itself" {
			t.Errorf("who %s: got %q, want the result itself", who, got.Text)
		}
		failure := a.Execute(t, "tasks", "stubborn", nil).Failed(t, "SERVER_ERROR")
		for _, want := range []string{"task", `"task-7"`, "may still be running"} {
			if !strings.Contains(failure.Message, want) {
				t.Errorf("who %s: got %q, want it to say %q", who, failure.Message, want)
			}
		}
		if failure.MayHaveRun == nil || !*failure.MayHaveRun {
			t.Errorf("who %s: got may_have_run %v, want true", who, failure.MayHaveRun)
		}
	}
}
