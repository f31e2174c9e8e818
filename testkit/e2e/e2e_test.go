//go:build unix

// Package e2e runs the assembled gateway, as "make build" makes it, before
// real MCP servers and behind real MCP clients, and has the official
// conformance suite judge it. "make e2e" installs what comes from npm; without
// it or without Node.js the tests are skipped, unless GATEHOUSE_E2E=must says
// that they have to run.
package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.RunBuilt(m)) }

// start runs the gateway before one server, which everybody called "agent" may
// use, and gives it with a client. Its calls wait for a real server that starts again on a
// busy machine.
func start(t *testing.T, name string, entry testkit.Entry) (*testkit.Gateway, testkit.Client) {
	t.Helper()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{name: entry.Settings("restart_wait_ms", testkit.Patience.Milliseconds())}.JSON(),
		Rules:   testkit.AllowAll("agent"),
		Env:     []string{testkit.Built(t)},
	})
	g.Await(t, "server ready", "server", name)
	return g, g.HTTPClient(t)
}

// call runs one tool of a server by execute_tool; no error of any kind may
// come back.
func call(t *testing.T, c testkit.Client, server, tool string, args any) *mcp.CallToolResult {
	t.Helper()
	res := try(t, c, server, tool, args)
	if res.IsError {
		t.Fatalf("%s.%s failed: %s, want a result", server, tool, text(res))
	}
	return res
}

func try(t *testing.T, c testkit.Client, server, tool string, args any) *mcp.CallToolResult {
	t.Helper()
	req := mcp.CallToolRequest{}
	req.Params.Name = "execute_tool"
	req.Params.Arguments = map[string]any{"agent_id": "agent", "server": server, "tool": tool, "args": args}
	res, err := c.Client.CallTool(t.Context(), req)
	if err != nil {
		t.Fatalf("%s.%s: %v", server, tool, err)
	}
	return res
}

// text joins the text blocks of a result.
func text(res *mcp.CallToolResult) string {
	var parts []string
	for _, c := range res.Content {
		if block, ok := mcp.AsTextContent(c); ok {
			parts = append(parts, block.Text)
		}
	}
	return strings.Join(parts, "\n")
}

// mustContain fails the test unless the text of a result contains all these.
func mustContain(t *testing.T, res *mcp.CallToolResult, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text(res), w) {
			t.Errorf("got %q, want it to contain %q", text(res), w)
		}
	}
}

// hasTools fails the test unless get_server_tools lists at least these, each
// with a schema.
func hasTools(t *testing.T, c testkit.Client, server string, want ...string) {
	t.Helper()
	box := testkit.Agent{ID: "agent", Caller: c}.Tools(t, server)
	for _, w := range want {
		if !slices.Contains(box.Names(), w) {
			t.Errorf("%s lists %v, want %s among them", server, box.Names(), w)
		}
	}
	for _, raw := range box.Tools {
		var v struct{ InputSchema struct{ Type string } }
		if err := json.Unmarshal(raw, &v); err != nil || v.InputSchema.Type != "object" {
			t.Errorf("%s: a definition without an object schema: %s", server, raw)
		}
	}
}

func TestEverything_allKindsOfResults(t *testing.T) {
	_, c := start(t, "everything", testkit.Entry{"command": npmServer(t, "everything"), "args": []string{"stdio"}})
	hasTools(t, c, "everything", "echo", "get-sum", "get-structured-content", "get-tiny-image", "trigger-long-running-operation")

	t.Run("text", func(t *testing.T) {
		mustContain(t, call(t, c, "everything", "echo", map[string]any{"message": "h\u00e9llo \u2603"}), "h\u00e9llo \u2603")
		mustContain(t, call(t, c, "everything", "get-sum", map[string]any{"a": 2, "b": 40}), "42")
	})
	t.Run("structured content beside its text", func(t *testing.T) {
		res := call(t, c, "everything", "get-structured-content", map[string]any{"location": "Chicago"})
		m, ok := res.StructuredContent.(map[string]any)
		if !ok || m["temperature"] == nil || len(res.Content) == 0 {
			t.Errorf("got %v and %d blocks, want structured content with a temperature, and text", res.StructuredContent, len(res.Content))
		}
	})
	t.Run("an image", func(t *testing.T) {
		res := call(t, c, "everything", "get-tiny-image", map[string]any{})
		i := slices.IndexFunc(res.Content, func(c mcp.Content) bool { _, ok := mcp.AsImageContent(c); return ok })
		if i < 0 {
			t.Fatalf("got %v, want an image among them", res.Content)
		}
		image, _ := mcp.AsImageContent(res.Content[i])
		png, err := base64.StdEncoding.DecodeString(image.Data)
		if err != nil || !strings.HasPrefix(string(png), "\x89PNG") {
			t.Errorf("the image did not arrive whole: %v", err)
		}
	})
	t.Run("links to resources", func(t *testing.T) {
		res := call(t, c, "everything", "get-resource-links", map[string]any{"count": 3})
		links := 0
		for _, block := range res.Content {
			if _, ok := block.(mcp.ResourceLink); ok {
				links++
			}
		}
		if links != 3 {
			t.Errorf("got %d links, want 3", links)
		}
	})
	t.Run("the tool's own error", func(t *testing.T) {
		res := try(t, c, "everything", "get-structured-content", map[string]any{"location": "Atlantis"})
		if !res.IsError {
			t.Errorf("got %s, want an error", text(res))
		}
	})
	t.Run("progress", func(t *testing.T) { progress(t, c) })
}

