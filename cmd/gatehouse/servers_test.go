package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// state returns what list_servers says of a server's state.
func state(t *testing.T, a testkit.Agent, server string) string {
	t.Helper()
	for _, s := range a.ListServers(t) {
		if s.Name == server {
			return s.State
		}
	}
	t.Fatalf("list_servers does not name %s", server)
	return ""
}

// unavailable fails the test unless a call of the server is refused with
// SERVER_UNAVAILABLE in this state, as not run.
func unavailable(t *testing.T, a testkit.Agent, server, want string) *testkit.CallError {
	t.Helper()
	e := a.Execute(t, server, "echo", nil).Failed(t, "SERVER_UNAVAILABLE")
	if e.State != want {
		t.Errorf("%s: the state is %q, want %q", server, e.State, want)
	}
	if e.MayHaveRun != nil && *e.MayHaveRun {
		t.Errorf("%s: may_have_run is true for a call that was never written", server)
	}
	return e
}

func TestCrash_killedServer_worksAgainByItself(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t, "--record", record), "other": testkit.Fake(t)})
	pid, other := pidOf(t, a, "s"), pidOf(t, a, "other")
	var hung []*testkit.Pending
	for _, id := range []string{"h1", "h2", "h3"} {
		hung = append(hung, a.Go(t.Context(), "s", "hang", map[string]any{"id": id}))
		awaitCall(t, record, id)
	}
	kill(t, pid)
	for _, call := range hung {
		e := call.Wait(t).Failed(t, "SERVER_CRASHED")
		if e.MayHaveRun == nil || !*e.MayHaveRun {
			t.Errorf("may_have_run is not true: %+v", e)
		}
	}
	line := g.Await(t, "server crashed", "server", "s")
	if line.Str("reason") == "" || line.Int("in_flight") != 3 {
		t.Errorf("the crash is logged as %s, want its reason and 3 calls in flight", line.Raw)
	}
	if after := pidOf(t, a, "s"); after == pid {
		t.Error("the same process answers")
	}
	if got := pidOf(t, a, "other"); got != other {
		t.Errorf("another server went from process %d to %d, want %d", other, got, other)
	}
	if ran := testkit.Calls(testkit.Record(t, record)); len(ran["h1"]) != 1 || len(ran["h2"]) != 1 {
		t.Errorf("a call that was cut off must not run again: %v", ran)
	}
}

// kill ends a process the hard way.
func kill(t *testing.T, pid int) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestCrash_ownExit_isToldWithItsReasonAndStderr(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	a.Execute(t, "s", "stderr", map[string]any{"line": "about to break"}).Good(t)
	g.Await(t, "server stderr", "server", "s", "line", "about to break")
	e := a.Execute(t, "s", "crash", map[string]any{"code": 42}).Failed(t, "SERVER_CRASHED")
	if e.Server != "s" || e.Tool != "crash" {
		t.Errorf("the error is about %q %q, want \"s\" \"crash\"", e.Server, e.Tool)
	}
	line := g.Await(t, "server crashed", "server", "s")
	if !strings.Contains(line.Str("reason"), "42") || !strings.Contains(line.Raw, "about to break") {
		t.Errorf("the crash is logged as %s, want exit status 42 and its last words", line.Raw)
	}
	g.Await(t, "server backing off", "server", "s")
	a.Execute(t, "s", "echo", nil).Good(t)
}

func TestCrash_answerJustBeforeTheEnd_isDelivered(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t).Settings("restart", map[string]any{"initial_ms": 1, "max_ms": 5, "max_failures": 100, "quarantine_ms": 1})})
	g.Await(t, "server ready", "server", "s")
	for range 10 {
		mark := g.Log.Len()
		if got := a.Execute(t, "s", "crash", map[string]any{"answer": true}).Good(t).Text; got != "last words" {
			t.Errorf("got %q, want %q", got, "last words")
		}
		// A call that comes before the end is noticed is written to the dying
		// process, and rightly fails.
		g.AwaitFrom(t, mark, "server ready", "server", "s")
	}
}

