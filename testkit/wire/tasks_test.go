//go:build unix

package wire_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// What servers say unasked of a task reaches the client that was promised it, over all
// ways on which both speak the same revision, and under the gateway's id.
func TestTasks_whatServersSayOfThem_arrives(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	options := houseOptions(t, "--whole", "--tasks")
	web := startReady(t, options, allServers...)
	for server, revision := range map[string]string{"pipe": "2025-11-25", "web": "2025-11-25", "pipe-new": stateless, "web-new": stateless} {
		opt := options
		opt.Stdio, opt.Args = true, append(slices.Clip(opt.Args), "--surface", "server:"+server)
		newCell(t, "stdio", revision, server, overStdio(t, startReady(t, opt, server))).followsATask(t, "task-1")
		second := "task-1" // By a process of its own.
		if strings.HasPrefix(server, "web") {
			second = "task-2"
		}
		w := overHTTP(t, web)
		w.url = strings.TrimSuffix(w.url, "/mcp") + "/servers/" + url.PathEscape(server) + "/mcp"
		newCell(t, "HTTP", revision, server, w).followsATask(t, second)
	}
}

// declaringTasks has a client of 2026-07-28 declare that it follows tasks.
func declaringTasks(params string) string {
	return strings.Replace(withMeta(params), `clientCapabilities":{}`, `clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}`, 1)
}

// followsATask has a server promise a task, which it knows by that id, and complete it.
func (c *cell) followsATask(t *testing.T, theirs string) {
	t.Helper()
	defer func() { c.end() }()
	if c.revision != stateless {
		got := c.ask(t, "tasks", "tools/call", `{"name":"promise","task":{}}`)
		id := text(pick(pick(pick(got.message, "result"), "task"), "taskId"))
		c.hears(t, "tasks", got.notes, "notifications/tasks/status", `"taskId":"`+id+`"`, `"status":"working"`, "gh-")
		c.settles(t, "notifications/tasks/status", id, theirs)
		return
	}
	message := []byte(`{"jsonrpc":"2.0","id":"promise","method":"tools/call","params":` + declaringTasks(`{"name":"promise"}`) + `}`)
	got, err := c.over.send(t.Context(), message, `"promise"`, c.header("tools/call", "promise"))
	id := text(pick(pick(got.message, "result"), "taskId"))
	if err != nil || !strings.HasPrefix(id, "gh-") {
		t.Fatalf("%s: got %s %v, want a task", c, got.message, err)
	}
	listen := `{"jsonrpc":"2.0","id":"listen","method":"subscriptions/listen","params":` + declaringTasks(`{"notifications":{"taskIds":["`+id+`","gh-NONE"]}}`) + `}`
	if w, overHTTP := c.over.(*httpWire); overHTTP {
		c.listen(t, w, "POST", listen, c.header("subscriptions/listen", ""))
	} else if _, err := c.over.send(t.Context(), []byte(listen), "", nil); err != nil {
		t.Fatal(err)
	}
	c.hears(t, "tasks", nil, "notifications/subscriptions/acknowledged", `"taskIds":["`+id+`"]`)
	c.settles(t, "notifications/tasks", id, theirs)
}

// settles has the server say that a task is completed, which it knows by another id.
func (c *cell) settles(t *testing.T, method, id, theirs string) {
	t.Helper()
	got := c.ask(t, "tasks", "tools/call", `{"name":"settle","arguments":{"name":"`+theirs+`"}}`)
	c.hears(t, "tasks", got.notes, method, `"taskId":"`+id+`"`, `"status":"completed"`)
}
