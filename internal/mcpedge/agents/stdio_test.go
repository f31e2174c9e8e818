package agents_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/mcpedge/agents"
)

func TestServeStdio_initialize_negotiatesTheRevision(t *testing.T) {
	for asked, want := range map[string]string{
		"2024-11-05": "2024-11-05",
		"2025-03-26": "2025-03-26",
		"2025-06-18": "2025-06-18",
		"2025-11-25": "2025-11-25",
		"2026-07-28": "2025-11-25", // Reached without a handshake only.
		"1999-01-01": "2025-11-25",
	} {
		t.Run(asked, func(t *testing.T) {
			s := dial(t, newEdge(t, newScript(), nil))
			answer := s.initialize(asked)
			if got := field(t, answer, "result", "protocolVersion"); got != want {
				t.Errorf("protocolVersion: got %v, want %s", got, want)
			}
			if got := field(t, answer, "result", "instructions"); got != "Call list_servers first." {
				t.Errorf("instructions: got %v, want %v", got, "Call list_servers first.")
			}
			s.send("%s", call("1", "echo", `{"a":1}`))
			answer = s.next()
			if got := field(t, answer, "result", "structuredContent", "caller", "Protocol"); got != want {
				t.Errorf("caller's protocol: got %v, want %s", got, want)
			}
			if got := field(t, answer, "result", "structuredContent", "caller", "Client"); got != "probe/9" {
				t.Errorf("caller's client: got %v, want %v", got, "probe/9")
			}
		})
	}
}

func TestServeStdio_statelessRequest_needsNoHandshake(t *testing.T) {
	s := dial(t, newEdge(t, newScript(), nil))
	s.send("%s", statelessCall("1", "echo", `{}`))
	answer := s.next()
	if got := field(t, answer, "result", "structuredContent", "caller", "Protocol"); got != "2026-07-28" {
		t.Errorf("caller's protocol: got %v in %s, want %v", got, answer, "2026-07-28")
	}
	if got := field(t, answer, "result", "structuredContent", "caller", "Client"); got != "new/1" {
		t.Errorf("caller's client: got %v, want %v", got, "new/1")
	}
	if got := field(t, answer, "result", "resultType"); got != "complete" {
		t.Errorf("resultType: got %v, want %v", got, "complete")
	}
}

func TestServeStdio_realClients_listAndCall(t *testing.T) {
	for _, revision := range []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"} {
		t.Run(revision, func(t *testing.T) {
			f := newEdge(t, newScript(), nil)
			inR, inW := io.Pipe()
			outR, outW := io.Pipe()
			done := make(chan error, 1)
			go func() {
				done <- f.ServeStdio(t.Context(), inR, outW)
				outW.Close()
			}()
			c := client.NewClient(transport.NewIO(outR, inW, io.NopCloser(strings.NewReader(""))), client.WithProtocolVersion(revision))
			tryClient(t, c, revision)
			inW.Close()
			if err := receive(t, done); err != nil {
				t.Errorf("ServeStdio: %v", err)
			}
		})
	}
}

