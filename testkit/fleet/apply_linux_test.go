package fleet_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

// TestFleet_applyThroughAGateway needs no flag of the store.
func TestFleet_applyThroughAGateway(t *testing.T) {
	f := kit.Start(t, kit.Options{Nodes: 2, Servers: 1, TTL: 10 * time.Second}) // Nothing is waited for: a busy machine should not end leases.
	for _, c := range []struct {
		what, servers, rules string
		args                 []string
		want                 []string
		fails                bool
	}{
		{what: "a change", servers: f.Config(), rules: rules(1), want: []string{"n1 (", "n2 (", ": can follow", "in force on 2 replicas"}},
		{what: "the same again", servers: f.Config(), rules: rules(1), args: []string{"--fleet", "test"}, want: []string{"nothing to do"}},
		{what: "a wrong fleet", servers: f.Config(), rules: rules(2), args: []string{"--fleet", "other"}, want: []string{`of the fleet "test", not of "other"`}, fails: true},
		{what: "too much", servers: f.Config() + strings.Repeat(" ", 1<<20), rules: rules(2), want: []string{"and may have 1048576"}, fails: true},
	} {
		got, err := f.ApplyFrom(f.Nodes[1], c.servers, c.rules, c.args...)
		if (err != nil) != c.fails {
			t.Errorf("%s: got %v, want an error: %t\n%s", c.what, err, c.fails, got)
		}
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got %q, want %q in it", c.what, got, want)
			}
		}
	}
	got, err := f.ApplyFrom(f.Nodes[1], f.Config(), rules(3), "--json")
	var applied struct {
		Outcome  string
		Replicas []struct{ Node, Answer string }
	}
	if jsonErr := json.Unmarshal([]byte(got), &applied); err != nil || jsonErr != nil || applied.Outcome != "in force" ||
		len(applied.Replicas) != 2 || applied.Replicas[1].Answer != "can follow" {
		t.Errorf("got %q, %v and %v, want JSON with what both have said", got, err, jsonErr)
	}
}

// TestFleet_envFileOfTheConfigFolder_countsAtEachGateway: as at a gateway without a fleet,
// nothing has to name it.
func TestFleet_envFileOfTheConfigFolder_countsAtEachGateway(t *testing.T) {
	f := kit.Start(t, kit.Options{Nodes: 2, Servers: 1, TTL: 10 * time.Second})
	servers := f.With("own", f.Fake("own").With("env", map[string]string{"WHAT": "${ONLY_THERE}"}))
	if got, err := f.TryApply(servers, rules(1)); err == nil || !strings.Contains(got, "ONLY_THERE is not set") {
		t.Errorf("nobody has the variable: got %v and %q, want it refused, with its name", err, got)
	}
	for _, n := range f.Nodes {
		if err := os.MkdirAll(filepath.Join(n.Dir, "config", "gatehouse"), 0o700); err != nil {
			t.Fatal(err)
		}
		n.Write("config/gatehouse/gatehouse.env", "ONLY_THERE=1\n")
	}
	testkit.Eventually(t, "the gateways take over their env files", func() bool {
		_, err := f.TryApply(servers, rules(1))
		return err == nil
	})
}
