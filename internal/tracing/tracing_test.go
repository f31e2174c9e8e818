package tracing_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	nethttp "net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/tracing"
	"gatehouse/testkit"
	"gatehouse/testkit/otlp"
)

const (
	traceID  = "0af7651916cd43dd8448eb211c80319c"
	sampled  = "00-" + traceID + "-b7ad6b7169203331-01"
	unchosen = "00-" + traceID + "-b7ad6b7169203331-00"
)

func TestSpans_ofACall_areATreeInTheAgentsTrace(t *testing.T) {
	session := testkit.NewSession(1, testkit.Says(text)).WithInfo(endpoint.ServerInfo{ProtocolVersion: "2025-06-18", Tools: true})
	s := newTraced(t, testkit.NewBackend("db", testkit.Ready(1, session)))
	s.execute("db", "query", `{"traceparent":"`+sampled+`","tracestate":"v=1"}`)
	whole, parts := s.whole()
	if whole.Name != "tools/call query" || whole.Trace != traceID || whole.Parent != "b7ad6b7169203331" || whole.State != "v=1" || whole.Status != "UNSET" {
		t.Errorf("got %+v, want tools/call query in the agent's trace, without an error", whole)
	}
	want := map[string]string{
		"mcp.method.name": "tools/call", "mcp.session.id": "session-1", "mcp.protocol.version": "2025-11-25",
		"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "query", "network.transport": "tcp", "client.address": "192.0.2.7",
		"gatehouse.server": "db", "gatehouse.agent": "a", "gatehouse.operation": "execute_tool", "gatehouse.decision": "ALLOW",
		"gatehouse.rule": "agents.a.allow.servers[0]", "gatehouse.generation": "1", "gatehouse.call_id": "gw-1",
	}
	if diff := cmp.Diff(want, whole.Attributes); diff != "" {
		t.Error(diff)
	}
	if got := names(parts); !slices.Equal(got, []string{"decide", "wait", "send"}) {
		t.Fatalf("got %v under the call, want decide, wait, send", got)
	}
	want = map[string]string{
		"mcp.method.name": "tools/call", "mcp.protocol.version": "2025-06-18", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "query",
		"network.transport": "pipe", "gatehouse.server": "db", "gatehouse.run": "1",
	}
	if diff := cmp.Diff(want, parts[2].Attributes); diff != "" || parts[2].Kind != "CLIENT" {
		t.Errorf("got %s, want CLIENT; %s", parts[2].Kind, diff)
	}
	meta := string(rawjson.Get(session.Calls()[0].Params, "_meta"))
	if want := `{"traceparent":"00-` + traceID + `-` + parts[2].ID + `-01","tracestate":"v=1"}`; meta != want {
		t.Errorf("the server got %s, want %s", meta, want)
	}
	if got := session.Calls()[0].Trace; got == nil || got.Parent != "00-"+traceID+"-"+parts[2].ID+"-01" {
		t.Errorf("got %+v for headers, want the same", got)
	}
	if got := whole.Resource; got["service.name"] != "gatehouse" || got["service.version"] != "1.2.3" || got["service.instance.id"] != "gw" {
		t.Errorf("got the resource %v, want gatehouse 1.2.3 and its instance", got)
	}
	if bytes.Contains(s.collector.Raw(), []byte("s3cr3t-value")) {
		t.Error("the arguments are in the spans, want none of them")
	}
}

func TestSpans_overGRPC_arriveAsOverHTTP(t *testing.T) {
	collector := otlp.StartGRPC(t)
	variables(t, "EXPORTER_OTLP_ENDPOINT", collector.URL, "EXPORTER_OTLP_PROTOCOL", "grpc", "EXPORTER_OTLP_HEADERS", "x-tenant=me")
	session := testkit.NewSession(1, testkit.Says(text))
	s := newTracedTo(t, collector, testkit.NewBackend("db", testkit.Ready(1, session)))
	s.execute("db", "query", `{"traceparent":"`+sampled+`"}`)
	whole, parts := s.whole()
	if whole.Name != "tools/call query" || whole.Trace != traceID || whole.Parent != "b7ad6b7169203331" || whole.Resource["service.name"] != "gatehouse" {
		t.Errorf("got %+v, want tools/call query of gatehouse in the agent's trace", whole)
	}
	if got := names(parts); !slices.Equal(got, []string{"decide", "wait", "send"}) {
		t.Errorf("got %v under the call, want decide, wait, send", got)
	}
	if got := collector.Header().Get("X-Tenant"); got != "me" {
		t.Errorf("got the metadata %q, want that of OTEL_EXPORTER_OTLP_HEADERS", got)
	}
}