// tryClient runs a real client through a whole conversation.
func tryClient(t *testing.T, c *client.Client, revision string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	init := mcp.InitializeRequest{}
	init.Params.ProtocolVersion = revision
	init.Params.ClientInfo = mcp.Implementation{Name: "real", Version: "1"}
	if _, err := c.Initialize(ctx, init); err != nil {
		t.Fatal(err)
	}
	tools, err := c.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if len(tools.Tools) != 7 || tools.Tools[0].Name != "zeta" {
		t.Errorf("tools/list: got %d tools, first %q, want 7, \"zeta\"", len(tools.Tools), tools.Tools[0].Name)
	}
	req := mcp.CallToolRequest{}
	req.Params.Name = "echo"
	req.Params.Arguments = map[string]any{"a": "b"}
	result, err := c.CallTool(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	said := string(result.RawStructuredContent)
	if got := field(t, said, "caller", "Protocol"); got != revision {
		t.Errorf("caller's protocol: got %v, want %s", got, revision)
	}
	if got := field(t, said, "caller", "Client"); got != "real/1" {
		t.Errorf("caller's client: got %v, want %v", got, "real/1")
	}
}

func TestServeStdio_manyBlockedCalls_pingAndOtherCallsAnswer(t *testing.T) {
	h := newScript()
	s := dial(t, newEdge(t, h, nil))
	s.initialize("2025-11-25")
	for i := range 150 {
		s.send("%s", call(fmt.Sprint(i), "block", "{}"))
	}
	for range 150 {
		receive(t, h.started)
	}
	s.send(`{"jsonrpc":"2.0","id":"ping","method":"ping"}`)
	if got := s.next(); got != `{"jsonrpc":"2.0","id":"ping","result":{}}` {
		t.Fatalf("ping: got %s, want %q", got, `{"jsonrpc":"2.0","id":"ping","result":{}}`)
	}
	for i := range 150 {
		s.send("%s", call(fmt.Sprint(1000+i), "echo", "{}"))
	}
	seen := map[any]bool{}
	for range 150 {
		seen[field(t, s.next(), "id")] = true
	}
	close(h.release)
	for range 150 {
		seen[field(t, s.next(), "id")] = true
	}
	if len(seen) != 300 {
		t.Errorf("got %d different answers, want 300", len(seen))
	}
}

func TestServeStdio_cancelledCall_endsWithoutAnAnswer(t *testing.T) {
	h := newScript()
	s := dial(t, newEdge(t, h, nil))
	s.initialize("2025-11-25")
	s.send("%s", call(`"a"`, "block", `{}`))
	s.send("%s", call(`7`, "block", `{}`))
	receive(t, h.started)
	receive(t, h.started)
	s.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"7"}}`) // Another id than 7.
	s.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"enough"}}`)
	if err := receive(t, h.ended); err == nil || !strings.Contains(err.Error(), "cancelled by the client") {
		t.Errorf("cause: got %v, want cancelled by the client", err)
	}
	close(h.release)
	if got := field(t, s.next(), "id"); got != "a" {
		t.Errorf("answer: got id %v, want only a", got)
	}
	s.in.Close()
	if err := s.ended(); err != nil {
		t.Fatal(err)
	}
	if rest, more := <-s.lines; more {
		t.Errorf("the cancelled call must not be answered: %s", rest)
	}
}

// A gateway that is being replaced has heard the end of its input, and still runs calls.
func TestServeStdio_lateCancellation_endsTheCallAndNoOtherLineCounts(t *testing.T) {
	h, late := newScript(), make(chan []byte)
	s := dialWith(t, newEdge(t, h, nil), agents.Conversation{Late: late})
	s.initialize("2025-11-25")
	s.send("%s", call(`7`, "block", `{}`))
	receive(t, h.started)
	s.in.Close()
	for _, line := range []string{
		call(`8`, "block", `{}`), `{"jsonrpc":"2.0","id":9,"method":"ping"}`, "no JSON", "",
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"enough"}}`,
	} {
		late <- []byte(line)
	}
	if err := receive(t, h.ended); err == nil || !strings.Contains(err.Error(), "cancelled by the client") {
		t.Errorf("cause: got %v, want cancelled by the client", err)
	}
	if err := s.ended(); err != nil {
		t.Fatal(err)
	}
	if rest, more := <-s.lines; more {
		t.Errorf("got %s, want no answer, to the cancelled call and to late lines", rest)
	}
}

func TestServeStdio_cancellation_staysInItsConversation(t *testing.T) {
	h := newScript()
	f := newEdge(t, h, nil)
	one, two := dial(t, f), dial(t, f)
	one.initialize("2025-11-25")
	two.initialize("2025-11-25")
	one.send("%s", call("1", "block", `{}`))
	receive(t, h.started)
	two.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	two.send(`{"jsonrpc":"2.0","id":2,"method":"ping"}`)
	two.next() // The cancellation was handled before.
	close(h.release)
	if got := field(t, one.next(), "result", "isError"); got != nil {
		t.Error("another conversation cancelled the call")
	}
}

func TestServeStdio_progress_comesBeforeTheResultAndNeverAfter(t *testing.T) {
	h := newScript()
	s := dial(t, newEdge(t, h, nil))
	s.initialize("2025-11-25")
	for _, token := range []string{`"t"`, `9007199254740993`} {
		s.send("%s", callWithToken("1", "progress", token))
		for i := range 5 {
			got := s.next()
			want := fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%d,"total":12345678901234567890}}`, token, i)
			if got != want {
				t.Errorf("progress:\n got %s\nwant %s", got, want)
			}
		}
		if got := field(t, s.next(), "id"); fmt.Sprint(got) != "1" {
			t.Errorf("want the result, got %v", got)
		}
		receive(t, h.late)([]byte(`{"progress":99}`))
		s.send(`{"jsonrpc":"2.0","id":2,"method":"ping"}`)
		if got := s.next(); got != `{"jsonrpc":"2.0","id":2,"result":{}}` {
			t.Errorf("after the result: got %s, want %q", got, `{"jsonrpc":"2.0","id":2,"result":{}}`)
		}
	}
}

