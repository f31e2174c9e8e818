package tracing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"gatehouse/internal/front"
	"gatehouse/internal/front/gate"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/tracing"
	"gatehouse/testkit"
	"gatehouse/testkit/otlp"
)

const (
	allowDB = `{"agents": {"a": {"allow": {"servers": ["db"]}}}}`
	text    = `{"content":[{"type":"text","text":"hi"}]}`
)

var http = agents.Caller{Client: "tester/1", Protocol: "2025-11-25", Session: "session-1", From: "192.0.2.7"}

// traced is a gate whose calls are followed.
type traced struct {
	*testkit.Stage
	t         testing.TB
	tracer    *tracing.Tracer
	gate      *gate.Gate
	collector *otlp.Receiver
}

// variables sets those of OpenTelemetry: names without OTEL_, and values in turn.
func variables(t testing.TB, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		t.Setenv("OTEL_"+pairs[i], pairs[i+1])
	}
}

func newTraced(t testing.TB, servers ...*testkit.Backend) *traced {
	t.Helper()
	collector := otlp.Start(t)
	variables(t, "EXPORTER_OTLP_ENDPOINT", collector.URL)
	return newTracedTo(t, collector, servers...)
}

func newTracedTo(t testing.TB, collector *otlp.Receiver, servers ...*testkit.Backend) *traced {
	t.Helper()
	tracer, err := tracing.Open(context.Background(), tracing.Options{Version: "1.2.3", Instance: "gw", Log: slog.New(slog.DiscardHandler)})
	if err != nil || tracer == nil {
		t.Fatalf("got %v %v, want a tracer", tracer, err)
	}
	t.Cleanup(func() { tracer.Close(context.Background()) })
	s := &traced{Stage: testkit.NewStage(t, allowDB, servers...), t: t, tracer: tracer, collector: collector}
	s.gate = gate.New(gate.Config{Router: s.Router(front.Config{Tracer: tracer})})
	return s
}

// call calls one of the gateway's tools.
func (s *traced) call(tool, args, meta string) {
	call := agents.ToolCall{Name: tool, Args: json.RawMessage(args)}
	if meta != "" {
		call.Meta = json.RawMessage(meta)
	}
	s.gate.CallTool(context.Background(), http, call, nil)
}

// execute calls a tool of a server.
func (s *traced) execute(server, tool, meta string) {
	s.call("execute_tool", fmt.Sprintf(`{"agent_id":"a","server":%q,"tool":%q,"args":{"password":"s3cr3t-value"}}`, server, tool), meta)
}

// spans ends the tracer and returns all spans.
func (s *traced) spans() []otlp.Span {
	tracing.CloseAtLeisure(context.Background(), s.tracer)
	return s.collector.Spans()
}

// whole returns the span of the only call, and what is under it.
func (s *traced) whole() (whole otlp.Span, parts []otlp.Span) {
	s.t.Helper()
	spans := s.spans()
	for _, span := range spans {
		if span.Kind == "SERVER" {
			return span, otlp.Under(spans, span.ID)
		}
	}
	s.t.Fatalf("got %+v, want the span of a call", spans)
	return whole, nil
}

func names(spans []otlp.Span) (names []string) {
	for _, s := range spans {
		names = append(names, s.Name)
	}
	return names
}