func TestCrash_callsDuringBackoff_waitBounded(t *testing.T) {
	t.Parallel()
	slow := map[string]any{"initial_ms": 600000, "max_ms": 600000}
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t).Settings("restart_wait_ms", 200, "restart", slow)})
	g.Await(t, "server ready", "server", "s") // The start of a busy machine takes longer than a call waits.
	pid := pidOf(t, a, "s")
	kill(t, pid)
	g.Await(t, "server backing off", "server", "s")
	if e := unavailable(t, a, "s", "backing-off"); e.RetryAfterMS == nil || *e.RetryAfterMS <= 0 {
		t.Errorf("there is no retry_after_ms: %+v", e)
	}
	if got := a.Tools(t, "s"); got.TotalAvailable == 0 {
		t.Error("the list of tools was not kept over the crash")
	}
	if got := state(t, a, "s"); got != "backing-off" {
		t.Errorf("list_servers says %q, want %q", got, "backing-off")
	}
	// A change of the entry is a reason to start at once.
	g.Apply(t, g.ServersFile, testkit.Servers{"s": testkit.Fake(t, "--tag", "mended")}.JSON())
	a.Execute(t, "s", "echo", nil).Good(t)
}

func TestQuarantine_missingCommand_isRefusedAtOnceAndOthersRun(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{
		"bad":  {"command": "gatehouse-no-such-command"},
		"good": testkit.Fake(t),
	})
	line := g.Await(t, "server quarantined", "server", "bad")
	if !strings.Contains(line.Str("reason"), "gatehouse-no-such-command") {
		t.Errorf("the reason is %q, want the missing command's name", line.Str("reason"))
	}
	unavailable(t, a, "bad", "quarantined")
	a.Execute(t, "good", "echo", nil).Good(t)
	if got := state(t, a, "bad"); got != "quarantined" {
		t.Errorf("list_servers says %q, want %q", got, "quarantined")
	}
	if got := state(t, a, "good"); got != "" {
		t.Errorf("list_servers says %q of a server that is ready, want nothing", got)
	}
	g.Apply(t, g.ServersFile, testkit.Servers{"bad": testkit.Fake(t), "good": testkit.Fake(t)}.JSON())
	a.Execute(t, "bad", "echo", nil).Good(t)
}

func TestQuarantine_tooManyFailures_saysWhy(t *testing.T) {
	t.Parallel()
	restart := map[string]any{"initial_ms": 1, "max_ms": 2, "max_failures": 2}
	g, a := begin(t, testkit.Servers{
		"s":    testkit.Fake(t, "--die-in-handshake").Settings("restart", restart),
		"good": testkit.Fake(t),
	})
	g.Await(t, "server quarantined", "server", "s")
	if n := g.Count(0, "server crashed", "server", "s"); n != 3 {
		t.Errorf("quarantined after %d failures, want 3", n)
	}
	crash := g.Await(t, "server crashed", "server", "s")
	if !strings.Contains(crash.Str("reason"), "7") || !strings.Contains(crash.Raw, "dying in the handshake") {
		t.Errorf("the crash is logged as %s, want exit status 7 and its last words", crash.Raw)
	}
	unavailable(t, a, "s", "quarantined")
	a.Execute(t, "good", "echo", nil).Good(t)
}

func TestHandshake_serverThatDoesNotOpen_harmsNoOther(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{
		"silent": testkit.Fake(t, "--never-answer").Settings("startup_timeout_ms", 300, "restart_wait_ms", 100),
		"error":  testkit.Fake(t, "--answer-error").Settings("restart_wait_ms", 100),
		"good":   testkit.Fake(t),
	})
	a.Execute(t, "good", "echo", nil).Good(t)
	for _, server := range []string{"silent", "error"} {
		line := g.Await(t, "server crashed", "server", server)
		if line.Str("phase") != "handshake" || line.Str("reason") == "" {
			t.Errorf("%s: logged as %s, want a reason, and the handshake as its phase", server, line.Raw)
		}
		a.Execute(t, server, "echo", nil).Failed(t, "SERVER_UNAVAILABLE")
	}
	if got := a.ServerNames(t); !slices.Equal(got, []string{"error", "good", "silent"}) {
		t.Errorf("list_servers gives %v, want [error good silent]", got)
	}
}