// initializing is an initialize of a client with these capabilities.
func initializing(capabilities string) string {
	return `{"jsonrpc":"2.0","id":3,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":` + capabilities + `,"clientInfo":{"name":"x","version":"1"}}}`
}

func TestServeStdio_badInput_isAnsweredAndTheNextMessageServed(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	cases := map[string]struct{ line, id, code string }{
		"malformed JSON":                 {`{"jsonrpc":"2.0",`, "<nil>", "-32700"},
		"no object":                      {`5`, "<nil>", "-32600"},
		"another JSON-RPC version":       {`{"jsonrpc":"1.0","id":3,"method":"ping"}`, "3", "-32600"},
		"no method":                      {`{"jsonrpc":"2.0","id":3}`, "3", "-32600"},
		"a method that is a number":      {`{"jsonrpc":"2.0","id":3,"method":4}`, "3", "-32600"},
		"an id that is null":             {`{"jsonrpc":"2.0","id":null,"method":"ping"}`, "<nil>", "-32600"},
		"an id that is an object":        {`{"jsonrpc":"2.0","id":{},"method":"ping"}`, "<nil>", "-32600"},
		"bytes that are no UTF-8":        {call("3", "echo", `{"a":"`+"\xff"+`"}`), "3", "-32600"},
		"a second method":                {`{"jsonrpc":"2.0","id":3,"method":"ping","method":"tools/call"}`, "3", "-32600"},
		"one in another letter case":     {`{"jsonrpc":"2.0","id":3,"method":"ping","METHOD":"tools/call"}`, "3", "-32600"},
		"params that only look so":       {`{"jsonrpc":"2.0","id":3,"method":"tools/call","paramſ":{"name":"echo"}}`, "3", "-32600"},
		"a capability twice":             {initializing(`{"roots":{},"roots":null}`), "3", "-32600"},
		"a capability in two cases":      {initializing(`{"sampling":{},"Sampling":{}}`), "3", "-32600"},
		"an inner one in another case":   {initializing(`{"elicitation":{"form":{},"URL":{}}}`), "3", "-32600"},
		"an id that is no UTF-8":         {`{"jsonrpc":"2.0","id":"` + "\xff" + `","method":"ping"}`, "<nil>", "-32600"},
		"an unknown method":              {`{"jsonrpc":"2.0","id":3,"method":"nope"}`, "3", "-32601"},
		"an unknown tool":                {call("3", "nope", "{}"), "3", "-32602"},
		"a tool the handler denies":      {call("3", "gone", "{}"), "3", "-32602"},
		"too long, id first":             {`{"jsonrpc":"2.0","id":3,"method":"` + long + `"}`, "3", "-32600"},
		"too long, id last":              {`{"method":"` + long + `","id":"z"}`, "z", "-32600"},
		"too long, id of something else": {`{"params":{"x":"` + long + `","id":4}}`, "<nil>", "-32600"},
		"too long, id in the middle":     {`{"method":"` + long + `","id":3,"params":{"id":5}}`, "3", "-32600"},
		"too long, a batch of two":       {`[{"id":3,"method":"ping"},{"id":4,"method":"` + long + `"}]`, "<nil>", "-32600"},
		"a batch where there is none":    {`[{"jsonrpc":"2.0","id":3,"method":"ping"}]`, "<nil>", "-32600"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := dial(t, newEdge(t, newScript(), func(o *agents.Options) { o.MaxMessageBytes = 65_000 }))
			s.initialize("2025-11-25")
			s.send("%s", c.line)
			answer := s.next()
			if got := fmt.Sprint(field(t, answer, "id")); got != c.id {
				t.Errorf("id: got %s, want %s", got, c.id)
			}
			if got := fmt.Sprint(field(t, answer, "error", "code")); got != c.code {
				t.Errorf("code: got %s, want %s: %s", got, c.code, answer)
			}
			s.send("\n" + `{"jsonrpc":"2.0","id":4,"method":"ping"}`)
			if got := s.next(); got != `{"jsonrpc":"2.0","id":4,"result":{}}` {
				t.Errorf("afterwards: got %s, want %q", got, `{"jsonrpc":"2.0","id":4,"result":{}}`)
			}
		})
	}
}

