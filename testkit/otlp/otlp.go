// Package otlp is a receiver of OpenTelemetry for tests: it takes traces over HTTP
// or gRPC in the official encoding, and shows them as the tests ask. Logs it takes
// over HTTP, as they come.
package otlp

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is one span as it came.
type Span struct {
	Name   string
	Kind   string // "SERVER", "CLIENT", "INTERNAL"
	Trace  string // hexadecimal, as are
	ID     string
	Parent string // this; "" is none
	State  string // tracestate
	Status string // "UNSET", "ERROR"
	// Message is that of the status.
	Message string
	Flags   uint32
	Start   uint64 // in nanoseconds since 1970, as is
	End     uint64 // this
	Dropped uint32 // attributes
	// Attributes are shown as text.
	Attributes map[string]string
	// Resource are the attributes of the program.
	Resource map[string]string
}

// Receiver takes spans until the end of its test.
type Receiver struct {
	URL string // for OTEL_EXPORTER_OTLP_ENDPOINT

	mu      sync.Mutex
	spans   []Span
	headers http.Header
	sizes   []int // spans in each request
	raw     []byte
	logs    []byte
}

// Start starts a receiver of what comes over HTTP.
func Start(t testing.TB) *Receiver {
	t.Helper()
	r := &Receiver{}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	r.URL = srv.URL
	return r
}

// ServeHTTP implements [http.Handler].
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if req.URL.Path == "/v1/logs" {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.logs = append(r.logs, body...)
		return
	}
	var in collector.ExportTraceServiceRequest
	if err != nil || req.URL.Path != "/v1/traces" || proto.Unmarshal(body, &in) != nil {
		http.Error(w, "not traces", http.StatusBadRequest)
		return
	}
	r.take(&in, body, req.Header)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// take keeps what a request brought.
func (r *Receiver) take(in *collector.ExportTraceServiceRequest, body []byte, headers http.Header) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.headers, r.raw = headers, append(r.raw, body...)
	before := len(r.spans)
	for _, of := range in.GetResourceSpans() {
		about := attributes(of.GetResource().GetAttributes())
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				r.spans = append(r.spans, read(s, about))
			}
		}
	}
	r.sizes = append(r.sizes, len(r.spans)-before)
}

func read(s *trace.Span, about map[string]string) Span {
	return Span{
		Name: s.GetName(), Kind: s.GetKind().String()[len("SPAN_KIND_"):], State: s.GetTraceState(),
		Trace: fmt.Sprintf("%x", s.GetTraceId()), ID: fmt.Sprintf("%x", s.GetSpanId()), Parent: fmt.Sprintf("%x", s.GetParentSpanId()),
		Status: s.GetStatus().GetCode().String()[len("STATUS_CODE_"):], Attributes: attributes(s.GetAttributes()), Resource: about,
		Message: s.GetStatus().GetMessage(), Flags: s.GetFlags(), Start: s.GetStartTimeUnixNano(), End: s.GetEndTimeUnixNano(), Dropped: s.GetDroppedAttributesCount(),
	}
}

func attributes(list []*common.KeyValue) map[string]string {
	m := map[string]string{}
	for _, kv := range list {
		switch v := kv.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			m[kv.GetKey()] = v.StringValue
		case *common.AnyValue_IntValue:
			m[kv.GetKey()] = fmt.Sprint(v.IntValue)
		default:
			m[kv.GetKey()] = fmt.Sprint(v)
		}
	}
	return m
}

// Spans are all that came so far.
func (r *Receiver) Spans() []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Span(nil), r.spans...)
}

// Sizes are how many spans came with each request.
func (r *Receiver) Sizes() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]int(nil), r.sizes...)
}

// Raw is every byte that came.
func (r *Receiver) Raw() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]byte(nil), r.raw...)
}

// Logs is every byte that came as logs.
func (r *Receiver) Logs() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.logs)
}

// Header are the headers of the last request, or the metadata of gRPC.
func (r *Receiver) Header() http.Header {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.headers.Clone()
}

// Under returns the spans under a span, in the order in which they began to be
// sent.
func Under(spans []Span, id string) (under []Span) {
	for _, s := range spans {
		if s.Parent == id {
			under = append(under, s)
		}
	}
	return under
}
