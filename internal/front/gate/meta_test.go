package gate_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/tracecontext"
	"gatehouse/testkit"
)

// sentParams makes a call with that _meta and those capabilities, and returns
// the answer and what the server was sent.
func sentParams(t *testing.T, call agents.ToolCall) (answer, []endpoint.Request) {
	t.Helper()
	session := testkit.NewSession(1, testkit.Says(oneText)).WithInfo(endpoint.ServerInfo{ProtocolVersion: "2026-07-28", Tools: true})
	g := newGate(t, allowAll, server("db", ready(1, session)))
	call.Name, call.Args = "execute_tool", json.RawMessage(query)
	result, _ := g.gate.CallTool(context.Background(), stateless, call, nil)
	return readAnswer(result), session.Calls()
}

func TestMeta_travelsValueForValueExceptWhatEachHopSetsAnew(t *testing.T) {
	for _, c := range []struct{ name, meta, want string }{
		{"nothing", ``, ``},
		{"an empty one", `{}`, ``},
		{
			"a trace, a tenant, numbers and nesting", `{"traceparent":"00-ab-cd-01","com.example/tenant":{"n":12345678901234567890,"x":[1e300,"<&>"]}}`,
			`{"traceparent":"00-ab-cd-01","com.example/tenant":{"n":12345678901234567890,"x":[1e300,"<&>"]}}`,
		},
		{"what is of this hop alone", `{"progressToken":7,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{},"io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/logLevel":"debug"}`, ``},
		{"what is written with escapes", `{"progress\u0054oken":7,"tracest\u0061te":"a=1"}`, `{"tracestate":"a=1"}`},
		{"what is the gateway's", `{"io.gatehouse/call_id":"x","io.gatehouse/":1,"baggage":"b=1","io.gatehouse":2}`, `{"baggage":"b=1","io.gatehouse":2}`},
		{"other keys of the protocol", `{"io.modelcontextprotocol/related-task":{"taskId":"1"}}`, `{"io.modelcontextprotocol/related-task":{"taskId":"1"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			call := agents.ToolCall{}
			if c.meta != "" {
				call.Meta = json.RawMessage(c.meta)
			}
			_, sent := sentParams(t, call)
			want := `{"name":"query","arguments":{}}`
			if c.want != "" {
				want = `{"_meta":` + c.want + `,"name":"query","arguments":{}}`
			}
			if len(sent) != 1 || string(sent[0].Params) != want {
				t.Errorf("got  %+v\nwant params %s", sent, want)
			}
		})
	}
}

func TestMeta_thatIsTooLarge_isRefusedAndNotDropped(t *testing.T) {
	fits := `{"a":"` + strings.Repeat("x", 64<<10-len(`{"a":""}`)) + `"}`
	for _, c := range []struct {
		name, meta, want string
		sent             int
	}{
		{"64 KiB", fits, "", 1},
		{"a byte more", strings.Replace(fits, "x", "xx", 1), "INVALID_ARGUMENT", 0},
		{"many keys", `{"a":1` + strings.Repeat(`,"b":2`, 20000) + `}`, "INVALID_ARGUMENT", 0},
		{"large members of this hop count nothing", `{"io.gatehouse/x":"` + strings.Repeat("x", 1<<20) + `"}`, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, sent := sentParams(t, agents.ToolCall{Meta: json.RawMessage(c.meta)})
			if got.err.Code != c.want || len(sent) != c.sent {
				t.Errorf("got %q and %d requests, want %q and %d", got.err.Code, len(sent), c.want, c.sent)
			}
		})
	}
}

const (
	fromHeader = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
	fromMeta   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

func TestTrace_ofHeadersReachesTheServerInMeta_andThatOfMetaItsHeaders(t *testing.T) {
	headers := &tracecontext.Context{Parent: fromHeader, State: "h=1", Baggage: "h=2"}
	asMeta := `"traceparent":"` + fromHeader + `","tracestate":"h=1","baggage":"h=2"`
	long := strings.Repeat("x", tracecontext.MaxBytes+1)
	for _, c := range []struct {
		name    string
		headers *tracecontext.Context
		meta    string
		want    string // of _meta
		sent    tracecontext.Context
	}{
		{"no trace", nil, `{"x":1}`, `{"x":1}`, tracecontext.Context{}},
		{"headers alone", headers, ``, `{` + asMeta + `}`, *headers},
		{"headers beside other members", headers, `{"x":1,"progressToken":2}`, `{"x":1,` + asMeta + `}`, *headers},
		{"_meta alone", nil, `{"traceparent":"` + fromMeta + `","x":1}`, `{"traceparent":"` + fromMeta + `","x":1}`, tracecontext.Context{Parent: fromMeta}},
		{"both", headers, `{"traceparent":"` + fromMeta + `"}`, `{"traceparent":"` + fromMeta + `","baggage":"h=2"}`, tracecontext.Context{Parent: fromMeta, Baggage: "h=2"}},
		{"a malformed one stays where it is", headers, `{"traceparent":"00-ab-cd-01"}`, `{"traceparent":"00-ab-cd-01","baggage":"h=2"}`, tracecontext.Context{Baggage: "h=2"}},
		{"what is too long", nil, `{"baggage":"` + long + `","x":1}`, `{"x":1}`, tracecontext.Context{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			call := agents.ToolCall{Trace: c.headers}
			if c.meta != "" {
				call.Meta = json.RawMessage(c.meta)
			}
			_, sent := sentParams(t, call)
			if len(sent) != 1 {
				t.Fatalf("got %d requests, want 1", len(sent))
			}
			if got := string(rawjson.Get(sent[0].Params, "_meta")); got != c.want {
				t.Errorf("got the _meta %s, want %s", got, c.want)
			}
			var got tracecontext.Context
			if sent[0].Trace != nil {
				got = *sent[0].Trace
			}
			if got != c.sent {
				t.Errorf("got %+v for the headers, want %+v", got, c.sent)
			}
		})
	}
}

func TestTrace_isNamedInTheAuditLog(t *testing.T) {
	for meta, want := range map[string]string{
		``: "", `{"x":1}`: "", `{"traceparent":"00-ab-cd-01"}`: "",
		`{"traceparent":"` + fromMeta + `"}`: "0af7651916cd43dd8448eb211c80319c",
	} {
		g := newGate(t, allowAll, up("db", testkit.Says(oneText)))
		call := agents.ToolCall{Name: "execute_tool", Args: json.RawMessage(query)}
		if meta != "" {
			call.Meta = json.RawMessage(meta)
		}
		g.gate.CallTool(context.Background(), old, call, nil)
		if got := g.Record().TraceID; got != want {
			t.Errorf("of %s: got the trace %q, want %q", meta, got, want)
		}
	}
}

// A server is shown a capability only if the gate serves all that may follow
// from it.
func TestCapabilities_reachAServerOnlyIfAllThatFollowsIsServed(t *testing.T) {
	for _, c := range []struct{ name, has, want string }{
		{"none", `{}`, `{}`},
		{"those that ask for input", `{"sampling":{"tools":{}},"elicitation":{"form":{},"url":{}},"roots":{"listChanged":true}}`, `{"elicitation":{"form":{},"url":{}},"roots":{"listChanged":true},"sampling":{"tools":{}}}`},
		{"tasks, old and new", `{"tasks":{"list":{}},"extensions":{"io.modelcontextprotocol/tasks":{}},"roots":{}}`, `{"roots":{}}`},
		{"pages", `{"extensions":{"io.modelcontextprotocol/ui":{"mimeTypes":["text/html;profile=mcp-app"]}}}`, `{}`},
		{"what nobody knows", `{"extensions":{"com.example/x":{}},"experimental":{"y":{}},"later":{}}`, `{}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, sent := sentParams(t, agents.ToolCall{Capabilities: json.RawMessage(c.has)})
			if len(sent) != 1 || string(sent[0].Capabilities) != c.want {
				t.Errorf("got %s, want %s", sent[0].Capabilities, c.want)
			}
		})
	}
	if _, sent := sentParams(t, agents.ToolCall{}); sent[0].Capabilities != nil {
		t.Errorf("of a caller that declares none: got %s, want nil", sent[0].Capabilities)
	}
}