func TestServeStdio_messageOfTheGreatestSize_isServed(t *testing.T) {
	line := call("1", "echo", `{"a":""}`)
	line = strings.Replace(line, `"a":""`, `"a":"`+strings.Repeat("x", 100_000)+`"`, 1)
	s := dial(t, newEdge(t, newScript(), func(o *agents.Options) { o.MaxMessageBytes = len(line) }))
	s.send("%s", line)
	if got := field(t, s.next(), "result", "structuredContent", "no_args"); got != false {
		t.Errorf("got %v, want false", got)
	}
	s.send("%s", strings.Replace(line, "xx", "xxx", 1))
	if got := fmt.Sprint(field(t, s.next(), "error", "code")); got != "-32600" {
		t.Errorf("one byte more: got %v, want %v", got, "-32600")
	}
}

func TestServeStdio_responsesAndNotifications_getNoAnswer(t *testing.T) {
	s := dial(t, newEdge(t, newScript(), nil))
	s.initialize("2025-11-25")
	s.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	s.send(`{"jsonrpc":"2.0","method":"nope"}`)
	s.send(`{"jsonrpc":"2.0","id":5,"result":{}}`)
	s.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":77}}`)
	s.send(`{"jsonrpc":"2.0","id":6,"method":"ping"}`)
	if got := fmt.Sprint(field(t, s.next(), "id")); got != "6" {
		t.Errorf("got an answer with id %s first, want %q", got, "6")
	}
}

func TestServeStdio_batchOfAnOldRevision_isOneArray(t *testing.T) {
	h := newScript()
	s := dial(t, newEdge(t, h, nil))
	s.initialize("2025-03-26")
	s.send(`[%s,{"jsonrpc":"2.0","method":"notifications/initialized"},{"jsonrpc":"2.0","id":2,"method":"ping"},7]`, call("1", "block", "{}"))
	receive(t, h.started)
	s.send(`{"jsonrpc":"2.0","id":3,"method":"ping"}`)
	if got := fmt.Sprint(field(t, s.next(), "id")); got != "3" {
		t.Fatalf("the batch held up a ping: got id %s, want %q", got, "3")
	}
	close(h.release)
	want := `[{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"released"}]}},` +
		`{"jsonrpc":"2.0","id":2,"result":{}},` +
		`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a JSON-RPC message must be an object"}}]`
	if got := s.next(); got != want {
		t.Errorf("batch:\n got %s\nwant %s", got, want)
	}
}

func TestServeStdio_endOfInput_answersWhatRuns(t *testing.T) {
	h := newScript()
	s := dial(t, newEdge(t, h, func(o *agents.Options) { o.DrainTimeout = patience }))
	s.initialize("2025-11-25")
	s.send("%s", call("1", "block", `{}`))
	receive(t, h.started)
	fmt.Fprint(s.in, call("2", "block", `{}`)) // A last line without its newline.
	s.in.Close()
	receive(t, h.started)
	close(h.release)
	for range 2 {
		if got := field(t, s.next(), "result", "isError"); got != nil {
			t.Error("a call was cancelled by the end of input")
		}
	}
	if err := s.ended(); err != nil {
		t.Errorf("ServeStdio: %v", err)
	}
}

func TestServeStdio_endOfInput_cancelsWhatOutlastsTheDrain(t *testing.T) {
	h := newScript()
	s := dial(t, newEdge(t, h, func(o *agents.Options) { o.DrainTimeout = time.Millisecond }))
	s.initialize("2025-11-25")
	s.send("%s", call("1", "block", `{}`))
	receive(t, h.started)
	s.in.Close()
	if got := field(t, s.next(), "result", "structuredContent", "error", "code"); got != "CANCELLED" {
		t.Errorf("answer: got %v, want %v", got, "CANCELLED")
	}
	if err := s.ended(); err != nil {
		t.Errorf("ServeStdio: %v", err)
	}
}

