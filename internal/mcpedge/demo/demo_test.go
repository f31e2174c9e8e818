package demo_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"go.uber.org/goleak"

	"gatehouse/internal/mcpedge/demo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Tests here do not run in parallel: a process may serve one stdio server at a
// time.

// connect serves a demo server and gives a client that has greeted it.
func connect(t *testing.T, name string) *client.Client {
	t.Helper()
	fromClient, toServer := io.Pipe()
	fromServer, toClient := io.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- demo.Serve(context.Background(), name, fromClient, toClient)
		_ = toClient.Close() // As the end of the process would.
	}()
	c := client.NewClient(transport.NewIO(fromServer, toServer, io.NopCloser(bytes.NewReader(nil))))
	t.Cleanup(func() {
		_ = c.Close() // Closes the server's input.
		// An answer that was on its way would fit into a process's pipe.
		go func() { _, _ = io.Copy(io.Discard, fromServer) }()
		if err := <-served; err != nil {
			t.Errorf("Serve ended with %v, want nil at the end of its input", err)
		}
		_ = fromServer.Close()
	})
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	req := mcp.InitializeRequest{}
	req.Params.ProtocolVersion = "2025-11-25"
	req.Params.ClientInfo = mcp.Implementation{Name: "test", Version: "1"}
	if _, err := c.Initialize(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	return c
}

// call calls a tool and gives its result as JSON, and whether it is an error.
func call(t *testing.T, c *client.Client, tool string, args map[string]any) (string, bool) {
	t.Helper()
	req := mcp.CallToolRequest{}
	req.Params.Name, req.Params.Arguments = tool, args
	res, err := c.CallTool(t.Context(), req)
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	text, ok := mcp.AsTextContent(res.Content[0])
	if !ok {
		t.Fatalf("%s: the first content block is %T, want text", tool, res.Content[0])
	}
	if res.IsError {
		return text.Text, true
	}
	b, err := json.Marshal(res.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), false
}

// sameJSON compares two JSON texts by value.
func sameJSON(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%v in %s, want JSON", err, got)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%v in %s, want JSON", err, want)
	}
	if diff := cmp.Diff(g, w); diff != "" {
		t.Errorf("got %s (-got +want):\n%s", got, diff)
	}
}

func TestServe_everyServer_describesItselfAndItsTools(t *testing.T) {
	for _, name := range demo.Names() {
		t.Run(name, func(t *testing.T) {
			c := connect(t, name)
			if c.GetServerCapabilities().Tools == nil {
				t.Error("the server does not say that it has tools")
			}
			list, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if len(list.Tools) < 3 {
				t.Errorf("got %d tools, want at least 3", len(list.Tools))
			}
			for _, tool := range list.Tools {
				describesItself(t, tool)
			}
		})
	}
}

// describesItself checks that a model can use a tool from its definition.
func describesItself(t *testing.T, tool mcp.Tool) {
	t.Helper()
	if !strings.HasSuffix(tool.Description, ".") || len(tool.Description) < 20 {
		t.Errorf("%s: the description %q is no sentence", tool.Name, tool.Description)
	}
	for name, schema := range tool.InputSchema.Properties {
		m, _ := schema.(map[string]any)
		if what, _ := m["description"].(string); what == "" {
			t.Errorf("%s: the argument %s has no description", tool.Name, name)
		}
	}
	if tool.InputSchema.AdditionalProperties != false {
		t.Errorf("%s: unknown arguments must not be allowed", tool.Name)
	}
}

func TestServe_unknownName_listsTheNamesThereAre(t *testing.T) {
	err := demo.Serve(t.Context(), "weather", strings.NewReader(""), io.Discard)
	if !errors.Is(err, demo.ErrUnknown) {
		t.Fatalf("got %v, want ErrUnknown", err)
	}
	for _, name := range demo.Names() {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not name %s", err, name)
		}
	}
}

func TestServe_cancelledContext_endsWithoutError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in, feed := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- demo.Serve(ctx, "text", in, io.Discard) }()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("got %v, want nil", err)
	}
	_ = feed.Close()
}

