package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/testkit"
)

func TestReload_printsWhatBecameOfEachFile(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"db": testkit.Fake(t)}.JSON(), Rules: testkit.AllowAll("a"), Args: []string{"--debounce", "2s"},
	})
	operate(t, g, "reload").want(t, exitFine, g.ServersFile+": unchanged", g.RulesFile+": unchanged")

	// The watcher applies a change by itself after 2 s at most. On a busy machine it may be
	// faster than the command, which then has nothing to apply; then this tries again.
	applied := false
	for next := uint64(2); !applied && next < 12; next++ {
		more := fmt.Sprint("more", next)
		testkit.WriteAtomic(t, g.ServersFile, testkit.Servers{"db": testkit.Fake(t), more: testkit.Fake(t)}.JSON())
		r := operate(t, g, "reload", "--json").want(t, exitFine)
		byFile := map[string]admin.Report{}
		for _, report := range value[[]admin.Report](t, r) {
			byFile[report.File] = report
		}
		got := byFile[g.ServersFile]
		applied = got.Outcome == "applied"
		if len(byFile) != 2 || got.Generation != next || applied && !slices.Equal(got.Added, []string{more}) || !applied && got.Outcome != "unchanged" {
			t.Errorf("reports: %s, want two, the servers file applied as generation %d with %s added", r.out, next, more)
		}
		if st, _ := statusOf(t, g, more); st.Generation != next {
			t.Errorf("reload returned in generation %d, want %d", st.Generation, next)
		}
	}
	if !applied {
		t.Error("ten times the watcher was there first, want the command to apply a change")
	}

	testkit.WriteAtomic(t, g.RulesFile, `{"agents": {"agent@invalid": {}}}`)
	operate(t, g, "reload").want(t, exitNo, g.RulesFile+": rejected", "agent@invalid", g.ServersFile+": unchanged")
}

func TestRestart_underLoad_losesNoCallAndRunsNoneTwice(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t, "--record", record)})
	before := pidOf(t, a, "db")
	loaded := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	answered := map[string]bool{}
	for worker := range 6 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := "w" + strconv.Itoa(worker) + "-" + strconv.Itoa(n)
				r, err := loaded.TryExecute(t.Context(), "db", "sleep", map[string]any{"ms": 5, "id": id})
				if err != nil || r.IsError {
					t.Errorf("call %s: %v %s, want a result", id, err, r.Raw)
					return
				}
				mu.Lock()
				answered[id] = true
				mu.Unlock()
			}
		})
	}
	for range 4 {
		operate(t, g, "restart", "db").want(t, exitFine, "afresh")
	}
	after := pidOf(t, a, "db")
	close(stop)
	wg.Wait()
	if after == before {
		t.Error("the process is the same")
	}
	testkit.Gone(t, before)
	calls := testkit.Calls(testkit.Record(t, record))
	for id := range answered {
		if len(calls[id]) != 1 {
			t.Errorf("call %s ran %d times, want 1", id, len(calls[id]))
		}
	}
	if _, db := statusOf(t, g, "db"); db.Run != 5 || db.Restarts != 0 {
		t.Errorf("after four restarts by hand: %+v, want run 5 and no restart counted", db)
	}
	t.Logf("%d calls during 4 restarts", len(answered))
}

func TestRestart_returnsWhenTheServerIsReady(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{
		"slow": testkit.Fake(t, "--start-delay", "700ms"), "lazy": testkit.Fake(t).Settings("start", "lazy"),
		"never": testkit.Fake(t, "--start-delay", "10m").Settings("startup_timeout_ms", 300),
		"bad":   {"command": "gatehouse-no-such-command"},
	})
	before := pidOf(t, a, "slow")
	operate(t, g, "restart", "slow").want(t, exitFine, `"slow" has started afresh and is ready, after`)
	if _, slow := statusOf(t, g, "slow"); slow.State != "ready" || slow.PID == before {
		t.Errorf("got %s, process %d after the restart, want ready, another process than %d", slow.State, slow.PID, before)
	}
	operate(t, g, "restart", "slow", "--no-wait").want(t, exitFine, `"slow" starts afresh`)
	operate(t, g, "restart", "lazy").want(t, exitFine, `"lazy" starts afresh with its next call`)
	operate(t, g, "restart", "never").want(t, exitNo, `"never" is not ready but `, ": not ready within startup_timeout_ms", "gatehouse status never")
	r := operate(t, g, "restart", "bad", "--json").want(t, exitNo)
	if did := value[operated](t, r); did.State != "quarantined" || !strings.Contains(did.Reason, "not found") {
		t.Errorf("got %+v, want it quarantined, with the reason", did)
	}
}

