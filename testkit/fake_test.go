package testkit_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/testkit"
)

// fake starts the fake server and connects mcp-go's client to its pipes.
func fake(t *testing.T, args ...string) testkit.Client {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testkit.FakeServer(t), args...)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return connect(t, transport.NewIO(out, in, io.NopCloser(bytes.NewReader(nil))))
}

func connect(t *testing.T, tr transport.Interface) testkit.Client {
	t.Helper()
	c := client.NewClient(tr)
	must(t, c.Start(t.Context()))
	t.Cleanup(func() { _ = c.Close() })
	_, err := c.Initialize(t.Context(), mcp.InitializeRequest{})
	must(t, err)
	return testkit.Client{Client: c}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func call(t *testing.T, c testkit.Caller, tool string, args any) testkit.Result {
	t.Helper()
	r, err := c.CallTool(t.Context(), tool, args)
	must(t, err)
	return r
}

func TestFakeServer_overEveryTransport_runsTools(t *testing.T) {
	web := testkit.StartHTTPFake(t, "--tag", "w")
	transports := map[string]func(t *testing.T) testkit.Client{
		"stdio": func(t *testing.T) testkit.Client { return fake(t, "--tag", "w") },
		"stdio through a wrapper": func(t *testing.T) testkit.Client {
			return fake(t, "--fork", "--tag", "w")
		},
		"stdio with junk between": func(t *testing.T) testkit.Client {
			return fake(t, "--junk-stdout", "3", "--tag", "w")
		},
		"streamable HTTP": func(t *testing.T) testkit.Client {
			tr, err := transport.NewStreamableHTTP(web.Base + "/mcp")
			must(t, err)
			return connect(t, tr)
		},
		"SSE": func(t *testing.T) testkit.Client {
			tr, err := transport.NewSSE(web.Base + "/sse")
			must(t, err)
			return connect(t, tr)
		},
	}
	for name, open := range transports {
		t.Run(name, func(t *testing.T) {
			c := open(t)
			if got := call(t, c, "echo", map[string]any{"a": 1}); string(got.Structured) != `{"a":1}` {
				t.Errorf("echo gave %s, want {\"a\":1}", got.Structured)
			}
			if got := call(t, c, "pid", nil); got.Field("tag") != "w" || !testkit.Alive(got.PID(t)) {
				t.Errorf("pid gave %s, want the tag w and a process that lives", got.Structured)
			}
			if got := call(t, c, "fail", nil); got.Code() != "isError" {
				t.Errorf("fail gave %+v, want an error result", got)
			}
			if _, err := c.CallTool(t.Context(), "rpcerror", nil); err == nil {
				t.Error("rpcerror gave a result")
			}
		})
	}
}

func TestFakeServer_list_followsPagesAndChanges(t *testing.T) {
	c := fake(t, "--page", "3", "--tools", "x,y", "--tool-count", "2")
	changed := make(chan struct{}, 8)
	c.OnNotification(func(n mcp.JSONRPCNotification) {
		if n.Method == "notifications/tools/list_changed" {
			changed <- struct{}{}
		}
	})
	names := func() string {
		list, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
		must(t, err)
		var s []string
		for _, tool := range list.Tools {
			s = append(s, tool.Name)
		}
		return strings.Join(s, " ")
	}
	if got := names(); !strings.HasSuffix(got, "x y tool_0001 tool_0002") {
		t.Errorf("got tools %s, want x, y and two more at its end", got)
	}
	call(t, c, "set_tools", map[string]any{"tools": []string{"z"}})
	<-changed
	if got := names(); !strings.HasSuffix(got, "mirror z") {
		t.Errorf("after the change got tools %s, want mirror and z at its end", got)
	}
}

func TestFakeServer_record_tellsCallsAndCancellations(t *testing.T) {
	file := filepath.Join(t.TempDir(), "record.jsonl")
	c := fake(t, "--record", file)
	call(t, c, "echo", map[string]any{"id": "one"})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = c.CallTool(ctx, "hang", map[string]any{"id": "two"})
	}()
	testkit.Eventually(t, "the call is recorded", func() bool {
		return len(testkit.Calls(testkit.Record(t, file))["two"]) == 1
	})
	cancel()
	testkit.Eventually(t, "the cancellation is recorded", func() bool {
		for _, r := range testkit.Record(t, file) {
			if r.Event == "cancelled" && string(r.ID) == `"two"` {
				return true
			}
		}
		return false
	})
	if got := testkit.Calls(testkit.Record(t, file))["one"]; len(got) != 1 || got[0].Tool != "echo" {
		t.Errorf("got record %+v, want one call of echo", got)
	}
}