func TestNotes_addedSearchedDeleted(t *testing.T) {
	c := connect(t, "notes")
	sameJSON(t, must(call(t, c, "list_notes", nil)), `{"notes":[],"total":0}`)
	sameJSON(t, must(call(t, c, "add_note", map[string]any{"title": "Milk", "text": "two litres"})),
		`{"id":1,"title":"Milk","text":"two litres"}`)
	must(call(t, c, "add_note", map[string]any{"title": "Bread", "text": "rye"}))
	sameJSON(t, must(call(t, c, "list_notes", map[string]any{"limit": 1})),
		`{"notes":[{"id":2,"title":"Bread","text":"rye"}],"total":2}`)
	sameJSON(t, must(call(t, c, "search_notes", map[string]any{"query": "LITRES"})),
		`{"notes":[{"id":1,"title":"Milk","text":"two litres"}],"total":1}`)
	sameJSON(t, must(call(t, c, "delete_note", map[string]any{"id": 1})),
		`{"id":1,"title":"Milk","text":"two litres"}`)
	sameJSON(t, must(call(t, c, "search_notes", map[string]any{"query": "litres"})), `{"notes":[],"total":0}`)
}

func must(result string, isError bool) string {
	if isError {
		panic("the tool failed: " + result)
	}
	return result
}

func TestNotes_fullNotebook_saysWhatToDo(t *testing.T) {
	c := connect(t, "notes")
	args := map[string]any{"title": "t", "text": ""}
	for range 1000 {
		must(call(t, c, "add_note", args))
	}
	got, isError := call(t, c, "add_note", args)
	if !isError || !strings.Contains(got, "delete some") {
		t.Errorf("got %q, %v, want an error that says to delete some", got, isError)
	}
}

func TestText_goodInput(t *testing.T) {
	c := connect(t, "text")
	for _, tc := range []struct {
		name, tool string
		args       map[string]any
		want       string
	}{
		{"a text without a newline at its end has a last line all the same", "word_count", map[string]any{"text": "ä b\nc"}, `{"words":3,"lines":2,"characters":5,"bytes":6}`},
		{"an empty text has nothing to count", "word_count", map[string]any{"text": ""}, `{"words":0,"lines":0,"characters":0,"bytes":0}`},
		{"a slug has single hyphens and none at its ends", "slugify", map[string]any{"text": "  Hello,  World! 2 "}, `{"text":"hello-world-2"}`},
		{"a hash is SHA-256 unless asked otherwise", "hash", map[string]any{"text": "abc"}, `{"algorithm":"sha256","hex":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}`},
		{"a hash can be MD5", "hash", map[string]any{"text": "abc", "algorithm": "md5"}, `{"algorithm":"md5","hex":"900150983cd24fb0d6963f7d28e17f72"}`},
		{"base64 is padded", "base64_encode", map[string]any{"text": "a"}, `{"text":"YQ=="}`},
		{"base64 is read with padding", "base64_decode", map[string]any{"text": "YQ=="}, `{"text":"a"}`},
		{"base64 is read without padding", "base64_decode", map[string]any{"text": " YQ "}, `{"text":"a"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, isError := call(t, c, tc.tool, tc.args)
			if isError {
				t.Fatalf("got the error %q, want a result", got)
			}
			sameJSON(t, got, tc.want)
		})
	}
}

func TestClock_converts(t *testing.T) {
	c := connect(t, "clock")
	got, _ := call(t, c, "convert_time", map[string]any{"time": "2026-03-01T23:30:00Z", "zone": "Europe/Berlin"})
	sameJSON(t, got, `{"time":"2026-03-02T00:30:00+01:00","zone":"Europe/Berlin","weekday":"Monday","unix":1772407800}`)
	now, isError := call(t, c, "now", nil)
	if isError || !strings.Contains(now, `"zone":"UTC"`) {
		t.Errorf("got %s, want the time in UTC", now)
	}
}

func TestBadInput_isTheToolsOwnErrorWithAReason(t *testing.T) {
	for _, tc := range []struct {
		name, server, tool string
		args               map[string]any
		want               string
	}{
		{"a note to delete that does not exist", "notes", "delete_note", map[string]any{"id": 7}, "list_notes shows the ids"},
		{"a note without a title", "notes", "add_note", map[string]any{"text": "x"}, "title"},
		{"a note that is too long", "notes", "add_note", map[string]any{"title": "x", "text": strings.Repeat("x", 10_001)}, "text"},
		{"an unknown argument", "notes", "list_notes", map[string]any{"page": 2}, "page"},
		{"an unknown checksum", "text", "hash", map[string]any{"text": "x", "algorithm": "crc32"}, "algorithm"},
		{"text that is not base64", "text", "base64_decode", map[string]any{"text": "!!"}, "not base64"},
		{"base64 of something that is no text", "text", "base64_decode", map[string]any{"text": "/w=="}, "not UTF-8"},
		{"an unknown time zone", "clock", "now", map[string]any{"zone": "Mars/Olympus"}, "Europe/Berlin"},
		{"the machine's own time zone", "clock", "now", map[string]any{"zone": "Local"}, "Europe/Berlin"},
		{"a time that is none", "clock", "convert_time", map[string]any{"time": "noon", "zone": "UTC"}, "write it like"},
		{"a countdown that is too long", "clock", "countdown", map[string]any{"seconds": 3600}, "seconds"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, isError := call(t, connect(t, tc.server), tc.tool, tc.args)
			if !isError || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, error %v, want an error that says %q", got, isError, tc.want)
			}
		})
	}
}

// Whatever the arguments are, what is wrong with them is said in words of JSON.
func TestBadArguments_areToldWithoutGo(t *testing.T) {
	values := []string{`null`, `true`, `1`, `1.5`, `1e3`, `1e300`, `1e999`, `-1`, `99999999999999999999`, `"x"`, `""`, `[]`, `["a"]`, `{}`}
	for _, name := range demo.Names() {
		c := connect(t, name)
		list, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		var cases []string
		for _, tool := range list.Tools {
			for _, v := range values {
				cases = append(cases, fmt.Sprintf(`{"name":%q,"arguments":%s}`, tool.Name, v))
				for property := range tool.InputSchema.Properties {
					if tool.Name != "countdown" || v != "1" && v != "1e3" {
						cases = append(cases, fmt.Sprintf(`{"name":%q,"arguments":{%q:%s}}`, tool.Name, property, v))
					}
				}
			}
		}
		answers := ask(t, name, cases)
		if got, want := len(answers), len(cases); got < want {
			t.Errorf("%s: got %d answers, want %d", name, got, want)
		}
		for _, wrong := range []string{"Go struct", "Go value", "unmarshal", "map[", "{Got", "float64", "<nil>", "interface", "strconv"} {
			for params, answer := range answers {
				if strings.Contains(answer, wrong) {
					t.Errorf("%s: got %s, want nothing of %q", params, answer, wrong)
				}
			}
		}
	}
}

// ask calls tools with params as they are, and returns the answer to each.
func ask(t *testing.T, name string, params []string) map[string]string {
	t.Helper()
	in, send := io.Pipe()
	receive, out := io.Pipe()
	go func() {
		_ = out.CloseWithError(demo.Serve(t.Context(), name, in, out))
	}()
	go func() {
		fmt.Fprintln(send, `{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`)
		for i, p := range params {
			fmt.Fprintf(send, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":%s}`+"\n", i, p)
		}
	}()
	answers := map[string]string{}
	for lines := bufio.NewScanner(receive); lines.Scan(); {
		var m struct{ ID any }
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatalf("got %q, %v, want a message", lines.Text(), err)
		}
		if i, ok := m.ID.(float64); ok {
			answers[params[int(i)]] = lines.Text()
		}
		if len(answers) == len(params) {
			_ = send.Close()
		}
	}
	return answers
}

