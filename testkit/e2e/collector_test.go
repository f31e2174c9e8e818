//go:build unix

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gatehouse/testkit"
)

// collector is OpenTelemetry's own collector.
type collector struct {
	http, grpc string // addresses
	printed    string // the file with what it received
}

// startCollector builds the collector of testdata/collector and starts it. It skips
// the test where its modules cannot be had, and where "make e2e" has not started it:
// the first build takes minutes.
func startCollector(t *testing.T) collector {
	t.Helper()
	if os.Getenv("GATEHOUSE_E2E") != "must" {
		t.Skip("skipped: OpenTelemetry's collector takes minutes to build: run make e2e")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "collector")
	ctx, cancel := context.WithTimeout(t.Context(), 10*testkit.Patience)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-C", testdata(t, "collector"), "-ldflags=-s -w", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("skipped: OpenTelemetry's collector cannot be built here: %v\n%s", err, out)
	}
	c := collector{http: testkit.FreeAddress(t), grpc: testkit.FreeAddress(t), printed: filepath.Join(dir, "printed")}
	config := fmt.Sprintf(`yaml:{"receivers": {"otlp": {"protocols": {"http": {"endpoint": %q}, "grpc": {"endpoint": %q}}}}, "exporters": {"lines": {}},
		"service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {
			"traces": {"receivers": ["otlp"], "exporters": ["lines"]}, "logs": {"receivers": ["otlp"], "exporters": ["lines"]}}}}`, c.http, c.grpc)
	printed, err := os.Create(c.printed)
	if err != nil {
		t.Fatal(err)
	}
	defer printed.Close()
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, "--config", config)
	cmd.Stdout, cmd.Stderr = printed, &said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Wait() // The end of the test's context has ended it.
		if t.Failed() {
			t.Logf("the collector said:\n%s", said.String())
		}
	})
	for _, address := range []string{c.http, c.grpc} {
		testkit.Eventually(t, "the collector listens", func() bool {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		})
	}
	return c
}

// collectedSpan is a span in OTLP's JSON.
type collectedSpan struct {
	Trace   string `json:"traceId"`
	ID      string `json:"spanId"`
	Parent  string `json:"parentSpanId"`
	Name    string `json:"name"`
	service string
}

// attributesJSON are attributes whose values are texts.
type attributesJSON []struct {
	Key   string
	Value struct{ StringValue string }
}

func (a attributesJSON) get(key string) string {
	for _, one := range a {
		if one.Key == key {
			return one.Value.StringValue
		}
	}
	return ""
}

// spans are all that the collector has printed.
func (c collector) spans(t *testing.T) (spans []collectedSpan) {
	t.Helper()
	for line := range strings.Lines(testkit.ReadFile(t, c.printed)) {
		var request struct {
			ResourceSpans []struct {
				Resource   struct{ Attributes attributesJSON }
				ScopeSpans []struct{ Spans []collectedSpan }
			}
		}
		if json.Unmarshal([]byte(line), &request) != nil {
			continue // It is being written.
		}
		for _, of := range request.ResourceSpans {
			for _, scope := range of.ScopeSpans {
				for _, s := range scope.Spans {
					s.service = of.Resource.Attributes.get("service.name")
					spans = append(spans, s)
				}
			}
		}
	}
	return spans
}

func TestCollector_readsTheSpansOfACallAndTheAuditLog(t *testing.T) {
	c := startCollector(t)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	for protocol, address := range map[string]string{"http/protobuf": c.http, "grpc": c.grpc} {
		service := "by-" + strings.ReplaceAll(protocol, "/", "-")
		g := testkit.StartGateway(t, testkit.Options{
			Servers: testkit.Servers{"db": testkit.Fake(t)}.JSON(), Rules: testkit.AllowAll("a"), Args: []string{"--audit-out", "otlp+http://" + c.http + "/v1/logs"},
			Env: []string{
				testkit.Built(t), "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://" + address + map[string]string{"http/protobuf": "/v1/traces"}[protocol],
				"OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol, "OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_SERVICE_NAME=" + service,
			},
		})
		g.Await(t, "server ready")
		raw := testkit.NewRaw(t, g.BaseURL(t)+"/mcp", "")
		_, err := raw.Post(t.Context(), []byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"execute_tool","arguments":`+
			`{"agent_id":"a","server":"db","tool":"echo","args":{"text":"argument-of-the-call"}},"_meta":{"traceparent":"00-`+trace+`-b7ad6b7169203331-01"}}}`))
		if err != nil {
			t.Fatal(err)
		}
		var whole collectedSpan
		var parts []string
		testkit.Eventually(t, "the spans of the call by "+protocol, func() bool {
			spans := slices.DeleteFunc(c.spans(t), func(s collectedSpan) bool { return s.service != service })
			parts = nil
			for _, s := range spans {
				if s.Name == "tools/call echo" {
					whole = s
				}
			}
			for _, s := range spans {
				if whole.ID != "" && s.Parent == whole.ID {
					parts = append(parts, s.Name)
				}
			}
			return len(parts) == 3
		})
		slices.Sort(parts)
		if want := []string{"decide", "send", "wait"}; whole.Trace != trace || whole.Parent != "b7ad6b7169203331" || !slices.Equal(parts, want) {
			t.Errorf("%s: got %+v with %q under it, want it in the agent's trace with %q", protocol, whole, parts, want)
		}
		testkit.Eventually(t, "the call in the log by "+protocol, func() bool {
			return slices.ContainsFunc(strings.Split(testkit.ReadFile(t, c.printed), "\n"), func(line string) bool {
				return strings.Contains(line, `"resourceLogs"`) && strings.Contains(line, `"traceId":"`+trace+`"`)
			})
		})
	}
	if strings.Contains(testkit.ReadFile(t, c.printed), "argument-of-the-call") {
		t.Error("the collector was sent an argument of a call, want none")
	}
}