func TestFakeServer_crash_endsTheProcess(t *testing.T) {
	c := fake(t)
	pid := call(t, c, "pid", nil).PID(t)
	if r := call(t, c, "crash", map[string]any{"answer": true}); r.Text != "last words" {
		t.Errorf("got %+v, want the answer before the end", r)
	}
	testkit.Gone(t, pid)
}

func TestFakeServer_oddities_areValidJSONOverRawHTTP(t *testing.T) {
	web := testkit.StartHTTPFake(t)
	raw := testkit.NewRaw(t, web.Base+"/mcp", "2025-06-18")
	if raw.Protocol != "2025-06-18" {
		t.Errorf("got revision %s, want %q", raw.Protocol, "2025-06-18")
	}
	r := call(t, raw, "oddities", map[string]any{"kind": "big-ints"})
	if !strings.Contains(string(r.Raw), "9007199254740993") || !json.Valid(r.Raw) {
		t.Errorf("got %s, want the number unchanged", r.Raw)
	}
	p, err := raw.Request(t.Context(), "tools/call", json.RawMessage(`{"name":"progress","arguments":{"n":3},"_meta":{"progressToken":"tok"}}`))
	must(t, err)
	if len(p.Notifications) != 3 || p.Message == nil {
		t.Errorf("got %d notifications and %s, want 3 and a message", len(p.Notifications), p.Message)
	}
	if p, err := raw.Request(t.Context(), "server/discover", nil); err != nil || !strings.Contains(string(p.Message), strconv.Itoa(-32601)) {
		t.Errorf("server/discover: %v %s, want -32601", err, p.Message)
	}
}

func TestWriters_leaveTheContent(t *testing.T) {
	for name, write := range testkit.Writers {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f.json")
			testkit.WriteInPlace(t, path, "old")
			write(t, path, "new content")
			write(t, path, "newer")
			if got := testkit.ReadFile(t, path); got != "newer" {
				t.Errorf("got %q, want %q", got, "newer")
			}
		})
	}
}

func TestFakeServer_verbatim_saysAndTellsBytes(t *testing.T) {
	dir := t.TempDir()
	list, transcript := filepath.Join(dir, "list.json"), filepath.Join(dir, "transcript.jsonl")
	must(t, os.WriteFile(list, []byte(`{"tools":[{"name":"only","inputSchema":{"type":"object"}}]}`), 0o600))
	c := fake(t, "--list", list, "--transcript", transcript)
	tools, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
	must(t, err)
	if len(tools.Tools) != 1 || tools.Tools[0].Name != "only" {
		t.Errorf("got %v, want the tools of the file", tools.Tools)
	}
	said := `{"content":[{"type":"text","text":"\u003c"}]}`
	if r := call(t, c, "say", map[string]any{"result": []byte(said)}); r.Text != "<" {
		t.Errorf("got %q, want what it was told to say", r.Text)
	}
	r := call(t, c, "mirror", map[string]any{"n": json.RawMessage("1.50")})
	params, err := base64.StdEncoding.DecodeString(r.Text)
	must(t, err)
	if !strings.Contains(string(params), `"arguments":{"n":1.50}`) {
		t.Errorf("got params %s, want them as they came", params)
	}
	if heard := testkit.ReadFile(t, transcript); !strings.Contains(heard, string(params)) || !strings.HasPrefix(heard, `{"jsonrpc":"2.0"`) {
		t.Errorf("got transcript %s, want every message", heard)
	}
}
