//go:build unix

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
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

// follower is a client of 2026-07-28 that follows tasks, at one server.
type follower struct{ url string }

// ask sends a request and returns what its answer has as result and as error.
func (f follower) ask(t *testing.T, method, params string) (result, failure map[string]any) {
	t.Helper()
	var named struct{ Name, TaskID string }
	if err := json.Unmarshal([]byte(params), &named); err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",`+
		`"io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"},"io.modelcontextprotocol/clientCapabilities":%s}}}`,
		method, strings.TrimSuffix(params, "}"), taskCaller)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Mcp-Protocol-Version": stateless,
		"Mcp-Method": method, "Mcp-Name": named.Name + named.TaskID,
	} {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Result, Error map[string]any }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%s: status %d: %v, want JSON", method, resp.StatusCode, err)
	}
	return answer.Result, answer.Error
}

// On the surface of its server a task is followed, asks for a word and gets it; other
// agents find none; it ends with its server.
func TestTasks_onTheSurfaceOfTheServer(t *testing.T) {
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"tasks": testkit.Entry{"command": node(t), "args": []string{testdata(t, "tasks", "server.mjs")}}}.JSON(),
		Rules:   `{"agents":{"agent":{"allow":{"servers":["*"]}},"other":{"allow":{"servers":["*"]}}}}`,
		Env:     []string{testkit.Built(t)},
	})
	g.Await(t, "server ready", "server", "tasks")
	agent, other := follower{g.BaseURL(t) + "/servers/tasks/mcp?agent=agent"}, follower{g.BaseURL(t) + "/servers/tasks/mcp?agent=other"}
	task, failure := agent.ask(t, "tools/call", `{"name":"report"}`)
	id, _ := task["taskId"].(string)
	if !strings.HasPrefix(id, "gh-") || task["resultType"] != "task" {
		t.Fatalf("got %v %v, want a task under an id of the gateway's", task, failure)
	}
	about := fmt.Sprintf(`{"taskId":%q}`, id)
	if got, failure := agent.ask(t, "tasks/get", about); got["status"] != "input_required" || got["inputRequests"] == nil {
		t.Errorf("got %v %v, want a question", got, failure)
	}
	if got, failure := other.ask(t, "tasks/get", about); failure["code"] != -32602.0 {
		t.Errorf("another agent got %v %v, want that there is no such task", got, failure)
	}
	if got, failure := agent.ask(t, "tasks/update", fmt.Sprintf(`{"taskId":%q,"inputResponses":{"word":{"action":"accept","content":{"word":"gate"}}}}`, id)); got["resultType"] != "complete" {
		t.Errorf("got %v %v, want an acknowledgement", got, failure)
	}
	if got, failure := agent.ask(t, "tasks/get", about); got["status"] != "completed" || !strings.Contains(fmt.Sprint(got["result"]), "the word is gate") {
		t.Errorf("got %v %v, want the result", got, failure)
	}
	agent.ask(t, "tools/call", `{"name":"die"}`)
	if got, failure := agent.ask(t, "tasks/get", about); got["status"] != "failed" || !strings.Contains(fmt.Sprint(got["error"]), "SERVER_CRASHED") {
		t.Errorf("after the death of its server: got %v %v, want failed with SERVER_CRASHED", got, failure)
	}
}

// The official server and client of 2025-11-25 follow tasks through the gateway.
func TestTasks_of20251125_officialServerAndClient(t *testing.T) {
	g, _ := start(t, "everything", testkit.Entry{"command": npmServer(t, "everything"), "args": []string{"stdio"}})
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	cmd, stderr := command(ctx, t, node(t), testdata(t, "clients", "tasks1.mjs"), g.BaseURL(t)+"/servers/everything/mcp?agent=agent")
	out, err := cmd.Output()
	var heard struct {
		ID, Text, Error, Cancelled string
		States, Listed             []string
	}
	if err != nil || json.Unmarshal(out, &heard) != nil {
		t.Fatalf("got %s %v %s, want what it heard", out, err, stderr)
	}
	if !strings.HasPrefix(heard.ID, "gh-") || !strings.Contains(heard.Text, "gates") || heard.Error != "" || heard.Cancelled != "cancelled" {
		t.Errorf("got %s, want a task that ends with a text about gates, and one that was cancelled", out)
	}
	if !slices.Contains(heard.States, "working") || !slices.Equal(heard.Listed, []string{heard.ID}) {
		t.Errorf("got %s, want that it worked, and that it is listed", out)
	}
}