func TestSpans_ofCallsThatFail_sayTheCodeAndWhere(t *testing.T) {
	refuses := func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{Error: []byte(`{"code":-32000,"message":"s3cr3t-value"}`)}, nil
	}
	for _, c := range []struct {
		name, server, tool string
		answer             testkit.Answer
		span, code, rpc    string
		parts              []string
	}{
		{"denied", "other", "query", nil, "tools/call", "DENIED_BY_POLICY", "", []string{"decide"}},
		{"the tool says so", "db", "query", testkit.Says(`{"content":[],"isError":true}`), "tools/call query", "tool_error", "", []string{"decide", "wait", "send"}},
		{"the server says so", "db", "query", refuses, "tools/call query", "SERVER_ERROR", "-32000", []string{"decide", "wait", "send"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTraced(t, testkit.ReadyBackend("db", c.answer))
			s.execute(c.server, c.tool, "")
			whole, parts := s.whole()
			if whole.Name != c.span || whole.Status != "ERROR" || whole.Attributes["error.type"] != c.code || whole.Attributes["rpc.response.status_code"] != c.rpc {
				t.Errorf("got %+v, want %s with the error %s %s", whole, c.span, c.code, c.rpc)
			}
			if got := names(parts); !slices.Equal(got, c.parts) {
				t.Fatalf("got %v, want %v", got, c.parts)
			}
			if last := parts[len(parts)-1]; last.Status != "ERROR" || last.Attributes["error.type"] != c.code {
				t.Errorf("got %+v, want the error %s where it came from", last, c.code)
			}
			if bytes.Contains(s.collector.Raw(), []byte("s3cr3t-value")) {
				t.Error("the server's words are in the spans, want its code alone")
			}
		})
	}
}

// However often a call is decided again while it waits, there is one span of that.
func TestSpans_ofACallThatWaits_areAsMany(t *testing.T) {
	db := testkit.NewBackend("db", endpoint.Status{State: endpoint.Starting})
	s := newTraced(t, db)
	s.Wake = func(_ string, cell *endpoint.Cell) {
		testkit.Publish(cell, testkit.Ready(1, testkit.NewSession(1, testkit.Says(text))))
	}
	s.execute("db", "query", "")
	whole, parts := s.whole()
	if got := names(parts); !slices.Equal(got, []string{"decide", "wait", "send"}) || whole.Status != "UNSET" || whole.Parent != "" {
		t.Errorf("got %v under %+v, want decide, wait, send under a span of its own trace", got, whole)
	}
}

func TestSpans_ofTheGatewaysOwnTools(t *testing.T) {
	s := newTraced(t)
	s.call("list_servers", `{"agent_id":"a"}`, "")
	whole, _ := s.whole()
	if whole.Name != "tools/call list_servers" || whole.Attributes["gen_ai.tool.name"] != "list_servers" {
		t.Errorf("got %+v, want tools/call list_servers", whole)
	}
}

func TestURI_inASpan_hasNoSecrets(t *testing.T) {
	for uri, want := range map[string]string{
		"file:///notes.txt":                               "file:///notes.txt",
		"https://user:s3cr3t@example.com/a?token=x#y":     "https://example.com/a",
		"https://example.com":                             "https://example.com",
		"mail:inbox?token=x":                              "mail:inbox",
		"https://user:s3cr3t@example.com":                 "https://example.com",
		"https://example.com/" + strings.Repeat("x", 300): "https://example.com/" + strings.Repeat("x", 256-len("https://example.com/")),
	} {
		s := newTraced(t)
		c := front.Call{Caller: http}
		c.Record.Operation, c.Record.Resource = "resources/read", uri
		router := s.Router(front.Config{Tracer: s.tracer})
		router.Start(&c)
		_ = c.End(nil)
		router.Finish(&c)
		whole, _ := s.whole()
		if got := whole.Attributes["mcp.resource.uri"]; got != want || whole.Name != "resources/read" {
			t.Errorf("got %q in %s, want %q in resources/read", got, whole.Name, want)
		}
	}
}

