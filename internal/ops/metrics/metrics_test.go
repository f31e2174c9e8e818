package metrics_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"gatehouse/internal/admin"
	"gatehouse/internal/ops/metrics"
)

// known is what the files of these tests name: agents a..., servers s..., tools t...
func known(agent, server, tool string) (a, s, t bool) {
	return strings.HasPrefix(agent, "a"), strings.HasPrefix(server, "s"), strings.HasPrefix(tool, "t")
}

// scrape asks a book for its metrics as a program that accepts this.
func scrape(t *testing.T, b *metrics.Book, st admin.Status, accept string) (text, kind string) {
	t.Helper()
	w := httptest.NewRecorder()
	synctest.Test(t, func(t *testing.T) { // Else a busy machine may need longer than a scrape may last.
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		req.Header.Set("Accept", accept)
		metrics.Handler(b, func() admin.Status { return st }).ServeHTTP(w, req)
	})
	body, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("got %d, %v: %s, want 200", w.Code, err, body)
	}
	return string(body), w.Header().Get("Content-Type")
}

// full is a book and a status in which every metric has a value.
func full() (*metrics.Book, admin.Status) {
	b, at := metrics.NewBook(known), time.Unix(1_790_000_000, 0)
	b.Call(metrics.Call{Server: "s", Tool: "t", Agent: "a", Outcome: "ok", Took: time.Second, Sent: 3, Got: 4})
	b.Call(metrics.Call{Server: "s", Tool: "t", Agent: "a", Outcome: "DENIED_BY_POLICY", Refused: true})
	b.Started("s")
	b.Crashed("s")
	b.Quarantined("s")
	b.Reloaded("/f", "applied")
	return b, admin.Status{
		Ready: true, Version: "v1", Generation: 3, GenerationSince: at, Sessions: 2, Attach: &admin.Attach{Attached: 1},
		Servers: []admin.ServerStatus{{Name: "s", State: "ready", InFlight: 5, Waiting: 6, RunSince: &at, LastCrash: &at}},
		Reloads: []admin.Report{{File: "/f", Outcome: "applied", LastGood: &at}},
		Fleet: &admin.Fleet{
			Node: "n1", TenureMS: 4500, StoreSilentMS: 250, Generation: 7, CertificateEnds: &at,
			Nodes: []admin.FleetNode{{ID: "n1", Unreached: []string{"n2"}}, {ID: "n2"}, {ID: "n3"}}, Unreached: map[string]string{"n2": "no", "n3": "no"},
			Stuck: []string{"db"}, Waits: []admin.FleetWait{{Node: "n1", Server: "web", At: []string{"n2"}}, {Node: "n2", Server: "files", At: []string{"n3"}}}, ClocksMS: map[string]int64{"n2": 9000, "n3": -60_000}, Owners: map[string]string{"s": "n1", "other": "n2"},
		},
	}
}

// value reads one sample.
func value(t *testing.T, text, sample string) float64 {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, sample+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("there is no sample %s in\n%s", sample, text)
	return 0
}

func TestMetrics_output_isWhatTheListAndThePageSay(t *testing.T) {
	page, err := os.ReadFile("../../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(gatehouse_[a-z_]+)(\\{[a-z,]+\\})?` \\| [^|]+\\. \\|$").FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, m[1]+m[2])
	}
	var listed []string
	for _, m := range metrics.List {
		name := m.Name
		if len(m.Labels) > 0 {
			name += "{" + strings.Join(m.Labels, ",") + "}"
		}
		listed = append(listed, name)
	}
	if !slices.Equal(documented, listed) {
		t.Errorf("docs/OPERATIONS.md lists\n%s\nwant\n%s", strings.Join(documented, "\n"), strings.Join(listed, "\n"))
	}
	text, _ := scrape(t, must(full()), status(full()), "text/plain")
	for _, m := range metrics.List {
		if !strings.Contains(text, "# HELP "+m.Name+" "+m.Help+"\n") {
			t.Errorf("the output lacks %s, want all of the list", m.Name)
		}
	}
	for _, name := range regexp.MustCompile(`(?m)^# TYPE (gatehouse_\S+)`).FindAllStringSubmatch(text, -1) {
		if !slices.ContainsFunc(metrics.List, func(m metrics.Metric) bool { return m.Name == name[1] }) {
			t.Errorf("the output has %s, want only what is listed", name[1])
		}
	}
}

