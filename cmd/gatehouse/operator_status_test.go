package main

import (
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/testkit"
)

func TestStatus_showsTheWholeGateway(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{
		"db":  testkit.Fake(t),
		"bad": {"command": "gatehouse-no-such-command"},
		"zzz": testkit.Fake(t).Settings("start", "lazy"),
	})
	pid := pidOf(t, a, "db")
	g.Await(t, "server quarantined", "server", "bad")
	st, db := statusOf(t, g, "db")
	if st.PID != g.PID() || st.Instance == "" || !st.Ready || st.Generation != 1 || st.Transport != "http" || st.Address != g.BaseURL(t)+"/mcp" {
		t.Errorf("the gateway: %+v", st)
	}
	if db.State != "ready" || db.PID != pid || db.Run != 1 || db.Tools == nil || *db.Tools == 0 || db.LastError != "" {
		t.Errorf("db: %+v", db)
	}
	if len(st.Files) != 2 || st.Files[0].Path != g.ServersFile || st.Files[1].Path != g.RulesFile || st.Files[1].Hash != st.PolicyHash || st.Files[0].Why == "" {
		t.Errorf("files: %+v", st.Files)
	}
	if len(st.Reloads) != 1 || st.Reloads[0].Trigger != "start" || len(st.Reloads[0].Added) != 3 {
		t.Errorf("reloads: %+v", st.Reloads)
	}
	_, bad := statusOf(t, g, "bad")
	if bad.State != "quarantined" || bad.NextAttempt == nil || !strings.Contains(bad.Reason, "gatehouse-no-such-command") || bad.LastError == "" {
		t.Errorf("bad: %+v", bad)
	}
	operate(t, g, "status").want(t, exitFine, "SERVER", "NEXT ATTEMPT", "quarantined", "idle", g.ServersFile, st.Instance, "generation 1", "0 lost")
}

func TestStatus_afterARejectedReload_saysWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"db": testkit.Fake(t)})
	g.Reject(t, g.ServersFile, "{\n  \"mcpServers\": {\"x\": {}}}")
	operate(t, g, "status").want(t, exitFine, "rejected", g.ServersFile+":2:", `must specify either "command"`, "hint:")
	st, _ := statusOf(t, g, "db")
	if r := st.Reloads[0]; r.Outcome != admin.Rejected || len(r.Problems) == 0 || r.Problems[0].Line != 2 || r.Generation != 1 {
		t.Errorf("the report: %+v", r)
	}
	g.Apply(t, g.ServersFile, testkit.Servers{"db": testkit.Fake(t), "more": testkit.Fake(t)}.JSON())
	if st, _ := statusOf(t, g, "db"); st.Reloads[0].Outcome != "applied" || len(st.Reloads[0].Added) != 1 {
		t.Errorf("once mended: %+v", st.Reloads)
	}
}

func TestStatus_crashedServer_keepsItsLastError(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t)})
	a.Execute(t, "db", "crash", map[string]any{"code": 3}).Failed(t, "SERVER_CRASHED")
	pidOf(t, a, "db")
	if _, db := statusOf(t, g, "db"); db.State != "ready" || db.Restarts != 1 || db.Run != 2 || !strings.Contains(db.LastError, "3") || db.LastErrorAt == nil {
		t.Errorf("db: %+v", db)
	}
}

func TestStatusWatch_notOnATerminal_repeatsPlainly(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t)})
	pidOf(t, a, "db")
	w := startLive(t, g, "status", "--watch", "--interval", "20ms")
	for range 3 {
		if text := w.next(t, "instance"); strings.Contains(text, "\x1b") {
			t.Errorf("it draws: %q", text)
		}
		w.next(t, "db")
	}
	if err := w.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := w.end(t); code != exitFine {
		t.Errorf("interrupted it ends with %d", code)
	}
	w = startLive(t, g, "status", "--watch", "--interval", "20ms", "--json")
	w.next(t, `"instance"`)
	g.Stop(t)
	if code := w.end(t); code != exitNone {
		t.Errorf("at the end of the gateway it ends with %d", code)
	}
}