func TestServer_oddButUsable_works(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{
		"junk":    testkit.Fake(t, "--junk-stdout", "5"),
		"huge":    testkit.Fake(t, "--huge", "3000000"),
		"silent":  testkit.Fake(t, "--legacy-silent"),
		"wrapped": testkit.Fake(t, "--fork"),
		"slow":    testkit.Fake(t, "--start-delay", "500ms"),
	})
	for _, server := range []string{"junk", "huge", "silent", "wrapped", "slow"} {
		a.Execute(t, server, "echo", map[string]any{"x": server}).Good(t)
		if got := a.Tools(t, server); got.TotalAvailable == 0 {
			t.Errorf("%s has no tools", server)
		}
	}
	line := g.Await(t, "server wrote junk to stdout", "server", "junk")
	if line.Level != "WARN" {
		t.Errorf("junk is logged as %s, want a warning", line.Raw)
	}
	pid := pidOf(t, a, "wrapped")
	g.Apply(t, g.ServersFile, testkit.Servers{}.JSON())
	testkit.Gone(t, pid) // The child of the wrapper, not the wrapper.
}

func TestServer_withoutTools_hasAnEmptyList(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"none": testkit.Fake(t, "--no-tools-capability")})
	g.Await(t, "server ready", "server", "none")
	if got := a.Tools(t, "none"); got.TotalAvailable != 0 || got.Tools == nil {
		t.Errorf("got %+v, want an empty list of tools", got)
	}
	a.Execute(t, "none", "echo", nil).Failed(t, "TOOL_NOT_FOUND")
}

func TestServer_thatStopsReading_neverHoldsACallBeyondItsTimeout(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"stuck": testkit.Fake(t, "--stop-reading"), "good": testkit.Fake(t)})
	g.Await(t, "server ready", "server", "stuck") // Else a call may time out waiting for its start.

	big := strings.Repeat("x", 200_000) // More than a pipe holds.
	timeout := map[string]any{"timeout_ms": 500}
	for range 2 {
		a.Execute(t, "stuck", "echo", map[string]any{"text": big}, timeout).Failed(t, "TIMEOUT")
	}
	a.Execute(t, "good", "echo", map[string]any{"text": big}).Good(t)
}

func TestServer_hugeResult_isTooLargeAndNothingElseSuffers(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	_, a := begin(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)})
	pid := pidOf(t, a, "s")
	slow := goSlow(t, a, record, "s", "slow")
	a.Execute(t, "s", "big", map[string]any{"bytes": 100_000_000}).Failed(t, "RESULT_TOO_LARGE")
	slow.End(t).Good(t)
	if after := pidOf(t, a, "s"); after != pid {
		t.Errorf("the process went from %d to %d, want %d", pid, after, pid)
	}
	if got := len(a.Execute(t, "s", "big", map[string]any{"bytes": 1_000_000}).Good(t).Text); got != 1_000_000 {
		t.Errorf("a result of 1 MB arrived with %d bytes, want 1_000_000", got)
	}
}

func TestServer_limitOfOneEntry_isItsOwn(t *testing.T) {
	t.Parallel()
	_, a := begin(t, testkit.Servers{"s": testkit.Fake(t).Settings("max_result_bytes", 10_000)})
	a.Execute(t, "s", "big", map[string]any{"bytes": 20_000}).Failed(t, "RESULT_TOO_LARGE")
	a.Execute(t, "s", "big", map[string]any{"bytes": 5_000}).Good(t)
}