func must(b *metrics.Book, _ admin.Status) *metrics.Book   { return b }
func status(_ *metrics.Book, st admin.Status) admin.Status { return st }

func TestMetrics_withoutAFleet_noneOfAFleet(t *testing.T) {
	b, st := full()
	st.Fleet = nil
	if text, _ := scrape(t, b, st, "text/plain"); strings.Contains(text, "gatehouse_fleet_") {
		t.Errorf("got metrics of a fleet without one, want none in\n%s", text)
	}
}

func TestMetrics_output_isAsPrometheusAdvises(t *testing.T) {
	b, st := full()
	text, kind := scrape(t, b, st, "text/plain")
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 || !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Errorf("got %v, %v as %s, want no problems as text", problems, err, kind)
	}
	text, kind = scrape(t, b, st, "application/openmetrics-text; version=1.0.0")
	if !strings.HasPrefix(kind, "application/openmetrics-text") || !strings.HasSuffix(text, "# EOF\n") {
		t.Errorf("OpenMetrics: got %s ending in %q, want it with its end", kind, text[max(0, len(text)-20):])
	}
	for sample, want := range map[string]float64{
		`gatehouse_calls_total{agent="a",outcome="ok",server="s",tool="t"}`: 1,
		`gatehouse_calls_refused_total{code="DENIED_BY_POLICY"}`:            1,
		`gatehouse_call_duration_seconds_count{server="s"}`:                 2,
		`gatehouse_call_duration_seconds_bucket{server="s",le="0.5"}`:       1,
		`gatehouse_call_duration_seconds_bucket{server="s",le="1.0"}`:       2,
		`gatehouse_calls_in_flight{server="s"}`:                             5,
		`gatehouse_calls_waiting{server="s"}`:                               6,
		`gatehouse_request_bytes_total{server="s"}`:                         3,
		`gatehouse_result_bytes_total{server="s"}`:                          4,
		`gatehouse_fleet_tenure_seconds`:                                    4.5,
		`gatehouse_fleet_contact_age_seconds`:                               0.25,
		`gatehouse_fleet_generation`:                                        7,
		`gatehouse_fleet_owned_servers`:                                     1,
		`gatehouse_fleet_nodes`:                                             3,
		`gatehouse_fleet_unreached_nodes`:                                   2,
		`gatehouse_fleet_waiting_servers`:                                   1,
		`gatehouse_fleet_stuck_servers`:                                     1,
		`gatehouse_fleet_clock_offset_seconds`:                              60,
		`gatehouse_fleet_certificate_end_timestamp_seconds`:                 1_790_000_000,
		`gatehouse_servers{state="ready"}`:                                  1,
		`gatehouse_servers{state="quarantined"}`:                            0,
		`gatehouse_config_last_success_timestamp_seconds{file="/f"}`:        1.79e9,
		`gatehouse_server_last_crash_timestamp_seconds{server="s"}`:         1.79e9,
	} {
		if got := value(t, text, sample); got != want {
			t.Errorf("%s: got %v, want %v", sample, got, want)
		}
	}
}

func TestCalls_madeUpNames_areOtherAndCounted(t *testing.T) {
	b := metrics.NewBook(known)
	for i := range 5000 {
		b.Call(metrics.Call{Server: fmt.Sprint("no", i), Tool: fmt.Sprint("x", i), Agent: fmt.Sprint("nobody", i), Outcome: "SERVER_NOT_FOUND"})
	}
	b.Call(metrics.Call{Server: "s", Tool: "made up", Agent: "a", Outcome: "ok"})
	b.Call(metrics.Call{Agent: "a", Outcome: "ok"})
	text, _ := scrape(t, b, admin.Status{}, "")
	for sample, want := range map[string]float64{
		`gatehouse_calls_total{agent="other",outcome="SERVER_NOT_FOUND",server="other",tool="other"}`: 5000,
		`gatehouse_calls_total{agent="a",outcome="ok",server="s",tool="other"}`:                       1,
		`gatehouse_calls_total{agent="a",outcome="ok",server="",tool=""}`:                             1,
		`gatehouse_metrics_other_total`:                                                               5001,
	} {
		if got := value(t, text, sample); got != want {
			t.Errorf("%s: got %v, want %v", sample, got, want)
		}
	}
}

