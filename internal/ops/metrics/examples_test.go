package metrics_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/ops/metrics"
)

const examples = "../../../docs/examples/prometheus"

func TestExamples_nameOnlyMetricsThatThereAre(t *testing.T) {
	for _, name := range []string{"alerts.yml", "dashboard.json"} {
		text, err := os.ReadFile(filepath.Join(examples, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".json") && !json.Valid(text) {
			t.Errorf("%s: got what is not JSON, want JSON", name)
		}
		for _, used := range regexp.MustCompile(`gatehouse_[a-z_]+`).FindAllString(string(text), -1) {
			metric := strings.TrimSuffix(used, "_bucket")
			if !slices.ContainsFunc(metrics.List, func(m metrics.Metric) bool { return m.Name == metric }) {
				t.Errorf("%s: got %s, want only metrics of the list", name, used)
			}
		}
	}
}

func TestExamples_promtool_findsNothing(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not here")
	}
	out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", filepath.Join(examples, "alerts.yml")).CombinedOutput()
	if err != nil {
		t.Errorf("check rules: got %v: %s, want nothing to find", err, out)
	}
	b, st := full()
	text, _ := scrape(t, b, st, "text/plain")
	check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("check metrics: got %v: %s, want nothing to find", err, out)
	}
}
