//go:build unix

package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/internal/audit"
	"gatehouse/testkit"
)

// prometheusProgram returns the path of one of Prometheus's own programs: the one on
// PATH, else the one that "make prometheus" has unpacked. It skips the test where there
// is neither.
func prometheusProgram(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path := testdata(t, "prometheus", "usr", "bin", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped: %s is not here: install Prometheus, or run make prometheus on Debian", name)
	}
	return path
}

// examplesOfPrometheus is the folder with what docs/OPERATIONS.md offers.
func examplesOfPrometheus(t *testing.T, name string) string {
	t.Helper()
	return testdata(t, "..", "..", "..", "docs", "examples", "prometheus", name)
}

// promtool runs a check, which must find nothing.
func promtool(t *testing.T, stdin io.Reader, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), prometheusProgram(t, "promtool"), args...)
	cmd.Stdin = stdin
	if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("FAILED")) {
		t.Errorf("promtool %v: got %v: %s, want nothing to find", args, err, out)
	}
}

// scraper is a Prometheus that scrapes one gateway.
type scraper struct{ url string }

// scrape starts a Prometheus with the alert rules of the documentation.
func scrape(t *testing.T, ops string) scraper {
	t.Helper()
	dir, address := t.TempDir(), testkit.FreeAddress(t)
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%q]\nscrape_configs:\n  - job_name: gatehouse\n    static_configs: [{targets: [%q]}]\n",
		examplesOfPrometheus(t, "alerts.yml"), strings.TrimPrefix(ops, "http://"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, nil, "check", "config", config)
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), prometheusProgram(t, "prometheus"), "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Wait() // The end of the test's context has ended it.
		if t.Failed() {
			t.Logf("Prometheus said:\n%s", said.String())
		}
	})
	return scraper{"http://" + address}
}

// ask reads what Prometheus answers at a path; false while it does not.
func (s scraper) ask(t *testing.T, path string, data any) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK && json.Unmarshal(body, &struct{ Data any }{data}) == nil
}

// counts are the values of a query by their labels, joined.
func (s scraper) counts(t *testing.T, query string, labels ...string) map[string]int {
	t.Helper()
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	if !s.ask(t, "/api/v1/query?query="+url.QueryEscape(query), &data) {
		return nil
	}
	counts := map[string]int{}
	for _, r := range data.Result {
		var words []string
		for _, l := range labels {
			words = append(words, r.Metric[l])
		}
		text, _ := r.Value[1].(string)
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: got %v, want a whole number", query, r.Value)
		}
		counts[strings.Join(words, " ")] += n
	}
	return counts
}

// callsInAuditLog counts the lines about calls, by agent, server, tool and outcome.
func callsInAuditLog(t *testing.T, g *testkit.Gateway) map[string]int {
	t.Helper()
	logged := map[string]int{}
	for line := range strings.Lines(testkit.ReadFile(t, g.AuditFile)) {
		var r audit.Record
		if json.Unmarshal([]byte(line), &r) == nil && r.Event == "" {
			logged[strings.Join([]string{r.AgentID, r.Server, r.Tool, r.Outcome}, " ")]++
		}
	}
	return logged
}

// load has several agents call at once: calls that end well, that the rules or the
// tool refuse, and that end their server.
func load(t *testing.T, g *testkit.Gateway) {
	t.Helper()
	var all sync.WaitGroup
	for _, agent := range []string{"a", "b", "c"} {
		all.Go(func() {
			caller := g.Agent(t, agent)
			for range 200 {
				caller.Execute(t, "db", "echo", map[string]any{"text": "x"})
			}
			caller.Execute(t, "api", "no such tool", nil)
			caller.Execute(t, "secret", "echo", nil)
			caller.Execute(t, "api", "crash", nil)
			caller.ListServers(t)
		})
	}
	all.Wait()
}

func TestPrometheus_countsWhatTheAuditLogSays_andFindsNothingWrong(t *testing.T) {
	prometheusProgram(t, "prometheus")
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"db": testkit.Fake(t), "api": testkit.Fake(t), "secret": testkit.Fake(t)}.JSON(),
		Rules: `{"agents": {"a": {"allow": {"servers": ["db", "api"], "tools": {"db": ["*"], "api": ["*"]}}}, "b": {"allow": {"servers": ["db", "api"], "tools": {"db": ["*"], "api": ["*"]}}},
			"c": {"allow": {"servers": ["db", "api"], "tools": {"db": ["*"], "api": ["*"]}}}}}`,
		Args: []string{"--ops", "127.0.0.1:0"}, Env: []string{testkit.Built(t)},
	})
	for _, server := range []string{"db", "api", "secret"} {
		g.Await(t, "server ready", "server", server)
	}
	var st admin.Status
	if err := json.Unmarshal([]byte(operate(t, g, "status", "--json")), &st); err != nil {
		t.Fatal(err)
	}
	prometheus := scrape(t, st.Ops)
	load(t, g)

	var counted, logged map[string]int
	testkit.Eventually(t, "as many calls counted as there are lines in the audit log", func() bool {
		logged = callsInAuditLog(t, g)
		counted = prometheus.counts(t, "gatehouse_calls_total", "agent", "server", "tool", "outcome")
		made := map[string]int{} // A tool that nobody has counts as other.
		for of, n := range logged {
			made[strings.ReplaceAll(of, "no such tool", "other")] += n
		}
		return len(logged) > 8 && maps.Equal(made, counted)
	})
	t.Run("alert rules", func(t *testing.T) { prometheus.evaluates(t) })
	t.Run("dashboard", func(t *testing.T) { prometheus.answersDashboard(t) })
	t.Run("metrics", func(t *testing.T) {
		resp, err := http.Get(st.Ops + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		promtool(t, resp.Body, "check", "metrics")
	})
}

// evaluates shows that Prometheus takes every alert rule and evaluates it.
func (s scraper) evaluates(t *testing.T) {
	promtool(t, nil, "check", "rules", examplesOfPrometheus(t, "alerts.yml"))
	var data struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	testkit.Eventually(t, "all rules have been evaluated", func() bool {
		known := s.ask(t, "/api/v1/rules", &data) && len(data.Groups) > 0
		for _, group := range data.Groups {
			known = known && !slices.ContainsFunc(group.Rules, func(r struct{ Name, Health, LastError string }) bool { return r.Health == "unknown" })
		}
		return known
	})
	for _, group := range data.Groups {
		for _, r := range group.Rules {
			if r.Health != "ok" {
				t.Errorf("%s: got %s: %s, want ok", r.Name, r.Health, r.LastError)
			}
		}
	}
}

// answersDashboard shows that Prometheus answers each query of the dashboard.
func (s scraper) answersDashboard(t *testing.T) {
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(testkit.ReadFile(t, examplesOfPrometheus(t, "dashboard.json"))), &board); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			asked++
			expr := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*", "$server", ".*").Replace(target.Expr)
			if !s.ask(t, "/api/v1/query?query="+url.QueryEscape(expr), new(any)) {
				t.Errorf("%s: Prometheus does not answer %s, want it to", panel.Title, expr)
			}
		}
	}
	if asked == 0 {
		t.Error("the dashboard asks nothing, want queries in its panels")
	}
}