func TestTrace_thatIsNotSampled_staysSo(t *testing.T) {
	for _, c := range []struct{ name, sampler, meta, want string }{
		{"the agent's", "", `{"traceparent":"` + unchosen + `","baggage":"b=1"}`, `{"traceparent":"` + unchosen + `","baggage":"b=1"}`},
		{"by the gateway's choice", "parentbased_traceidratio", ``, `{"traceparent":"00-?-00"}`},
		{"a malformed one is not followed", "parentbased_traceidratio", `{"traceparent":"00-ab-cd-01","tracestate":"v=1"}`, `{"traceparent":"00-?-00"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.sampler != "" {
				variables(t, "TRACES_SAMPLER", c.sampler, "TRACES_SAMPLER_ARG", "0")
			}
			session := testkit.NewSession(1, testkit.Says(text))
			s := newTraced(t, testkit.NewBackend("db", testkit.Ready(1, session)))
			s.execute("db", "query", c.meta)
			if got := s.spans(); len(got) != 0 {
				t.Errorf("got the spans %v, want none", names(got))
			}
			got := string(rawjson.Get(session.Calls()[0].Params, "_meta"))
			before, after, random := strings.Cut(c.want, "?")
			if got != c.want && (!random || !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) || strings.Contains(got, "ab-cd")) {
				t.Errorf("the server got %s, want %s", got, c.want)
			}
		})
	}
}

func TestAsked_byTheStandardVariables(t *testing.T) {
	for _, c := range []struct {
		name string
		set  []string
		want bool
		err  string
	}{
		{"nothing", nil, false, ""},
		{"an endpoint", []string{"EXPORTER_OTLP_ENDPOINT", "http://x"}, true, ""},
		{"one of traces", []string{"EXPORTER_OTLP_TRACES_ENDPOINT", "http://x/v1/traces"}, true, ""},
		{"one of logs", []string{"EXPORTER_OTLP_LOGS_ENDPOINT", "http://x/v1/logs"}, false, ""},
		{"the exporter", []string{"TRACES_EXPORTER", "otlp"}, true, ""},
		{"none", []string{"TRACES_EXPORTER", "none", "EXPORTER_OTLP_ENDPOINT", "http://x"}, false, ""},
		{"the SDK is off", []string{"SDK_DISABLED", "True", "TRACES_EXPORTER", "otlp"}, false, ""},
		{"stdout is the protocol's", []string{"TRACES_EXPORTER", "console"}, false, `OTEL_TRACES_EXPORTER is "console": use otlp or none`},
		{"an encoding that there is not", []string{"TRACES_EXPORTER", "otlp", "EXPORTER_OTLP_PROTOCOL", "http/json"}, false, `OTEL_EXPORTER_OTLP_PROTOCOL is "http/json": use http/protobuf or grpc`},
		{"gRPC", []string{"EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			variables(t, c.set...)
			tracer, err := tracing.Open(context.Background(), tracing.Options{Log: slog.New(slog.DiscardHandler)})
			tracer.Close(context.Background())
			if got := tracer != nil; got != c.want || fmt.Sprint(err) != fmt.Sprint(orNil(c.err)) {
				t.Errorf("got %v %v, want %v %q", got, err, c.want, c.err)
			}
		})
	}
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// A collector that takes connections and never answers: calls go on, and what waits
// for it is bounded.
func TestCollector_thatNeverAnswers_costsNoCallAndLittleMemory(t *testing.T) {
	const calls, most = 1000, 10 << 20
	release := make(chan struct{})
	srv := httptest.NewServer(nethttp.HandlerFunc(func(nethttp.ResponseWriter, *nethttp.Request) { <-release }))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(release) })
	variables(t, "EXPORTER_OTLP_ENDPOINT", srv.URL)
	s := newTracedTo(t, otlp.Start(t), testkit.NewBackend("db", testkit.Ready(1, quiet{testkit.NewSession(1, nil)})))
	before := heap()
	for range calls {
		s.execute("db", strings.Repeat("x", 300), `{"traceparent":"`+sampled+`","tracestate":"v=`+strings.Repeat("1", 200)+`"}`)
	}
	if got := len(s.Records()); got != calls || s.Records()[calls-1].Outcome != "ok" {
		t.Errorf("got %d calls, the last with %q, want %d that went well", got, s.Records()[calls-1].Outcome, calls)
	}
	s.Forget()
	if got := int64(heap()) - int64(before); got > most {
		t.Errorf("the heap has grown by %d bytes, want at most %d", got, int64(most))
	}
}

// quiet answers at once and remembers nothing.
type quiet struct{ *testkit.Session }

func (quiet) Call(context.Context, endpoint.Request) (endpoint.Response, error) {
	return endpoint.Response{Result: []byte(text)}, nil
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestErrors_ofTheCollector_areLoggedOnceAMinute_withoutHeaders(t *testing.T) {
	var log bytes.Buffer
	srv := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, _ *nethttp.Request) { nethttp.Error(w, "no", nethttp.StatusForbidden) }))
	t.Cleanup(srv.Close)
	variables(t, "EXPORTER_OTLP_ENDPOINT", srv.URL, "EXPORTER_OTLP_HEADERS", "authorization=s3cr3t-value", "BSP_MAX_EXPORT_BATCH_SIZE", "1")
	tracer, err := tracing.Open(context.Background(), tracing.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		span := tracer.Begin(nil, nil)
		span.Enter(0)
		tracing.EndForTest(span)
	}
	tracing.CloseAtLeisure(context.Background(), tracer)
	if got := log.String(); strings.Count(got, "cannot send traces") != 1 || !strings.Contains(got, "403") || strings.Contains(got, "s3cr3t") {
		t.Errorf("got the log %q, want one line with the status and no header", got)
	}
}
