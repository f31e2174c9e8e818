package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/testkit"
	"gatehouse/testkit/otlp"
)

// A call over HTTP to a server over stdio and to one over HTTP: its spans are part
// of the agent's trace, and the servers go on with it.
func TestTraces_spanTreeOfACall_fromTheAgentToBothKindsOfServers(t *testing.T) {
	t.Parallel()
	const agents = "0af7651916cd43dd8448eb211c80319c"
	collector := otlp.Start(t)
	front, headers := recordingHeaders(t, testkit.StartHTTPFake(t).Base)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"local": testkit.Fake(t), "remote": {"url": front + "/mcp"}}.JSON(), Rules: testkit.AllowAll("a"), Args: []string{"--audit-otlp"}, Race: true,
		Env: []string{
			"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20s3cr3t",
			"OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_SERVICE_NAME=my-gateway",
		},
	})
	raw := testkit.NewRaw(t, g.BaseURL(t)+"/mcp", "")
	for _, server := range []string{"local", "remote"} {
		sent := traced(t, raw, agents, server)
		var whole, send otlp.Span
		testkit.Eventually(t, "the spans of the call", func() bool {
			whole, send = spansOf(collector.Spans(), server)
			return whole.ID != "" && send.ID != ""
		})
		if whole.Trace != agents || whole.Parent != "b7ad6b7169203331" || send.Trace != agents {
			t.Errorf("%s: got the trace %s below %s, want %s below the agent's span", server, whole.Trace, whole.Parent, agents)
		}
		want := "00-" + agents + "-" + send.ID + "-01"
		if sent.Parent != want || sent.State != "vendor=1" || sent.Baggage != "user=me" {
			t.Errorf("%s: got %+v, want the traceparent %s with the agent's tracestate and baggage", server, sent, want)
		}
		if server == "remote" && headers.Load().Get("Traceparent") != want {
			t.Errorf("got the header %q, want %q", headers.Load().Get("Traceparent"), want)
		}
	}
	if got := collector.Header().Get("Authorization"); got != "Bearer s3cr3t" {
		t.Errorf("got the header %q, want that of OTEL_EXPORTER_OTLP_HEADERS", got)
	}
	if got := collector.Spans()[0].Resource["service.name"]; got != "my-gateway" {
		t.Errorf("got the service %q, want my-gateway", got)
	}
	testkit.Eventually(t, "both calls in the log", func() bool {
		return strings.Count(collector.Logs(), `"traceId":"`+agents+`"`) == 2 && strings.Contains(collector.Logs(), `\"trace_id\":\"`+agents+`\"`)
	})
	if bytes.Contains(collector.Raw(), []byte("argument-of-the-call")) {
		t.Error("the collector was sent an argument of a call, want none")
	}
}

// carried is what of a trace reached a server in _meta.
type carried struct {
	Parent  string `json:"traceparent"`
	State   string `json:"tracestate"`
	Baggage string `json:"baggage"`
}

// traced makes a call that is part of an agent's trace, and returns what its server
// was sent of that.
func traced(t *testing.T, raw *testkit.Raw, trace, server string) carried {
	t.Helper()
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"execute_tool","arguments":`+
		`{"agent_id":"a","server":%q,"tool":"mirror","args":{"x":"argument-of-the-call"}},`+
		`"_meta":{"traceparent":"00-%s-b7ad6b7169203331-01","tracestate":"vendor=1","baggage":"user=me"}}}`, server, trace)
	reply, err := raw.Post(t.Context(), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Result struct {
			Content []struct{ Text []byte } // in base64
		}
	}
	var params struct {
		Meta carried `json:"_meta"`
	}
	if json.Unmarshal(reply.Message, &answer) != nil || len(answer.Result.Content) == 0 || json.Unmarshal(answer.Result.Content[0].Text, &params) != nil {
		t.Fatalf("got %s, want the params as text", reply.Message)
	}
	return params.Meta
}

// spansOf are those of the call to a server.
func spansOf(spans []otlp.Span, server string) (whole, send otlp.Span) {
	for _, s := range spans {
		switch {
		case s.Attributes["gatehouse.server"] != server:
		case s.Name == "send":
			send = s
		case s.Name == "tools/call mirror":
			whole = s
		}
	}
	return whole, send
}

// recordingHeaders stands before an HTTP server, and remembers the headers of the
// last request that had some of a trace.
func recordingHeaders(t *testing.T, base string) (string, *atomic.Pointer[http.Header]) {
	t.Helper()
	target, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	var seen atomic.Pointer[http.Header]
	own := &http.Transport{} // The default one is closed with other tests' servers.
	t.Cleanup(own.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		if r.In.Header.Get("Traceparent") != "" {
			h := r.In.Header.Clone()
			seen.Store(&h)
		}
		r.SetURL(target)
	}, FlushInterval: -1, Transport: own}
	srv := httptest.NewServer(proxy)
	t.Cleanup(srv.Close)
	return srv.URL, &seen
}

func TestAuditOTLP_besideAuditOut_isRefused(t *testing.T) {
	for _, c := range []struct {
		out, endpoint, protocol, want string
	}{
		{"", "http://collector:4318/", "", "otlp+http://collector:4318/v1/logs"},
		{"", "", "", "otlp+http://localhost:4318/v1/logs"},
		{"syslog", "", "", "error: --audit-otlp and --audit-out both say where lines go: give one of them"},
		{"", "user:s3cr3t@x", "", "error: --audit-otlp: OTEL_EXPORTER_OTLP_ENDPOINT is not http:// or https:// and HOST:PORT, with a path or none; headers go into OTEL_EXPORTER_OTLP_HEADERS"},
		{"", "http://user:s3cr3t@x", "", "error: --audit-otlp: OTEL_EXPORTER_OTLP_ENDPOINT is not http:// or https:// and HOST:PORT, with a path or none; headers go into OTEL_EXPORTER_OTLP_HEADERS"},
		{"", "http://x:4317", "grpc", "error: --audit-otlp: log records are sent over HTTP, and the variables of OpenTelemetry ask for grpc: " +
			"set OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/json, and OTEL_EXPORTER_OTLP_LOGS_ENDPOINT to where the collector takes HTTP"},
	} {
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.endpoint)
		t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", c.protocol)
		o := runOptions{auditOTLP: true, auditOut: c.out}
		got := ""
		if err := o.checkAuditOut(); err != nil {
			got = "error: " + err.Error()
		} else {
			got = o.auditOut
		}
		if got != c.want {
			t.Errorf("%q %q: got %s, want %s", c.out, c.endpoint, got, c.want)
		}
	}
}
