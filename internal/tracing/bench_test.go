package tracing_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	nethttp "net/http"
	"net/http/httptest"
	"testing"

	"gatehouse/internal/front"
	"gatehouse/internal/front/gate"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/tracing"
	"gatehouse/testkit"
)

// What following calls costs beside the call itself, here without its wires.
func BenchmarkExecuteTool(b *testing.B) {
	collector := httptest.NewServer(nethttp.HandlerFunc(func(_ nethttp.ResponseWriter, r *nethttp.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	for _, c := range []struct{ name, ratio string }{{"off", ""}, {"none", "0"}, {"tenth", "0.1"}, {"all", "1"}} {
		b.Run(c.name, func(b *testing.B) {
			var cfg front.Config
			if c.ratio != "" {
				variables(b, "EXPORTER_OTLP_ENDPOINT", collector.URL, "TRACES_SAMPLER", "parentbased_traceidratio", "TRACES_SAMPLER_ARG", c.ratio)
				tracer, err := tracing.Open(context.Background(), tracing.Options{Log: slog.New(slog.DiscardHandler)})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { tracer.Close(context.Background()) })
				cfg.Tracer = tracer
			}
			s := testkit.NewStage(b, allowDB, testkit.NewBackend("db", testkit.Ready(1, quiet{testkit.NewSession(1, nil)})))
			g := gate.New(gate.Config{Router: s.Router(cfg)})
			call := agents.ToolCall{Name: "execute_tool", Args: json.RawMessage(`{"agent_id":"a","server":"db","tool":"query"}`)}
			b.ReportAllocs()
			for b.Loop() {
				g.CallTool(context.Background(), http, call, nil)
				s.Forget()
			}
		})
	}
}
