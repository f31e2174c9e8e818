package tracing

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	about "go.opentelemetry.io/proto/otlp/resource/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
)

// sender sends what is in a queue to a collector, from a goroutine of its own.
type sender struct {
	client otlptrace.Client
	heard  *complaints
	queue  *queue

	about     *about.Resource
	schema    string
	scope     *common.InstrumentationScope
	closing   chan struct{}
	closeOnce sync.Once
	ended     chan struct{} // closed when the goroutine has ended
	cancel    context.CancelFunc
}

func newSender(ctx context.Context, client otlptrace.Client, q *queue, heard *complaints, of *resource.Resource, version string) *sender {
	s := &sender{
		client: client, queue: q, heard: heard, schema: of.SchemaURL(),
		about: &about.Resource{Attributes: keyValues(of.Attributes())}, scope: &common.InstrumentationScope{Name: "gatehouse", Version: version},
		closing: make(chan struct{}), ended: make(chan struct{}),
	}
	ctx, s.cancel = context.WithCancel(ctx)
	go s.run(ctx)
	return s
}

func (s *sender) run(ctx context.Context) {
	defer close(s.ended)
	timer := time.NewTimer(s.queue.limits.delay)
	defer timer.Stop()
	for {
		select {
		case <-s.closing:
			s.sendAll(ctx, true)
			return
		case <-s.queue.full:
			s.sendAll(ctx, false)
		case <-timer.C:
			s.sendAll(ctx, true)
		}
		timer.Reset(s.queue.limits.delay)
	}
}

// sendAll sends what waits: without the batch that is not full unless that is
// wanted too.
func (s *sender) sendAll(ctx context.Context, rest bool) {
	for ctx.Err() == nil {
		b, ok := s.queue.take(rest)
		if !ok {
			return
		}
		s.send(ctx, b)
		s.queue.recycle(b)
	}
}

// send sends a batch. Its spans are in the encoding already, so they are put where
// the encoder copies what it does not know from.
func (s *sender) send(ctx context.Context, b batch) {
	ctx, cancel := context.WithTimeout(ctx, s.queue.limits.patience)
	defer cancel()
	spans := &otlp.ScopeSpans{Scope: s.scope}
	spans.ProtoReflect().SetUnknown(b.bytes)
	all := []*otlp.ResourceSpans{{Resource: s.about, SchemaUrl: s.schema, ScopeSpans: []*otlp.ScopeSpans{spans}}}
	if err := s.client.UploadTraces(ctx, all); err != nil {
		s.heard.Handle(err)
	}
}

// close sends what waits, as long as ctx allows, and ends the sender.
func (s *sender) close(ctx context.Context) {
	s.closeOnce.Do(func() { close(s.closing) })
	select {
	case <-s.ended:
	case <-ctx.Done():
	}
	s.cancel()
	_ = s.client.Stop(ctx) // Nothing is under way.
}

// keyValues are attributes in the encoding of the wire.
func keyValues(list []attribute.KeyValue) (out []*common.KeyValue) {
	for _, kv := range list {
		value := &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: kv.Value.String()}}
		if kv.Value.Type() == attribute.INT64 {
			value.Value = &common.AnyValue_IntValue{IntValue: kv.Value.AsInt64()}
		}
		out = append(out, &common.KeyValue{Key: string(kv.Key), Value: value})
	}
	return out
}
