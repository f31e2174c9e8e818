package main

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"gatehouse/testkit"
)

// Scenario D: in-flight operations.

func TestScenarioD_slowCall_endsWellWhileItsEntryChanges(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	g, a := beginRaced(t, testkit.Servers{"server1": testkit.Fake(t, "--record", record, "--tag", "old")})
	slow := goSlow(t, a, record, "server1", "slow")

	g.Apply(t, g.ServersFile, testkit.Servers{"server1": testkit.Fake(t, "--record", record, "--tag", "new")}.JSON())

	if got := a.Execute(t, "server1", "pid", nil).Good(t).Field("tag"); got != "new" {
		t.Errorf("after the reload a new call ran on %q, want %q", got, "new")
	}
	r := slow.End(t).Good(t)
	if got := r.Field("tag"); got != "old" {
		t.Errorf("the slow call ended on %q, want %q", got, "old")
	}
	testkit.Gone(t, r.PID(t))
	if n := len(testkit.Calls(testkit.Record(t, record))["slow"]); n != 1 {
		t.Errorf("the slow call ran %d times, want 1", n)
	}
}

func TestScenarioD_removedServer_refusesNewCallsAndRunningOnesEndWell(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	g, a := begin(t, testkit.Servers{"gone": testkit.Fake(t, "--record", record), "stays": testkit.Fake(t)})
	slow := goSlow(t, a, record, "gone", "slow")

	g.Apply(t, g.ServersFile, testkit.Servers{"stays": testkit.Fake(t)}.JSON())

	a.Execute(t, "gone", "echo", nil).Failed(t, "SERVER_NOT_FOUND")
	testkit.Gone(t, slow.End(t).Good(t).PID(t))
	a.Execute(t, "stays", "echo", nil).Good(t)
}

func TestDrain_atItsTimeout_cancelsWhatStillRuns(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	entry := testkit.Fake(t, "--record", record).Settings("drain_timeout_ms", 200)
	g, a := beginRaced(t, testkit.Servers{"s": entry})
	pid := pidOf(t, a, "s")
	hung := a.Go(t.Context(), "s", "hang", map[string]any{"id": "hung"})
	awaitCall(t, record, "hung")
	g.Apply(t, g.ServersFile, testkit.Servers{}.JSON())
	e := hung.Wait(t).Failed(t, "CANCELLED")
	if e.MayHaveRun == nil || !*e.MayHaveRun {
		t.Errorf("may_have_run is not true: %+v", e)
	}
	testkit.Gone(t, pid)
}

func TestReload_newEntryThatCannotStart_neverGoesBackToTheOldProcess(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	old := pidOf(t, a, "s")
	g.Apply(t, g.ServersFile, testkit.Servers{"s": {"command": "gatehouse-no-such-command"}}.JSON())
	if got := a.Execute(t, "s", "pid", nil).Failed(t, "SERVER_UNAVAILABLE").State; got != "quarantined" {
		t.Errorf("the state is %q, want %q", got, "quarantined")
	}
	testkit.Gone(t, old)
	g.Apply(t, g.ServersFile, testkit.Servers{"s": testkit.Fake(t)}.JSON())
	a.Execute(t, "s", "pid", nil).Good(t)
}

// flip is one call's outcome during a flip of the rules.
type flip struct {
	generation int
	allowed    bool
}

func TestScenarioD_checksDuringRulesFlips_seeOldOrNewAndNothingElse(t *testing.T) {
	t.Parallel()
	g, a := beginRaced(t, testkit.Servers{"s": testkit.Fake(t)})
	allowed := map[int]bool{g.Await(t, "gateway ready").Int("generation"): true}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	var mu sync.Mutex
	var flips []flip
	var wg sync.WaitGroup
	raw := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				r, err := raw.TryExecute(t.Context(), "s", "echo", nil)
				f, ok := flipOf(r)
				if err != nil || !ok {
					t.Errorf("neither old nor new: %v %s", err, r.Raw)
					return
				}
				mu.Lock()
				flips = append(flips, f)
				mu.Unlock()
			}
		})
	}
	for i := range 10 {
		rules := testkit.AllowAll("a")
		if i%2 == 0 {
			rules = testkit.Rules{"a": {Allow: []string{"*"}, Deny: []string{"s"}}}.JSON()
		}
		generation := g.Apply(t, g.RulesFile, rules).Int("generation")
		allowed[generation] = i%2 != 0
		r := a.Execute(t, "s", "echo", nil)
		if f, ok := flipOf(r); !ok || f.generation != generation {
			t.Errorf("once generation %d is applied a call is decided by %d, want that", generation, f.generation)
		}
	}
	cancel()
	wg.Wait()
	for _, f := range flips {
		if want, known := allowed[f.generation]; !known || want != f.allowed {
			t.Errorf("generation %d: got allowed=%v, want %v (known generation: %v)", f.generation, f.allowed, want, known)
		}
	}
	t.Logf("%d calls during 10 flips", len(flips))
}

// flipOf says which generation decided a call and how; false for any outcome
// that is neither a good result nor a denial.
func flipOf(r testkit.Result) (flip, bool) {
	switch r.Code() {
	case "DENIED_BY_POLICY":
		return flip{generation: r.Error.Generation}, true
	case "":
		switch n := r.Meta["io.gatehouse/generation"].(type) {
		case float64:
			return flip{int(n), true}, true
		case json.Number:
			i, err := n.Int64()
			return flip{int(i), true}, err == nil
		}
	}
	return flip{}, false
}

// Scenario G: access follows the rules.

func TestScenarioG_toolsEmptied_areRefusedWithTheNextCall(t *testing.T) {
	t.Parallel()
	rules := func(tools ...string) string {
		return testkit.Rules{"a": {Allow: []string{"server1"}, Tools: testkit.Tools{"server1": append([]string{}, tools...)}}}.JSON()
	}
	g, a := beginRules(t, testkit.Servers{"server1": testkit.Fake(t, "--tools", "read_data")}, rules("read_data"))
	a.Execute(t, "server1", "read_data", nil).Good(t)
	g.Apply(t, g.RulesFile, rules())
	a.Execute(t, "server1", "read_data", nil).Failed(t, "DENIED_BY_POLICY")
	if got := a.ServerNames(t); !slices.Equal(got, []string{"server1"}) {
		t.Errorf("the server itself is still allowed, but list_servers gives %v", got)
	}
	if got := a.Tools(t, "server1"); got.TotalAvailable != 0 || len(got.Tools) != 0 {
		t.Errorf("tools are still shown: %v", got.Names())
	}
}

func TestScenarioG_agentAddedAndRemoved_isInForceWithTheNextCall(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"server1": testkit.Fake(t)})
	b := a.As("agent2")
	b.Execute(t, "server1", "echo", nil).Failed(t, "DENIED_BY_POLICY")
	g.Apply(t, g.RulesFile, testkit.AllowAll("a", "agent2"))
	b.Execute(t, "server1", "echo", nil).Good(t)
	g.Apply(t, g.RulesFile, testkit.AllowAll("a"))
	b.Execute(t, "server1", "echo", nil).Failed(t, "DENIED_BY_POLICY")
	a.Execute(t, "server1", "echo", nil).Good(t)
}