func TestServer_moreCallsThanAllowed_isOverloaded(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	_, a := begin(t, testkit.Servers{"s": testkit.Fake(t, "--record", record).Settings("max_in_flight", 2)})
	for _, id := range []string{"h1", "h2"} {
		a.Go(t.Context(), "s", "hang", map[string]any{"id": id})
		awaitCall(t, record, id)
	}
	a.Execute(t, "s", "echo", map[string]any{"id": "third"}).Failed(t, "OVERLOADED")
	if n := len(testkit.Calls(testkit.Record(t, record))["third"]); n != 0 {
		t.Errorf("the refused call ran %d times, want 0", n)
	}
}

func TestLazy_serverStartsWithItsFirstCall(t *testing.T) {
	t.Parallel()
	record, eager := recordFile(t), recordFile(t)
	g, a := begin(t, testkit.Servers{
		"lazy":  testkit.Fake(t, "--record", record),
		"eager": testkit.Fake(t, "--record", eager).Settings("start", "eager"),
	}, "--init-strategy", "lazy")
	g.Await(t, "server ready", "server", "eager")
	if got := state(t, a, "lazy"); got != "idle" {
		t.Errorf("list_servers says %q, want %q", got, "idle")
	}
	if n := starts(t, record); n != 0 {
		t.Errorf("%d processes were started before the first call, want 0", n)
	}
	a.Execute(t, "lazy", "echo", nil).Good(t)
	if n := starts(t, record); n != 1 {
		t.Errorf("the first call started %d processes, want 1", n)
	}
}

func TestLazy_idleServer_isStoppedAndStartsAgain(t *testing.T) {
	t.Parallel()
	_, a := begin(t, testkit.Servers{"s": testkit.Fake(t).Settings("start", "lazy", "idle_stop_ms", 300)})
	first := pidOf(t, a, "s")
	testkit.Gone(t, first)
	testkit.Eventually(t, "the server is idle", func() bool { return state(t, a, "s") == "idle" })
	if got := a.Tools(t, "s"); got.TotalAvailable == 0 {
		t.Error("the list of tools was not kept while asleep")
	}
	if second := pidOf(t, a, "s"); second == first {
		t.Error("the stopped process answers")
	}
}

func TestDisabled_isNeverStarted(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	g, a := begin(t, testkit.Servers{"off": testkit.Fake(t, "--record", record).With("disabled", true), "on": testkit.Fake(t)})
	g.Await(t, "server ready", "server", "on")
	unavailable(t, a, "off", "disabled")
	if n := starts(t, record); n != 0 {
		t.Errorf("it was started %d times, want 0", n)
	}
}

func TestMisconfigured_namesServerAndVariableAndOthersRun(t *testing.T) {
	t.Parallel()
	servers := testkit.Servers{
		"self":  {"command": testkit.Program(t), "args": []string{"run"}},
		"unset": testkit.Fake(t).With("env", map[string]string{"A": "${GATEHOUSE_TEST_UNSET}"}),
		"good":  testkit.Fake(t),
	}
	g, a := begin(t, servers)
	want := map[string]string{"self": "this is the gateway itself", "unset": "GATEHOUSE_TEST_UNSET"}
	for server, fragment := range want {
		line := g.Await(t, "server misconfigured", "server", server)
		if !strings.Contains(line.Str("reason"), fragment) {
			t.Errorf("%s: the reason is %q, want %q", server, line.Str("reason"), fragment)
		}
		unavailable(t, a, server, "misconfigured")
	}
	a.Execute(t, "good", "echo", nil).Good(t)

	servers["address"] = testkit.Entry{"url": g.BaseURL(t) + "/mcp"}
	g.Apply(t, g.ServersFile, servers.JSON())
	line := g.Await(t, "server misconfigured", "server", "address")
	if !strings.Contains(line.Str("reason"), "this is the gateway itself") {
		t.Errorf("its own address: the reason is %q, want that this is the gateway itself", line.Str("reason"))
	}
}