func TestCalls_moreSetsThanTheBound_areOtherAndNoneIsLost(t *testing.T) {
	b := metrics.NewBook(known)
	const sets = 3 * metrics.MaxSets
	for i := range sets {
		b.Call(metrics.Call{Server: fmt.Sprint("s", i), Tool: "t", Agent: "a", Outcome: "ok"})
	}
	text, _ := scrape(t, b, admin.Status{}, "")
	calls, histograms, sum := 0, 0, 0.0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "gatehouse_calls_total{") {
			calls++
			v, _ := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
			sum += v
		}
		if strings.HasPrefix(line, "gatehouse_call_duration_seconds_count{") {
			histograms++
		}
	}
	if calls > metrics.MaxSets || histograms > metrics.MaxSets || sum != sets {
		t.Errorf("got %d sets of calls, %d of durations, %v calls; want at most %d each, and %d", calls, histograms, sum, metrics.MaxSets, sets)
	}
}

func TestCalls_hostileLabels_stayInTheirQuotes(t *testing.T) {
	b := metrics.NewBook(func(string, string, string) (bool, bool, bool) { return true, true, true })
	b.Call(metrics.Call{Server: "s\"} 1\ngatehouse_fake 7\n", Agent: "a\xff\\", Outcome: "ok"})
	text, _ := scrape(t, b, admin.Status{}, "")
	if strings.Contains(text, "\ngatehouse_fake") {
		t.Errorf("a label made a line of its own:\n%s\nwant it escaped", text)
	}
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil {
		t.Errorf("got %v, %v, want text that can be read", problems, err)
	}
}

func TestServers_instancesAndNamesThatLookAlike_areOneSet(t *testing.T) {
	text, _ := scrape(t, metrics.NewBook(known), admin.Status{Servers: []admin.ServerStatus{
		{Name: "s", State: "ready", InFlight: 1},
		{Name: "s for a", Of: "s", State: "ready", InFlight: 2},
		{Name: "s for b", Of: "s", State: "idle", InFlight: 4},
		{Name: "x\xff", State: "held", InFlight: 1},
		{Name: "x\xfe", State: "held", InFlight: 1},
	}}, "")
	for sample, want := range map[string]float64{
		`gatehouse_calls_in_flight{server="s"}`: 7, `gatehouse_calls_in_flight{server="x\uFFFD"}`: 2, `gatehouse_server_ready{server="s"}`: 1, `gatehouse_servers{state="ready"}`: 2,
	} {
		if got := value(t, text, strings.ReplaceAll(sample, `\uFFFD`, "\uFFFD")); got != want {
			t.Errorf("%s: got %v, want %v", sample, got, want)
		}
	}
}

func TestCall_knownLabels_allocatesNothing(t *testing.T) {
	b := metrics.NewBook(known)
	call := metrics.Call{Server: "s", Tool: "t", Agent: "a", Outcome: "ok", Took: time.Millisecond}
	b.Call(call)
	if got := testing.AllocsPerRun(100, func() { b.Call(call) }); got != 0 {
		t.Errorf("got %v allocations a call, want 0", got)
	}
}

func BenchmarkCall(b *testing.B) {
	book := metrics.NewBook(known)
	for i := range 1000 {
		book.Call(metrics.Call{Server: fmt.Sprint("s", i%50), Tool: fmt.Sprint("t", i), Agent: "a", Outcome: "ok"})
	}
	call := metrics.Call{Server: "s7", Tool: "t507", Agent: "a", Outcome: "ok", Took: 300 * time.Microsecond, Sent: 100, Got: 1000}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			book.Call(call)
		}
	})
}