// progress calls a tool that takes a while and looks for its notifications.
func progress(t *testing.T, c testkit.Client) {
	heard := make(chan mcp.JSONRPCNotification, 64)
	c.OnNotification(func(n mcp.JSONRPCNotification) {
		if n.Method == "notifications/progress" {
			heard <- n
		}
	})
	req := mcp.CallToolRequest{}
	req.Params.Name = "execute_tool"
	req.Params.Arguments = map[string]any{
		"agent_id": "agent", "server": "everything", "tool": "trigger-long-running-operation",
		"args": map[string]any{"duration": 1, "steps": 4},
	}
	req.Params.Meta = &mcp.Meta{ProgressToken: "mine"}
	res, err := c.Client.CallTool(t.Context(), req)
	if err != nil || res.IsError {
		t.Fatalf("got %v, %v, want a result", res, err)
	}
	for i := range 4 {
		n := <-heard
		if n.Params.AdditionalFields["progressToken"] != "mine" {
			t.Errorf("notification %d has the token %v, want the caller's own", i, n.Params.AdditionalFields["progressToken"])
		}
	}
}

func TestFilesystem_writesAndReads(t *testing.T) {
	command := npmServer(t, "filesystem")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	_, c := start(t, "files", testkit.Entry{"command": command, "args": []string{dir}})
	hasTools(t, c, "files", "read_text_file", "write_file", "list_directory")

	path := filepath.Join(dir, "note.txt")
	content := "first line\nzweite Zeile: \u00e4\u00f6\u00fc\n"
	call(t, c, "files", "write_file", map[string]any{"path": path, "content": content})
	if got, err := os.ReadFile(path); err != nil || string(got) != content {
		t.Errorf("the file holds %q, %v, want %q", got, err, content)
	}
	mustContain(t, call(t, c, "files", "read_text_file", map[string]any{"path": path}), content)
	mustContain(t, call(t, c, "files", "list_directory", map[string]any{"path": dir}), "note.txt")

	outside := try(t, c, "files", "read_text_file", map[string]any{"path": "/etc/passwd"})
	if !outside.IsError {
		t.Errorf("the server must not give away %q", text(outside))
	}
}

func TestMemory_remembersOverARestart(t *testing.T) {
	command := npmServer(t, "memory")
	file := filepath.Join(t.TempDir(), "memory.jsonl")
	g, c := start(t, "memory", testkit.Entry{"command": command, "env": map[string]string{"MEMORY_FILE_PATH": file}})
	hasTools(t, c, "memory", "create_entities", "create_relations", "search_nodes", "read_graph")

	call(t, c, "memory", "create_entities", map[string]any{"entities": []map[string]any{
		{"name": "Ada", "entityType": "person", "observations": []string{"wrote the first program"}},
		{"name": "Analytical Engine", "entityType": "machine", "observations": []string{}},
	}})
	call(t, c, "memory", "create_relations", map[string]any{"relations": []map[string]any{
		{"from": "Ada", "to": "Analytical Engine", "relationType": "programmed"},
	}})
	mustContain(t, call(t, c, "memory", "search_nodes", map[string]any{"query": "first program"}), "Ada")

	pid := kill(t, g, "memory")
	mustContain(t, call(t, c, "memory", "read_graph", map[string]any{}), "Ada", "programmed")
	if ready := readyPID(t, g, "memory"); ready == pid {
		t.Errorf("process %d was killed and still serves", pid)
	}
}

func TestEverything_killed_worksAgainByItself(t *testing.T) {
	g, c := start(t, "everything", testkit.Entry{"command": npmServer(t, "everything"), "args": []string{"stdio"}})
	for round := range 3 {
		kill(t, g, "everything")
		message := fmt.Sprintf("round %d", round)
		mustContain(t, call(t, c, "everything", "echo", map[string]any{"message": message}), message)
	}
}

// kill kills a server's process and waits until the gateway has noticed; it
// gives its process id.
func kill(t *testing.T, g *testkit.Gateway, server string) int {
	t.Helper()
	pid, mark := readyPID(t, g, server), g.Log.Len()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("cannot kill process %d: %v", pid, err)
	}
	g.AwaitFrom(t, mark, "server crashed", "server", server)
	return pid
}

// readyPID is the process id of a server's run that is ready, once the log tells of it:
// that may be later than its first answer.
func readyPID(t *testing.T, g *testkit.Gateway, server string) (pid int) {
	t.Helper()
	testkit.Eventually(t, "the log tells of a run of "+server+" that is ready", func() bool {
		pid = 0
		for _, line := range g.Log.Lines() {
			switch {
			case line.Str("server") != server:
			case line.Msg == "server ready":
				pid = line.Int("pid")
			case line.Msg == "server crashed":
				pid = 0
			}
		}
		return pid != 0
	})
	return pid
}

func TestStdio_realClientAndServer(t *testing.T) {
	command := npmServer(t, "everything")
	for _, transport := range []string{byStdio, byAttach} {
		t.Run(transport, func(t *testing.T) {
			g := testkit.StartGateway(t, testkit.Options{
				Servers: testkit.Servers{"everything": {"command": command, "args": []string{"stdio"}}}.JSON(),
				Rules:   testkit.AllowAll("agent"),
				Args:    []string{"--agent", "agent"},
				Env:     []string{testkit.Built(t)},
				Stdio:   true,
				Attach:  transport == byAttach,
			})
			c := g.StdioClient(t, client.WithProtocolVersion("2025-11-25"))
			res := testkit.Agent{Caller: c}.Execute(t, "everything", "echo", map[string]any{"message": "over stdio"})
			if !strings.Contains(res.Good(t).Text, "over stdio") {
				t.Errorf("got %q, want over stdio", res.Text)
			}
		})
	}
}
