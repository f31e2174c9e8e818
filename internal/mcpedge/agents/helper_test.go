package agents_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/mcpedge/agents"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

// script is a ToolHandler whose tools do what tests need.
type script struct {
	steps   int                               // how often "progress" reports
	result  string                            // what "raw" answers
	started chan string                       // each blocked call's arguments, as it starts
	ended   chan error                        // the cause that ended each blocked call
	release chan struct{}                     // closed: blocked calls answer
	late    chan func(params json.RawMessage) // the progress function of "progress"
}

func newScript() *script {
	return &script{
		steps:   5,
		started: make(chan string, 1000),
		ended:   make(chan error, 1000),
		release: make(chan struct{}),
		late:    make(chan func(json.RawMessage), 10),
	}
}

// Introduce implements agents.ToolHandler.
func (s *script) Introduce(c agents.Caller) string {
	if id := c.Identity.ID(); id != "" {
		return "You are <" + id + ">."
	}
	return "Call list_servers first."
}

const definitions = `[
 {"name":"zeta","description":"first shown <b>","inputSchema":{"type":"object","oneOf":[{}],"x":12345678901234567890},"vendor":{"a":1}},
 {"name":"echo","title":"Echo","inputSchema":{"type":"object","properties":{}},"annotations":{"readOnlyHint":true,"odd":1}},
 {"name":"raw","inputSchema":{"type":"object"}},
 {"name":"block","inputSchema":{"type":"object"}},
 {"name":"progress","inputSchema":{"type":"object"}},
 {"name":"panic","inputSchema":{"type":"object"}},
 {"name":"gone","inputSchema":{"type":"object"}}
]`

func (s *script) Definitions() []json.RawMessage {
	var defs []json.RawMessage
	if err := json.Unmarshal([]byte(definitions), &defs); err != nil {
		panic(err)
	}
	return defs
}

func (s *script) CallTool(ctx context.Context, c agents.Caller, t agents.ToolCall, dst []byte) ([]byte, bool) {
	result, known := s.run(ctx, c, t)
	return append(dst, result...), known
}

func (s *script) run(ctx context.Context, c agents.Caller, t agents.ToolCall) (json.RawMessage, bool) {
	args, progress := t.Args, t.Progress
	switch t.Name {
	case "echo":
		result := map[string]any{
			"content":           []any{},
			"structuredContent": map[string]any{"caller": c, "args": args, "meta": t.Meta, "no_args": args == nil, "progress": progress != nil},
		}
		if c.Protocol >= "2026-07-28" {
			result["resultType"] = "complete"
		}
		said, _ := json.Marshal(result)
		return said, true
	case "raw":
		return json.RawMessage(s.result), true
	case "block":
		s.started <- string(args)
		select {
		case <-s.release:
			return json.RawMessage(`{"content":[{"type":"text","text":"released"}]}`), true
		case <-ctx.Done():
			s.ended <- context.Cause(ctx)
			return json.RawMessage(`{"content":[],"isError":true,"structuredContent":{"error":{"code":"CANCELLED"}}}`), true
		}
	case "progress":
		if progress != nil {
			for i := range s.steps {
				progress(json.RawMessage(fmt.Sprintf(`{"progressToken":"inner","progress":%d,"total":12345678901234567890}`, i)))
			}
			s.late <- progress
		}
		return json.RawMessage(`{"content":[{"type":"text","text":"done"}]}`), true
	case "panic":
		panic("secret detail")
	}
	return nil, false
}