func TestEnvironment_ofAChild_isItsOwnPlusTheBase(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t).
			With("env", map[string]string{"OWN": "own-value", "MADE": "${GW_VALUE:-none}"}).
			Settings("env_pass", []string{"PASS_*"})}.JSON(),
		Rules: testkit.AllowAll("a"),
		Env:   []string{"SECRET_OF_GATEWAY=hidden", "PASS_ME=passed", "GW_VALUE=made"},
	})
	r := g.Agent(t, "a").Execute(t, "s", "env", nil).Good(t)
	for key, want := range map[string]string{
		"OWN": "own-value", "MADE": "made", "PASS_ME": "passed", "HOME": g.Dir,
	} {
		if !strings.Contains(string(r.Structured), `"`+key+`":"`+want+`"`) {
			t.Errorf("%s is not %q in %s", key, want, r.Structured)
		}
	}
	for _, absent := range []string{"SECRET_OF_GATEWAY", "GATEWAY_", "GW_VALUE"} {
		if strings.Contains(string(r.Structured), absent) {
			t.Errorf("%s must not reach the child", absent)
		}
	}
	if !strings.Contains(string(r.Structured), "GATEHOUSE_PARENT") {
		t.Error("the child has no GATEHOUSE_PARENT")
	}
	own := filepath.Join(g.Dir, "state", "gatehouse", "servers", "s")
	if got := g.Agent(t, "a").Execute(t, "s", "pid", nil).Good(t).Field("cwd"); got != own {
		t.Errorf("the child runs in %q, want %q", got, own)
	}
	info, err := os.Stat(own)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), fs.FileMode(0o700); got != want && runtime.GOOS != "windows" {
		t.Errorf("got the mode %v for a server's own folder, want %v", got, want)
	}
}

func TestServer_withoutAPlaceForItsFolder_saysWhatToDo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t), "placed": testkit.Fake(t).With("cwd", filepath.Dir(file))}.JSON(),
		Rules:   testkit.AllowAll("a"), Env: []string{"XDG_STATE_HOME=" + file},
	})
	got := g.Await(t, "server quarantined", "server", "s").Str("reason")
	for _, want := range []string{"cannot make the server's own folder", file, "not a directory", `set "cwd"`} {
		if !strings.Contains(got, want) {
			t.Errorf("got the reason %q, want it to say %q", got, want)
		}
	}
	g.Agent(t, "a").Execute(t, "placed", "echo", nil).Good(t)
}

func TestURLServer_everyTransport_works(t *testing.T) {
	t.Parallel()
	web := testkit.StartHTTPFake(t, "--tag", "web")
	_, a := begin(t, testkit.Servers{
		"http":     {"url": web.Base + "/mcp", "type": "http"},
		"sse":      {"url": web.Base + "/sse", "type": "sse"},
		"auto":     {"url": web.Base + "/mcp"},
		"auto-sse": {"url": web.Base + "/sse"},
	})
	for _, server := range []string{"http", "sse", "auto", "auto-sse"} {
		if got := a.Execute(t, server, "pid", nil).Good(t).Field("tag"); got != "web" {
			t.Errorf("%s: got tag %q, want %q", server, got, "web")
		}
		a.Execute(t, server, "rpcerror", nil).Failed(t, "SERVER_ERROR")
	}
	web.Restart(t)
	// That a session over HTTP is lost may be noticed only by a call, which
	// then fails.
	for _, server := range []string{"http", "sse", "auto", "auto-sse"} {
		testkit.Eventually(t, server+" works again", func() bool {
			return a.Execute(t, server, "pid", nil).Code() == ""
		})
	}
}

func TestURLServer_thatWantsCredentials_needsAuth(t *testing.T) {
	t.Parallel()
	web := testkit.StartHTTPFake(t, "--status", "401")
	g, a := begin(t, testkit.Servers{"s": {"url": web.Base + "/mcp", "type": "http", "headers": map[string]string{"Authorization": "Bearer wrong-token"}}})
	line := g.Await(t, "server needs auth", "server", "s")
	if strings.Contains(line.Raw, "wrong-token") {
		t.Errorf("the log must not show the credential: %s", line.Raw)
	}
	unavailable(t, a, "s", "needs-auth")
	if n := g.Count(0, "server backing off", "server", "s"); n != 0 {
		t.Errorf("it was restarted %d times, want 0", n)
	}
}
