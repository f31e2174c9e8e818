//go:build unix

package main

import (
	"strings"
	"syscall"
	"testing"

	"gatehouse/testkit"
)

// freeze makes a process do nothing any more, and go on at the end of the
// test if it is still there.
func freeze(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
}

// wantHung waits until a server has been found to hang.
func wantHung(t *testing.T, g *testkit.Gateway, server string) testkit.Line {
	t.Helper()
	line := g.Await(t, "server crashed", "server", server)
	if !strings.HasPrefix(line.Str("reason"), "hung: no answer to ping") || line.Str("phase") != "serving" {
		t.Errorf("the end of a hung server is logged as %s, want hung: no answer to ping, in phase serving", line.Raw)
	}
	return line
}

// watched are settings with which a hung server is found soon, but not one that a busy
// machine keeps from its answer for a while.
var watched = []any{"ping_interval_ms", 200, "ping_timeout_ms", 5000}

func TestHung_silentServer_isReplaced(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t).Settings(watched...), "other": testkit.Fake(t).Settings("ping_interval_ms", 200, "ping_timeout_ms", 60_000)})
	pid, other := pidOf(t, a, "s"), pidOf(t, a, "other")
	freeze(t, pid)
	wantHung(t, g, "s")
	testkit.Gone(t, pid)
	if after := pidOf(t, a, "s"); after == pid {
		t.Error("the same process answers")
	}
	if after := pidOf(t, a, "other"); after != other {
		t.Error("a healthy server was replaced as well")
	}
}

func TestHung_withCalls_isReplacedOnceOneHasTimedOut(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t, "--record", record).Settings(watched...)})
	pid := pidOf(t, a, "s")
	long := a.Go(t.Context(), "s", "hang", map[string]any{"id": "long"})
	awaitCall(t, record, "long")
	freeze(t, pid)
	a.Execute(t, "s", "sleep", map[string]any{"id": "short", "ms": 1}, map[string]any{"timeout_ms": 500}).Failed(t, "TIMEOUT")
	e := long.Wait(t).Failed(t, "SERVER_CRASHED")
	if e.MayHaveRun == nil || !*e.MayHaveRun {
		t.Errorf("may_have_run is not true: %+v", e)
	}
	line := wantHung(t, g, "s")
	if line.Int("in_flight") != 2 || !strings.Contains(line.Raw, `"tool":"hang"`) || !strings.Contains(line.Raw, `"tool":"sleep"`) {
		t.Errorf("the crash names the wrong calls: %s, want hang and sleep", line.Raw)
	}
	if after := pidOf(t, a, "s"); after == pid {
		t.Error("the same process answers")
	}
}

func TestHung_urlServer_isFoundToo(t *testing.T) {
	t.Parallel()
	web := testkit.StartHTTPFake(t)
	g, a := begin(t, testkit.Servers{"web": testkit.Entry{"url": web.Base + "/mcp"}.Settings(watched...)})
	pidOf(t, a, "web")
	freeze(t, web.PID())
	wantHung(t, g, "web")
	if err := syscall.Kill(web.PID(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	a.Execute(t, "web", "echo", nil).Good(t)
}