func TestNumbers_areTakenHoweverTheyAreWritten(t *testing.T) {
	c := connect(t, "notes")
	must(call(t, c, "add_note", map[string]any{"title": "Milk", "text": ""}))
	got := ask(t, "notes", []string{`{"name":"list_notes","arguments":{"limit":2.0}}`, `{"name":"list_notes","arguments":{"limit":1e2}}`})
	for params, answer := range got {
		if strings.Contains(answer, `"isError":true`) {
			t.Errorf("%s: got %s, want a list", params, answer)
		}
	}
}

func TestCountdown_reportsProgressBeforeItsResult(t *testing.T) {
	c := connect(t, "clock")
	progress := make(chan float64, 10)
	c.OnNotification(func(n mcp.JSONRPCNotification) {
		if n.Params.AdditionalFields["progressToken"] == "p" {
			progress <- n.Params.AdditionalFields["progress"].(float64)
		}
	})
	req := mcp.CallToolRequest{}
	req.Params.Name, req.Params.Arguments = "countdown", map[string]any{"seconds": 2}
	req.Params.Meta = &mcp.Meta{ProgressToken: "p"}
	res, err := c.CallTool(t.Context(), req)
	if err != nil || res.IsError {
		t.Fatalf("got %v, %v, want a result", res, err)
	}
	for want := range 2 {
		if got := <-progress; got != float64(want) {
			t.Errorf("got progress %v, want %d", got, want)
		}
	}
}

func TestCountdown_cancelledCall_endsAtOnce(t *testing.T) {
	c := connect(t, "clock")
	started := make(chan struct{})
	c.OnNotification(func(mcp.JSONRPCNotification) { close(started) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	req := mcp.CallToolRequest{}
	req.Params.Name, req.Params.Arguments = "countdown", map[string]any{"seconds": 60}
	req.Params.Meta = &mcp.Meta{ProgressToken: "p"}
	if _, err := c.CallTool(ctx, req); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the call was cancelled", err)
	}
}