func newEdge(t *testing.T, h agents.ToolHandler, change func(*agents.Options)) *agents.Edge {
	t.Helper()
	opts := agents.Options{
		Name: "gatehouse", Version: "1.2.3",
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if change != nil {
		change(&opts)
	}
	f := agents.New(h, opts)
	t.Cleanup(f.Close)
	return f
}

// stdio is the client's end of a raw conversation.
type stdio struct {
	t     *testing.T
	in    *io.PipeWriter
	lines chan string
	done  chan error
}

// dial starts a conversation that ends with the test.
func dial(t *testing.T, f *agents.Edge) *stdio {
	t.Helper()
	return dialAt(t, f, nil)
}

func dialAt(t *testing.T, f *agents.Edge, at agents.Surface) *stdio {
	t.Helper()
	return dialWith(t, f, agents.Conversation{Surface: at})
}

func dialWith(t *testing.T, f *agents.Edge, with agents.Conversation) *stdio {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	s := &stdio{t: t, in: inW, lines: make(chan string, 4096), done: make(chan error, 1)}
	var wg sync.WaitGroup
	wg.Go(func() {
		err := f.Serve(context.Background(), with, inR, outW)
		outW.Close()
		s.done <- err
	})
	wg.Go(func() {
		defer close(s.lines)
		r := bufio.NewReader(outR)
		for {
			l, err := r.ReadString('\n')
			if err != nil {
				return
			}
			s.lines <- strings.TrimSuffix(l, "\n")
		}
	})
	t.Cleanup(func() {
		inW.Close()
		wg.Wait()
	})
	return s
}

func (s *stdio) send(format string, args ...any) {
	s.t.Helper()
	if _, err := fmt.Fprintf(s.in, format+"\n", args...); err != nil {
		s.t.Fatal(err)
	}
}

// next returns the next line of output.
func (s *stdio) next() string {
	s.t.Helper()
	return receive(s.t, s.lines)
}

// ended waits for ServeStdio to return.
func (s *stdio) ended() error {
	s.t.Helper()
	return receive(s.t, s.done)
}

func (s *stdio) initialize(revision string) string {
	s.t.Helper()
	s.send(`{"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"probe","version":"9"}}}`, revision)
	return s.next()
}

func receive[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came in time")
		panic("unreachable")
	}
}

func serveHTTP(t *testing.T, f *agents.Edge) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(f.Handler())
	t.Cleanup(func() {
		f.Close()
		srv.Close()
	})
	return srv
}

// response is an HTTP response that was read to its end.
type response struct {
	status int
	header http.Header
	body   string
}

// post sends a body with headers given as name, value, name, value.
func post(t *testing.T, url, body string, headers ...string) response {
	t.Helper()
	return do(t, request(t.Context(), http.MethodPost, url, body, headers...))
}

func request(ctx context.Context, method, url, body string, headers ...string) *http.Request {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

func do(t *testing.T, req *http.Request) response {
	t.Helper()
	got, err := send(req)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

var plainTransport = &http.Transport{DisableKeepAlives: true}

func send(req *http.Request) (response, error) {
	resp, err := (&http.Client{Transport: plainTransport}).Do(req)
	if err != nil {
		return response{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, resp.Header, string(body)}, errors.Join(err, resp.Body.Close())
}

// events returns the messages of an event stream, comments left out.
func (r response) events(t *testing.T) []string {
	t.Helper()
	var messages []string
	for event := range strings.SplitSeq(r.body, "\n\n") {
		for l := range strings.SplitSeq(event, "\n") {
			if data, ok := strings.CutPrefix(l, "data: "); ok && data != "" {
				messages = append(messages, data)
			}
		}
	}
	return messages
}

func openSession(t *testing.T, url, revision string) string {
	t.Helper()
	r := post(t, url, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"probe","version":"9"}}}`, revision))
	id := r.header.Get("Mcp-Session-Id")
	if r.status != http.StatusOK || id == "" {
		t.Fatalf("initialize: %d %s, want %d and a session", r.status, r.body, http.StatusOK)
	}
	return id
}

// field digs a value out of JSON by its path.
func field(t *testing.T, text string, path ...string) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("not JSON: %v: %s", err, text)
	}
	for _, key := range path {
		object, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("no %v in %s", path, text)
		}
		v = object[key]
	}
	return v
}

func call(id, tool, args string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, id, tool, args)
}

func callWithToken(id, tool, token string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":%q,"_meta":{"progressToken":%s}}}`, id, tool, token)
}

func statelessCall(id, tool, args string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":%q,"arguments":%s,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"new","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`, id, tool, args)
}