// A server that answers with a task all the same: the agent must hear that
// there is a result that it cannot have.
func TestResultType_thatCannotBeFollowed_isAnErrorThatSaysSo(t *testing.T) {
	for _, c := range []struct {
		name, revision, result string
		want                   []string // of the message; none is a success
	}{
		{"a task", "2026-07-28", `{"resultType":"task","taskId":"t-1","status":"working"}`, []string{`"db" answered with a task ("t-1") in place of a result`, "may still be running"}},
		{"a task in an object", "2026-07-28", `{"resultType":"task","task":{"taskId":"t-2 s3cr3t-value"}}`, []string{`a task ("t-2 [redacted TOKEN]")`}},
		{"a task without an id", "2026-07-28", `{"resultType":"t\u0061sk"}`, []string{`answered with a task in place`}},
		{"a task with content", "2026-07-28", `{"resultType":"task","taskId":"t","content":[]}`, []string{`a task ("t")`}},
		{"a task of 2025-11-25", "2025-11-25", `{"task":{"taskId":"t-3","status":"working","ttl":60000}}`, []string{`a task ("t-3")`}},
		{"a kind that nobody knows", "2026-07-28", `{"resultType":"later s3cr3t-value"}`, []string{`a resultType that this gateway does not know, "later [redacted TOKEN]"`}},
		{"a result", "2026-07-28", `{"resultType":"complete","content":[]}`, nil},
		{"a result that speaks of a task", "2025-11-25", `{"content":[],"task":{"taskId":"x"}}`, nil},
		{"structured content alone", "2025-11-25", `{"structuredContent":{},"task":{"taskId":"x"}}`, nil},
		{"an older server's own word", "2025-11-25", `{"resultType":"own","content":[]}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			session := testkit.NewSession(1, testkit.Says(c.result)).WithInfo(endpoint.ServerInfo{ProtocolVersion: c.revision, Tools: true})
			got := newGate(t, allowAll, server("db", ready(1, session))).execute("db", "query")
			if c.want == nil {
				if got.IsError {
					t.Errorf("got %s, want a result", got.raw)
				}
				return
			}
			if got.err.Code != "SERVER_ERROR" || !got.err.MayHaveRun {
				t.Errorf("got %+v, want SERVER_ERROR that may have run", got.err)
			}
			for _, part := range c.want {
				if !strings.Contains(got.err.Message, part) {
					t.Errorf("got the message %q, want it to have %q", got.err.Message, part)
				}
			}
		})
	}
}