func TestServeStdio_endOfContext_cancelsAndGivesTheCause(t *testing.T) {
	h := newScript()
	f := newEdge(t, h, nil)
	inR, inW := io.Pipe()
	defer inW.Close()
	cause := errors.New("told to stop")
	ctx, stop := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.ServeStdio(ctx, inR, io.Discard) }()
	fmt.Fprintln(inW, call("1", "block", `{}`))
	receive(t, h.started)
	stop(cause)
	if err := receive(t, done); !errors.Is(err, cause) {
		t.Errorf("ServeStdio: got %v, want %v", err, cause)
	}
	if err := receive(t, h.ended); !errors.Is(err, cause) {
		t.Errorf("the call's cause: got %v, want %v", err, cause)
	}
}

func TestServeStdio_brokenInputOrOutput_isAnError(t *testing.T) {
	f := newEdge(t, newScript(), nil)
	broken := errors.New("pipe burst")
	if err := f.ServeStdio(t.Context(), iotest.ErrReader(broken), io.Discard); !errors.Is(err, broken) {
		t.Errorf("input: got %v, want %v", err, broken)
	}
	inR, inW := io.Pipe()
	defer inW.Close()
	outR, outW := io.Pipe()
	outR.CloseWithError(broken)
	done := make(chan error, 1)
	go func() { done <- f.ServeStdio(t.Context(), inR, outW) }()
	fmt.Fprintln(inW, `{"jsonrpc":"2.0","id":1,"method":"ping"}`)
	if err := receive(t, done); !errors.Is(err, broken) {
		t.Errorf("output: got %v, want %v", err, broken)
	}
}

func TestServeStdio_agentThatDoesNotRead_doesNotKeepItFromEnding(t *testing.T) {
	for name, end := range map[string]func(stop context.CancelFunc, in *io.PipeWriter){
		"the context ends": func(stop context.CancelFunc, _ *io.PipeWriter) { stop() },
		"the input ends":   func(_ context.CancelFunc, in *io.PipeWriter) { in.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			h := newScript()
			f := newEdge(t, h, func(o *agents.Options) { o.DrainTimeout = time.Millisecond })
			inR, inW := io.Pipe()
			outR, outW := io.Pipe() // Nobody reads.
			defer outR.Close()
			defer inW.Close()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			done := make(chan error, 1)
			go func() { done <- f.ServeStdio(ctx, inR, outW) }()
			fmt.Fprintln(inW, callWithToken("1", "progress", "1"))
			receive(t, h.late) // The handler is not held up by its progress.
			if name == "the context ends" {
				fmt.Fprintln(inW, `{"jsonrpc":"2.0","id":2,"method":"ping"}`)
			}
			end(stop, inW)
			if err := receive(t, done); !errors.Is(err, context.Canceled) && !errors.Is(err, agents.ErrAbandoned) {
				t.Errorf("ServeStdio: got %v, want %v or %v", err, context.Canceled, agents.ErrAbandoned)
			}
		})
	}
}

func TestServeStdio_progressForASlowReader_keepsTheLatest(t *testing.T) {
	h := newScript()
	h.steps = 1000
	f := newEdge(t, h, func(o *agents.Options) { o.DrainTimeout = patience })
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- f.ServeStdio(t.Context(), inR, outW)
		outW.Close()
	}()
	fmt.Fprintln(inW, callWithToken("1", "progress", "1"))
	receive(t, h.late) // All reported, nothing read.
	inW.Close()
	out, err := io.ReadAll(outR)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	last := int64(-1)
	for _, l := range lines[:len(lines)-1] {
		step, err := field(t, l, "params", "progress").(json.Number).Int64()
		if err != nil || step <= last {
			t.Errorf("progress %d after %d, %v, want a larger one", step, last, err)
		}
		last = step
	}
	if last != 999 || len(lines) > 100 {
		t.Errorf("got %d lines, the last progress is %d, want 100 at most and 999", len(lines), last)
	}
	if got := fmt.Sprint(field(t, lines[len(lines)-1], "id")); got != "1" {
		t.Errorf("the last line is no result: %s", lines[len(lines)-1])
	}
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
}
