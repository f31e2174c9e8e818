package audit_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/testkit"
)

// collector is a receiver of OTLP. It answers with the statuses given, and then
// with 200.
type collector struct {
	*httptest.Server

	mu       sync.Mutex
	statuses []int
	requests []*http.Request
	lines    []string
	times    []string
}

// export is what matters here of ExportLogsServiceRequest.
type export struct {
	ResourceLogs []struct {
		Resource struct {
			Attributes []struct {
				Key   string
				Value struct{ StringValue string }
			}
		}
		ScopeLogs []struct {
			LogRecords []struct {
				TimeUnixNano   string
				SeverityNumber int
				Body           struct{ StringValue string }
			}
		}
	}
}

func newCollector(t *testing.T, statuses ...int) *collector {
	t.Helper()
	c := &collector{statuses: statuses}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.requests = append(c.requests, r)
		if len(c.statuses) > 0 {
			status := c.statuses[0]
			c.statuses = c.statuses[1:]
			w.WriteHeader(status)
			return
		}
		var e export
		d := json.NewDecoder(r.Body)
		if err := d.Decode(&e); err != nil || len(e.ResourceLogs) != 1 || len(e.ResourceLogs[0].ScopeLogs) != 1 {
			t.Errorf("got %+v, %v; want logs of one resource and scope", e, err)
			return
		}
		if a := e.ResourceLogs[0].Resource.Attributes; len(a) == 0 || a[0].Key != "service.name" || a[0].Value.StringValue != "gatehouse" {
			t.Errorf("the resource: got %+v, want service.name gatehouse first", a)
		}
		for _, l := range e.ResourceLogs[0].ScopeLogs[0].LogRecords {
			c.lines, c.times = append(c.lines, l.Body.StringValue), append(c.times, l.TimeUnixNano)
		}
		_, _ = w.Write([]byte(`{}`))
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lines
}

func TestOTLP_getsEachLineInOrder(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-token=a%20b, other=c")
	c := newCollector(t, http.StatusServiceUnavailable)
	d := newDisk(t)
	l := d.open(t, audit.Options{Outlet: outlet(t, "otlp+"+c.URL)})
	for i := range 1000 {
		l.Append(callRecord(strconv.Itoa(i), "read"))
	}
	testkit.Eventually(t, "all lines have come", func() bool { return len(c.got()) == 1001 })
	if err := tryClose(t, l); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(c.got(), "\n")+"\n", d.content(t); got != want {
		t.Errorf("got %d bytes, want the %d that are in the file", len(got), len(want))
	}
	if s := l.Stats().Shipped; s.Sent != 1002 || s.Lost != 0 || s.Err != "" {
		t.Errorf("got %+v, want 1002 sent", s)
	}
	r := c.requests[len(c.requests)-1]
	if r.URL.Path != "/v1/logs" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("X-Token") != "a b" || r.Header.Get("Other") != "c" {
		t.Errorf("got %s with %v, want /v1/logs, JSON and both headers", r.URL.Path, r.Header)
	}
	if len(c.requests) > 100 {
		t.Errorf("got %d requests, want many lines in each", len(c.requests))
	}
	var first struct{ Timestamp time.Time }
	if err := json.Unmarshal([]byte(c.lines[0]), &first); err != nil || c.times[0] != strconv.FormatInt(first.Timestamp.UnixNano(), 10) {
		t.Errorf("got the time %s, %v; want that of the line, %v", c.times[0], err, first.Timestamp)
	}
}

// What the receiver will never take is not sent for ever.
func TestOTLP_whatIsRejected_isLostAndTheRestGoesOn(t *testing.T) {
	c := newCollector(t, http.StatusBadRequest)
	l := newDisk(t).open(t, audit.Options{Outlet: outlet(t, "otlp+"+c.URL+"/own/path")})
	testkit.Eventually(t, "the first is rejected", func() bool { return l.Stats().Shipped.Lost == 1 })
	l.Append(callRecord("1", "read"))
	testkit.Eventually(t, "the next is taken", func() bool { return len(c.got()) == 1 })
	if got := c.requests[0].URL.Path; got != "/own/path" {
		t.Errorf("got the path %s, want /own/path", got)
	}
	if err := tryClose(t, l); err != nil {
		t.Error(err)
	}
}

func TestParseOutlet_OTLP(t *testing.T) {
	for s, good := range map[string]bool{
		"otlp+http://h:4318": true, "otlp+https://h/v1/logs": true, "otlp+http://[::1]:4318/": true,
		"otlp+http://": false, "otlp+http://u:p@h": false, "otlp+http://h/?a=b": false, "otlp+grpc://h:4317": false, "otlp:h": false,
	} {
		if _, err := audit.ParseOutlet(s); (err == nil) != good {
			t.Errorf("%q: got %v, want it to be good: %v", s, err, good)
		}
	}
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "token=a,secret")
	if _, err := audit.ParseOutlet("otlp+http://h:4318"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("with bad headers: got %v, want an error that does not show them", err)
	}
}
