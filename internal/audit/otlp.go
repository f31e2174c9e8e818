package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/rawjson"
)

const (
	// otlpBatch is how many lines one request has at most, otlpBytes how many bytes
	// of them, but for a single line.
	otlpBatch = 512
	otlpBytes = 1 << 20
	// otlpPath is where logs are taken unless the url says otherwise.
	otlpPath = "/v1/logs"
	// otlpHeaders is the variable with headers for each request, such as a
	// collector's token; that of logs stands in its place.
	otlpHeaders     = "OTEL_EXPORTER_OTLP_HEADERS"
	otlpLogsHeaders = "OTEL_EXPORTER_OTLP_LOGS_HEADERS"
	// maxOTLPAnswer is how much of an answer is read.
	maxOTLPAnswer = 64 << 10
)

// errRejected means that lines will not be taken, however often they are sent.
var errRejected = errors.New("the receiver rejects them")

// parseOTLP reads the url behind "otlp+".
func parseOTLP(text string) (address string, err error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return "", errors.New("after // belongs HOST:PORT, and a path if it is not " + otlpPath)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("the url has a host and a path and nothing else; headers go into " + otlpHeaders)
	case u.Path == "" || u.Path == "/":
		u.Path = otlpPath
	}
	_, err = headersOTLP()
	return u.String(), err
}

// OTLPOutlet returns, for ParseOutlet, where the variables of OpenTelemetry send log
// records to: OTEL_EXPORTER_OTLP_LOGS_ENDPOINT, or below OTEL_EXPORTER_OTLP_ENDPOINT,
// or on this machine. An error does not show their values, which may have
// passwords.
func OTLPOutlet() (string, error) {
	variable, address := "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", os.Getenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT")
	if address == "" {
		variable, address = "OTEL_EXPORTER_OTLP_ENDPOINT", os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
		if address == "" {
			address = "http://localhost:4318"
		}
		address = strings.TrimRight(address, "/") + otlpPath
	}
	if protocol := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")); protocol == "grpc" {
		return "", errors.New("log records are sent over HTTP, and the variables of OpenTelemetry ask for grpc: " +
			"set OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/json, and OTEL_EXPORTER_OTLP_LOGS_ENDPOINT to where the collector takes HTTP")
	}
	if _, err := ParseOutlet("otlp+" + address); err != nil {
		return "", fmt.Errorf("%s is not http:// or https:// and HOST:PORT, with a path or none; headers go into %s", variable, otlpHeaders)
	}
	return "otlp+" + address, nil
}

// headersOTLP are the headers for each request.
func headersOTLP() (http.Header, error) {
	if text := os.Getenv(otlpLogsHeaders); text != "" {
		return parseOTLPHeaders(otlpLogsHeaders, text)
	}
	return parseOTLPHeaders(otlpHeaders, os.Getenv(otlpHeaders))
}

// otlp posts lines as log records: OTLP over HTTP, in JSON.
type otlp struct {
	url      string
	ctx      context.Context
	header   http.Header
	resource json.RawMessage
	client   *http.Client
}

func newOTLP(ctx context.Context, address string) (*otlp, error) {
	header, err := headersOTLP()
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname() // Without one it has no name.
	resource, err := rawjson.Marshal(map[string]any{"attributes": []any{
		otlpAttribute("service.name", cmp.Or(os.Getenv("OTEL_SERVICE_NAME"), "gatehouse")), otlpAttribute("host.name", host), otlpAttribute("process.pid", strconv.Itoa(os.Getpid())),
	}})
	if err != nil {
		return nil, fmt.Errorf("internal: %w", err)
	}
	return &otlp{url: address, ctx: ctx, header: header, resource: resource, client: &http.Client{
		Timeout:       sendTimeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func otlpAttribute(key, value string) any {
	return map[string]any{"key": key, "value": map[string]string{"stringValue": value}}
}

// parseOTLPHeaders reads the value of a variable, "name=value,name=value", percent-encoded, as the SDKs of
// OpenTelemetry do. An error does not show the values.
func parseOTLPHeaders(variable, text string) (http.Header, error) {
	header := http.Header{"Content-Type": {"application/json"}}
	for i, pair := range strings.Split(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("%s: number %d is not NAME=VALUE, percent-encoded", variable, i+1)
		}
		header.Add(strings.TrimSpace(name), value)
	}
	return header, nil
}

// Write posts a request that frameOTLP has made.
func (o *otlp) Write(body []byte) (int, error) {
	req, err := http.NewRequestWithContext(o.ctx, http.MethodPost, o.url, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("internal: %w", err)
	}
	req.Header = o.header.Clone()
	resp, err := o.client.Do(req)
	if err != nil {
		return 0, err //nolint:wrapcheck // It names method and url.
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxOTLPAnswer))
	switch {
	case resp.StatusCode == http.StatusBadRequest, resp.StatusCode == http.StatusRequestEntityTooLarge:
		return 0, fmt.Errorf("%w: status %s", errRejected, resp.Status)
	case resp.StatusCode/100 != 2:
		return 0, fmt.Errorf("status %s", resp.Status)
	case err != nil:
		return 0, err //nolint:wrapcheck // A body returns the error as it is.
	}
	// It is a string by the specification, and a number of some receivers.
	if n := strings.Trim(string(rawjson.Get(rawjson.Get(answer, "partialSuccess"), "rejectedLogRecords")), `"`); n != "" && n != "0" {
		return 0, fmt.Errorf("%w: %s of them", errRejected, n)
	}
	return len(body), nil
}

// Close closes what is idle.
func (o *otlp) Close() error {
	o.client.CloseIdleConnections()
	return nil
}

// frameOTLP is the request that has these lines, each as the body of a record.
func (o *otlp) frameOTLP(lines [][]byte, now time.Time) []byte {
	b := append([]byte(`{"resourceLogs":[{"resource":`), o.resource...)
	b = append(b, `,"scopeLogs":[{"scope":{"name":"gatehouse/audit"},"logRecords":[`...)
	observed := strconv.FormatInt(now.UnixNano(), 10)
	for i, line := range lines {
		if i > 0 {
			b = append(b, ',')
		}
		at := now
		if said, err := time.Parse(time.RFC3339Nano, rawjson.Text(rawjson.Get(line, "timestamp"))); err == nil {
			at = said
		}
		b = append(b, `{"timeUnixNano":"`...)
		b = strconv.AppendInt(b, at.UnixNano(), 10)
		b = append(append(append(b, `","observedTimeUnixNano":"`...), observed...), `","severityNumber":9,"severityText":"INFO","body":{"stringValue":`...)
		b = append(rawjson.AppendString(b, string(line)), '}')
		if trace := rawjson.Get(line, "trace_id"); trace != nil {
			b = append(append(b, `,"traceId":`...), trace...)
		}
		b = append(b, '}')
	}
	return append(b, `]}]}]}`...)
}
