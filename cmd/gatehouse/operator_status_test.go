package main

import (
	"path/filepath"
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
		t.Errorf("the gateway: %+v, want pid %d, ready in generation 1, over http", st, g.PID())
	}
	if db.State != "ready" || db.PID != pid || db.Run != 1 || db.Tools == nil || *db.Tools == 0 || db.LastError != "" {
		t.Errorf("db: %+v, want ready in run 1 as pid %d, with tools and no error", db, pid)
	}
	if len(st.Files) != 2 || st.Files[0].Path != g.ServersFile || st.Files[1].Path != g.RulesFile || st.Files[1].Hash != st.PolicyHash || st.Files[0].Why == "" {
		t.Errorf("files: %+v, want the servers file and the rules file with its hash", st.Files)
	}
	if len(st.Reloads) != 1 || st.Reloads[0].Trigger != "start" || len(st.Reloads[0].Added) != 3 {
		t.Errorf("reloads: %+v, want that of the start, with 3 servers added", st.Reloads)
	}
	_, bad := statusOf(t, g, "bad")
	if bad.State != "quarantined" || bad.NextAttempt == nil || !strings.Contains(bad.Reason, "gatehouse-no-such-command") || bad.LastError == "" {
		t.Errorf("bad: %+v, want quarantined, as there is no such command, with its next attempt", bad)
	}
	operate(t, g, "status").want(t, exitFine, "SERVER", "next try in", "3 servers: 1 quarantined", "quarantined", "idle", g.ServersFile, st.Instance, "generation 1", "0 lost")
}

func TestStatus_afterARejectedReload_saysWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"db": testkit.Fake(t)})
	g.Reject(t, g.ServersFile, "{\n  \"mcpServers\": {\"x\": {}}}")
	operate(t, g, "status").want(t, exitFine, "rejected", g.ServersFile+":2:", `must specify either "command"`, "hint:")
	st, _ := statusOf(t, g, "db")
	if r := st.Reloads[0]; r.Outcome != admin.Rejected || len(r.Problems) == 0 || r.Problems[0].Line != 2 || r.Generation != 1 {
		t.Errorf("the report: %+v, want rejected because of line 2, with generation 1 in force", r)
	}
	g.Apply(t, g.ServersFile, testkit.Servers{"db": testkit.Fake(t), "more": testkit.Fake(t)}.JSON())
	if st, _ := statusOf(t, g, "db"); st.Reloads[0].Outcome != "applied" || len(st.Reloads[0].Added) != 1 {
		t.Errorf("once mended: %+v, want one applied change that adds one server", st.Reloads)
	}
}

func TestStatus_crashedServer_keepsItsLastError(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t)})
	a.Execute(t, "db", "crash", map[string]any{"code": 3}).Failed(t, "SERVER_CRASHED")
	pidOf(t, a, "db")
	if _, db := statusOf(t, g, "db"); db.State != "ready" || db.Restarts != 1 || db.Run != 2 || !strings.Contains(db.LastError, "3") || db.LastErrorAt == nil {
		t.Errorf("db: %+v, want ready in run 2 after one restart, and the error 3 with its time", db)
	}
}

func TestStatus_countsCallsErrorsAndHowLongTheyTook(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t), "other": testkit.Fake(t)})
	for range 3 {
		a.Execute(t, "db", "echo", nil).Good(t)
	}
	a.Execute(t, "db", "crash", nil).Failed(t, "SERVER_CRASHED")
	a.Execute(t, "db", "echo", nil).Good(t) // By the second process: all are counted together.
	a.Execute(t, "nosuch", "echo", nil).Failed(t, "SERVER_NOT_FOUND")
	operate(t, g, "restart", "db").want(t, exitFine)
	_, db := statusOf(t, g, "db")
	if db.Calls != 5 || db.Errors != 1 || db.ToolErrors != 0 || db.P50MS <= 0 || db.P99MS < db.P50MS {
		t.Errorf("got %+v, want 5 calls, 1 error, and how long they took", db)
	}
	if st, other := statusOf(t, g, "other"); other.Calls != 0 || other.P99MS != 0 || len(st.Servers) != 2 {
		t.Errorf("got %+v, want no calls", other)
	}
}

func TestStatus_ofAServer_tellsAllButSecrets(t *testing.T) {
	t.Parallel()
	const secret = "secret-of-the-token"
	g, a := begin(t, testkit.Servers{
		"files": testkit.Fake(t, "--tag", "${TAG:-a default}", "it's").With("env", map[string]string{"TOKEN": secret}),
		"bad":   {"command": "sh", "args": []string{"-c", "echo welcome; echo 'Error: Cannot find module x' >&2; exit 3"}},
		"web":   {"url": "http://user:" + secret + "@127.0.0.1:1/mcp?key=" + secret, "headers": map[string]string{"X-Key": secret}},
	})
	a.Execute(t, "files", "stderr", map[string]any{"line": "token is " + secret}).Good(t)
	g.AwaitLine(t, 0, "the line", func(l testkit.Line) bool { return strings.HasPrefix(l.Str("line"), "token is ") })
	g.Await(t, "server quarantined", "server", "bad")
	r := operate(t, g, "status", "files").want(t, exitFine, "files", "ready", "command", "--tag ${TAG:-…}", `'it'\''s'`, "cwd", filepath.Join(g.Dir, "state", "gatehouse", "servers", "files"), "TOKEN", "token is [redacted", "server ready, run 1")
	j := operate(t, g, "status", "files", "--json").want(t, exitFine, `"env":["TOKEN"]`, `"stream":"stderr"`)
	if text := r.out + j.out; strings.Contains(text, secret) || strings.Contains(text, "a default") {
		t.Errorf("it must not show a secret:\n%s", text)
	}
	operate(t, g, "status", "bad").want(t, exitFine, "bad", "quarantined", "next try", "gatehouse release bad", "Cannot find module x",
		"(stdout, not MCP) welcome", "exit status 3", "server crashed", "server backing off", "server quarantined")
	web := operate(t, g, "status", "web").want(t, exitFine, "url", "http://127.0.0.1:1", "headers", "X-Key")
	if strings.Contains(web.out, secret) {
		t.Errorf("it must not show a secret:\n%s", web.out)
	}
	operate(t, g, "status", "fils").want(t, exitNo, `no server "fils"`, "files")
}

func TestStatusWatch_notOnATerminal_repeatsPlainly(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t)})
	pidOf(t, a, "db")
	w := startLive(t, g, "status", "--watch", "--interval", "20ms")
	for range 3 {
		if text := w.next(t, "instance"); strings.Contains(text, "\x1b") {
			t.Errorf("it must not draw: %q", text)
		}
		w.next(t, "db")
	}
	if err := w.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := w.end(t); code != exitFine {
		t.Errorf("interrupted it ends with %d, want %d", code, exitFine)
	}
	w = startLive(t, g, "status", "--watch", "--interval", "20ms", "--json")
	w.next(t, `"instance"`)
	g.Stop(t)
	if code := w.end(t); code != exitNone {
		t.Errorf("at the end of the gateway it ends with %d, want %d", code, exitNone)
	}
}
