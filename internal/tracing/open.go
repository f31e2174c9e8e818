package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Options say whose spans they are.
type Options struct {
	Version  string
	Instance string // names the process
	Log      *slog.Logger
}

// Tracer is a front.Tracer. It owns the goroutine that sends spans, until Close.
type Tracer struct {
	sampling sampling
	limits   limits
	queue    *queue
	sender   *sender
}

// Asked reports whether the variables of OpenTelemetry ask for traces:
// OTEL_TRACES_EXPORTER is otlp, or it is not set and an endpoint is. An error says
// why they ask for what there is not.
func Asked() (bool, error) {
	if strings.EqualFold(strings.TrimSpace(os.Getenv("OTEL_SDK_DISABLED")), "true") {
		return false, nil
	}
	switch exporter := strings.TrimSpace(os.Getenv("OTEL_TRACES_EXPORTER")); exporter {
	case "none":
		return false, nil
	case "otlp":
		return true, nil
	case "":
		return os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "", nil
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER is %q: use otlp or none", exporter)
	}
}

// Open begins to follow calls as the variables of OpenTelemetry ask for. It returns
// nil if they don't. It does not wait for the collector.
func Open(ctx context.Context, o Options) (*Tracer, error) {
	asked, err := Asked()
	if err != nil || !asked {
		return nil, err
	}
	client, err := newClient(ctx)
	if err != nil {
		return nil, err
	}
	heard := newComplaints(o.Log)
	otel.SetErrorHandler(heard)
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithAttributes(
			attribute.String("service.name", "gatehouse"), attribute.String("service.version", o.Version),
			attribute.String("service.instance.id", o.Instance), attribute.Int("process.pid", os.Getpid())),
		resource.WithFromEnv()) // They win.
	if err != nil && !errors.Is(err, resource.ErrPartialResource) && !errors.Is(err, resource.ErrSchemaURLConflict) {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	which, err := samplingOf(os.Getenv("OTEL_TRACES_SAMPLER"), os.Getenv("OTEL_TRACES_SAMPLER_ARG"))
	if err != nil {
		o.Log.Warn("sampler of traces not used", slog.String("error", err.Error()))
	}
	t := &Tracer{sampling: which, limits: limitsOfEnv()}
	t.queue = newQueue(t.limits)
	t.sender = newSender(context.WithoutCancel(ctx), client, t.queue, heard, about, o.Version)
	return t, nil
}

// newClient makes what sends by the protocol that is asked for. It reads the
// endpoint, headers, certificates and so on from the variables itself.
func newClient(ctx context.Context) (otlptrace.Client, error) {
	variable := "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	if os.Getenv(variable) == "" {
		variable = "OTEL_EXPORTER_OTLP_PROTOCOL"
	}
	var c otlptrace.Client
	switch protocol := os.Getenv(variable); protocol {
	case "", "http/protobuf":
		c = otlptracehttp.NewClient()
	case "grpc":
		c = otlptracegrpc.NewClient()
	default:
		return nil, fmt.Errorf("%s is %q: use http/protobuf or grpc", variable, protocol)
	}
	return c, c.Start(ctx) //nolint:wrapcheck // It says what it is about.
}

// closePatience is how long the end of the gateway waits for a collector.
const closePatience = time.Second

// Close sends what waits, for at most a second, and ends the Tracer. A nil one has
// nothing to send.
func (t *Tracer) Close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, closePatience)
	defer cancel()
	t.queue.close()
	t.sender.close(ctx)
}
