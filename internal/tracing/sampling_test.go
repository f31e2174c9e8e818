package tracing_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"gatehouse/internal/tracecontext"
	"gatehouse/internal/tracing"
)

// Programs that share a trace must come to the same answer: what the SDK's samplers
// say is what counts.
func TestSampler_decidesAsTheSDK(t *testing.T) {
	for _, c := range []struct {
		name, arg string
		same      sdk.Sampler
	}{
		{"", "", sdk.ParentBased(sdk.AlwaysSample())},
		{"always_on", "", sdk.AlwaysSample()},
		{"always_off", "", sdk.NeverSample()},
		{"traceidratio", "0.5", sdk.TraceIDRatioBased(0.5)},
		{"traceidratio", "", sdk.TraceIDRatioBased(1)},
		{" TraceIDRatio ", " 0 ", sdk.TraceIDRatioBased(0)},
		{"parentbased_always_on", "", sdk.ParentBased(sdk.AlwaysSample())},
		{"parentbased_always_off", "", sdk.ParentBased(sdk.NeverSample())},
		{"parentbased_traceidratio", "0.3", sdk.ParentBased(sdk.TraceIDRatioBased(0.3))},
	} {
		t.Run(c.name+c.arg, func(t *testing.T) {
			tracer, _ := opened(t, "TRACES_SAMPLER", c.name, "TRACES_SAMPLER_ARG", c.arg)
			for range 200 {
				var sc trace.SpanContextConfig
				for i := range sc.TraceID {
					sc.TraceID[i] = byte(rand.Uint32())
				}
				sc.SpanID[0], sc.TraceFlags, sc.Remote = 1, trace.TraceFlags(rand.Uint32()&1), true
				parent := trace.NewSpanContext(sc)
				want := c.same.ShouldSample(sdk.SamplingParameters{ParentContext: trace.ContextWithSpanContext(t.Context(), parent), TraceID: sc.TraceID}).Decision == sdk.RecordAndSample
				text := tracecontext.Parent(sc.TraceID, sc.SpanID, byte(sc.TraceFlags))
				if got := follows(tracer, &tracecontext.Context{Parent: text}, text); got != want {
					t.Fatalf("%s: got %v, want %v", text, got, want)
				}
			}
		})
	}
}

// follows reports whether a call is followed: then it goes on as another span's.
func follows(tracer *tracing.Tracer, from *tracecontext.Context, as string) bool {
	return tracer.Begin(nil, from).Carry(from).Parent != as
}

// A call of no trace is decided by the id that it is given.
func TestSampler_ofCallsWithoutATrace_takesItsShare(t *testing.T) {
	tracer, _ := opened(t, "TRACES_SAMPLER", "parentbased_traceidratio", "TRACES_SAMPLER_ARG", "0.25")
	const calls = 4000
	n := 0
	for range calls {
		span := tracer.Begin(nil, nil)
		carried := span.Carry(nil).Parent
		id, _, flags := tracecontext.Parts(carried)
		low, err := hex.DecodeString(id[16:18])
		if err != nil || id != span.TraceID() {
			t.Fatalf("got the ids %q and %q, want the same", id, span.TraceID())
		}
		sampled := flags == "01"
		if want := low[0]>>1 < 32; sampled != want { // The first bits decide: 0.25 of 128.
			t.Fatalf("%s: got sampled %v, want %v", carried, sampled, want)
		}
		if sampled {
			n++
		}
	}
	if n < calls/5 || n > calls*3/10 {
		t.Errorf("got %d of %d calls sampled, want a quarter", n, calls)
	}
}

func TestSampler_thatThereIsNot_isSaidAndAllAreTraced(t *testing.T) {
	for _, c := range []struct{ name, arg, want string }{
		{"jaeger_remote", "", `OTEL_TRACES_SAMPLER is \"jaeger_remote\"`},
		{"parentbased_", "", `OTEL_TRACES_SAMPLER is \"parentbased_\"`},
		{"parentbased_traceidratio", "ten", `OTEL_TRACES_SAMPLER_ARG is \"ten\": use a number from 0 to 1`},
		{"traceidratio", "1.5", `OTEL_TRACES_SAMPLER_ARG is \"1.5\"`},
		{"traceidratio", "NaN", `OTEL_TRACES_SAMPLER_ARG is \"NaN\"`},
	} {
		tracer, log := opened(t, "TRACES_SAMPLER", c.name, "TRACES_SAMPLER_ARG", c.arg)
		if !strings.Contains(log.String(), c.want) || !strings.Contains(log.String(), "sampler of traces not used") {
			t.Errorf("%s %s: got the log %q, want %s", c.name, c.arg, log, c.want)
		}
		if _, _, flags := tracecontext.Parts(tracer.Begin(nil, nil).Carry(nil).Parent); flags != "01" {
			t.Errorf("%s %s: got the flags %s, want 01", c.name, c.arg, flags)
		}
	}
}

// What is not followed costs next to nothing: it has nothing to be collected but
// the id that is written to the audit log and sent to the server.
func TestSampler_decidesBeforeAnythingIsMade(t *testing.T) {
	tracer, _ := opened(t, "TRACES_SAMPLER", "parentbased_always_off")
	from := &tracecontext.Context{Parent: unchosen}
	for _, c := range []struct {
		name string
		from *tracecontext.Context
		want float64
	}{{"in an agent's trace", from, 0}, {"without one", nil, 2}} {
		if got := testing.AllocsPerRun(100, func() { tracer.Begin(nil, c.from).Carry(c.from) }); got > c.want {
			t.Errorf("%s: got %v allocations, want %v", c.name, got, c.want)
		}
	}
}

// opened is a Tracer by these variables, whose collector is not there, and its log.
func opened(t *testing.T, pairs ...string) (*tracing.Tracer, *bytes.Buffer) {
	t.Helper()
	variables(t, append([]string{"EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"}, pairs...)...)
	var log bytes.Buffer
	tracer, err := tracing.Open(t.Context(), tracing.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tracer.Close(context.Background()) })
	return tracer, &log
}