// Its end takes longer than that of others, and the verdict comes only then.
func TestRestart_notReadyInTimeAndDeafToTerm_saysWhy(t *testing.T) {
	t.Parallel()
	never := testkit.Fake(t, "--start-delay", "10m", "--ignore-term").Settings("startup_timeout_ms", 100)
	g, _ := begin(t, testkit.Servers{"never": never})
	operate(t, g, "restart", "never").want(t, exitNo, ": not ready within startup_timeout_ms")
}

func TestHold_refusesCallsSurvivesReloadsAndEndsWithRelease(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t)})
	pid := pidOf(t, a, "db")
	operate(t, g, "hold", "db", "--reason", "disk swap").want(t, exitFine, "held by the operator", "disk swap")
	testkit.Gone(t, pid)
	e := unavailable(t, a, "db", "held")
	if !strings.Contains(e.Message, "disk swap") {
		t.Errorf("agents are told %q, want the disk swap", e.Message)
	}
	if len(a.Tools(t, "db").Names()) == 0 {
		t.Error("its tools are not listed any more")
	}
	g.Apply(t, g.ServersFile, testkit.Servers{"db": testkit.Fake(t, "--tag", "new"), "more": testkit.Fake(t)}.JSON())
	operate(t, g, "reload").want(t, exitFine)
	unavailable(t, a, "db", "held")
	operate(t, g, "restart", "db").want(t, exitNo, "release it first")
	operate(t, g, "status").want(t, exitFine, "hold     db until it is released: disk swap")
	operate(t, g, "release", "db").want(t, exitFine)
	if got := a.Execute(t, "db", "pid", nil).Good(t).Field("tag"); got != "new" {
		t.Errorf("after the release %q answers, want %q", got, "new")
	}
	operate(t, g, "release", "db").want(t, exitFine, "nothing to release")
	operate(t, g, "move", "db").want(t, exitNo, "not one of a fleet")
	// A fleet that is named is that fleet, whichever gateway runs here.
	operate(t, g, "move", "db", "--fleet", "shop").want(t, exitUsage, "needs the store of that fleet")
	runIn(t, operatorEnv(g, "GATEWAY_FLEET_STORE=http://127.0.0.1:1"), "move", "db", "--fleet", "shop").want(t, exitNo, "127.0.0.1:1")
}

func TestHold_runningCalls_endWell(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t, "--record", record)})
	slow := goSlow(t, a, record, "db", "slow")
	operate(t, g, "hold", "db").want(t, exitFine)
	unavailable(t, a, "db", "held")
	if st, _ := statusOf(t, g, "db"); len(st.Draining) != 1 || st.Draining[0].Server != "db" {
		t.Errorf("draining: %+v, want db alone", st.Draining)
	}
	slow.End(t).Good(t)
}

func TestHold_withATime_endsByItself(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t)})
	operate(t, g, "hold", "db", "--for", "700ms").want(t, exitFine, "held by the operator until 2")
	g.Await(t, "config applied", "trigger", "hold-over")
	a.Execute(t, "db", "echo", nil).Good(t)
	if st, _ := statusOf(t, g, "db"); len(st.Holds) != 0 {
		t.Errorf("holds: %+v, want none", st.Holds)
	}
}

func TestRelease_quarantinedServerWhoseCommandWasMended_works(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "server")
	g, a := begin(t, testkit.Servers{"db": {"command": path}})
	g.Await(t, "server quarantined", "server", "db")
	unavailable(t, a, "db", "quarantined")
	operate(t, g, "release", "db").want(t, exitFine)
	g.AwaitLine(t, 0, "the second quarantine", func(l testkit.Line) bool {
		return l.Msg == "server quarantined" && l.Int("run") == 2
	})
	if err := os.Symlink(testkit.FakeServer(t), path); err != nil {
		t.Fatal(err)
	}
	operate(t, g, "release", "db").want(t, exitFine, "afresh")
	a.Execute(t, "db", "echo", nil).Good(t)
	if _, db := statusOf(t, g, "db"); db.State != "ready" || db.Run != 3 {
		t.Errorf("db: %+v, want ready in run 3", db)
	}
}

// Whoever mistypes a name reads the same, whatever it was for.
func TestOperators_nameOfNoServer_isAnsweredInOneWay(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"files": testkit.Fake(t), "my files": testkit.Fake(t)})
	for _, command := range []string{"hold", "status"} {
		operate(t, g, command, "nope").want(t, exitNo, `there is no server "nope": there are "files", "my files"`)
	}
}
