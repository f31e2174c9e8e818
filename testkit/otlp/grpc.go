package otlp

import (
	"context"
	"net"
	"net/http"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// StartGRPC starts a receiver of what comes over gRPC, in clear text.
func StartGRPC(t testing.TB) *Receiver {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Receiver{URL: "http://" + l.Addr().String()}
	srv := grpc.NewServer()
	collector.RegisterTraceServiceServer(srv, service{r: r})
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Stop()
		if err := <-ended; err != nil {
			t.Errorf("the receiver over gRPC: got %v, want it to serve until it is stopped", err)
		}
	})
	return r
}

// service is the receiver as the official service of traces.
type service struct {
	collector.UnimplementedTraceServiceServer

	r *Receiver
}

func (s service) Export(ctx context.Context, in *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	body, err := proto.Marshal(in)
	if err != nil {
		return nil, err
	}
	headers := http.Header{}
	sent, _ := metadata.FromIncomingContext(ctx)
	for name, values := range sent {
		for _, v := range values {
			headers.Add(name, v)
		}
	}
	s.r.take(in, body, headers)
	return &collector.ExportTraceServiceResponse{}, nil
}
