package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/testkit"
)

// Scenario A: a file is modified.

func TestScenarioA_serverAdded_newIsReachableAndOldKeepsItsProcess(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"server1": testkit.Fake(t)})
	before := pidOf(t, a, "server1")

	line := g.Apply(t, g.ServersFile, testkit.Servers{
		"server1": testkit.Fake(t), "server2": testkit.Fake(t, "--name", "second"),
	}.JSON())

	if got := line.Strs("added"); !slices.Equal(got, []string{"server2"}) {
		t.Errorf("the reload added %v, want [server2]", got)
	}
	if got := a.Execute(t, "server2", "pid", nil).Good(t).Field("name"); got != "second" {
		t.Errorf("server2 is %q, want %q", got, "second")
	}
	if after := pidOf(t, a, "server1"); after != before {
		t.Errorf("server1 went from process %d to %d, want %d", before, after, before)
	}
	if got := a.ServerNames(t); !slices.Equal(got, []string{"server1", "server2"}) {
		t.Errorf("list_servers gives %v, want [server1 server2]", got)
	}
}

func TestScenarioA_serverChanged_getsNewProcessAndOthersKeepTheirs(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"server1": testkit.Fake(t), "server2": testkit.Fake(t, "--tag", "v1")})
	one, two := pidOf(t, a, "server1"), pidOf(t, a, "server2")

	g.Apply(t, g.ServersFile, testkit.Servers{
		"server1": testkit.Fake(t), "server2": testkit.Fake(t, "--tag", "v2"),
	}.JSON())

	r := a.Execute(t, "server2", "pid", nil).Good(t)
	if r.PID(t) == two || r.Field("tag") != "v2" {
		t.Errorf("server2 was process %d and is %s, want another process with the tag v2", two, r.Structured)
	}
	if got := pidOf(t, a, "server1"); got != one {
		t.Errorf("server1 went from process %d to %d, want %d", one, got, one)
	}
	testkit.Gone(t, two)
}

func TestScenarioA_rulesModified_newAgentHasAccess(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"server1": testkit.Fake(t, "--tools", "read_x,write_x")})
	two := a.As("agent2")
	two.Execute(t, "server1", "read_x", nil).Failed(t, "DENIED_BY_POLICY")

	g.Apply(t, g.RulesFile, testkit.Rules{
		"a":      {Allow: []string{"*"}},
		"agent2": {Allow: []string{"server1"}, Tools: testkit.Tools{"server1": {"read_*"}}},
	}.JSON())

	two.Execute(t, "server1", "read_x", nil).Good(t)
	two.Execute(t, "server1", "write_x", nil).Failed(t, "DENIED_BY_POLICY")
	if got := two.Tools(t, "server1").Names(); !slices.Equal(got, []string{"read_x"}) {
		t.Errorf("agent2 sees %v, want [read_x]", got)
	}
}

func TestReload_onlySettingsChanged_keepsTheProcess(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	before := pidOf(t, a, "s")
	g.Apply(t, g.ServersFile, testkit.Servers{
		"s": testkit.Fake(t).With("description", "now described").Settings("call_timeout_ms", 150),
	}.JSON())
	a.Execute(t, "s", "hang", nil).Failed(t, "TIMEOUT") // The new limit is in force.
	if _, s := statusOf(t, g, "s"); s.PID != before {   // A call might not be answered within 150 ms.
		t.Errorf("the process went from %d to %d, want %d", before, s.PID, before)
	}
	if got := a.ListServers(t)[0].Description; got != "now described" {
		t.Errorf("the description is %q, want %q", got, "now described")
	}
}

func TestReload_everyWayOfWriting_isNoticed(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	before := pidOf(t, a, "s")
	for _, name := range slices.Sorted(maps.Keys(testkit.Writers)) {
		added := strings.ReplaceAll(name, " ", "-")
		mark := g.Log.Len()
		testkit.Writers[name](t, g.ServersFile, testkit.Servers{"s": testkit.Fake(t), added: testkit.Fake(t)}.JSON())
		g.AwaitLine(t, mark, "the server added by "+name, func(l testkit.Line) bool {
			return l.Msg == "config applied" && slices.Contains(l.Strs("added"), added)
		})
		a.Execute(t, added, "echo", map[string]any{"x": 1}).Good(t)
	}
	if after := pidOf(t, a, "s"); after != before {
		t.Errorf("the unchanged server went from process %d to %d, want %d", before, after, before)
	}
}

// Scenario B: invalid config.

func TestScenarioB_invalidConfig_isRefusedAndTheOldOneWorksOn(t *testing.T) {
	t.Parallel()
	servers := testkit.Servers{"server1": testkit.Fake(t)}
	g, a := begin(t, servers)
	before := pidOf(t, a, "server1")

	cases := []struct{ name, file, content, fragment string }{
		{"invalid JSON", g.ServersFile, "{ invalid json syntax }", "Invalid JSON"},
		{"neither command nor url", g.ServersFile, `{"mcpServers": {"server1": {"args": ["-y", "test"]}}}`, "must specify either"},
		{"both command and url", g.ServersFile, `{"mcpServers": {"server1": {"command": "x", "url": "http://x"}}}`, "cannot have both"},
		{"an empty agent id", g.RulesFile, `{"agents": {"": {"allow": {"servers": ["server1"]}}}}`, "Validation error"},
		{"a key twice", g.RulesFile, `{"agents": {"a": {}, "\u0061": {}}}`, "occurs twice"},
		{"an empty file", g.RulesFile, ``, "Invalid JSON"},
	}
	for _, c := range cases {
		wantProblem(t, g.Reject(t, c.file, c.content), c.fragment)
		if after := pidOf(t, a, "server1"); after != before {
			t.Errorf("%s: the process went from %d to %d, want %d", c.name, before, after, before)
		}
	}

	mark := g.Log.Len()
	testkit.WriteAtomic(t, g.ServersFile, servers.JSON())
	testkit.WriteAtomic(t, g.RulesFile, testkit.AllowAll("a"))
	g.AwaitFrom(t, mark, "config unchanged", "role", "servers")
	g.AwaitFrom(t, mark, "config unchanged", "role", "rules")
	g.AwaitFrom(t, mark, "config mended", "role", "rules", "level", "INFO")
	if after := pidOf(t, a, "server1"); after != before {
		t.Errorf("after mending, the process went from %d to %d, want %d", before, after, before)
	}
}

func TestReload_fileDeleted_changesNothing(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	before := pidOf(t, a, "s")
	mark := g.Log.Len()
	if err := os.Remove(g.RulesFile); err != nil {
		t.Fatal(err)
	}
	g.AwaitFrom(t, mark, "config rejected", "role", "rules")
	if after := pidOf(t, a, "s"); after != before {
		t.Errorf("the process went from %d to %d, want %d", before, after, before)
	}
	mark = g.Log.Len()
	if err := os.WriteFile(g.RulesFile, []byte(testkit.AllowAll("b")), 0o600); err != nil {
		t.Fatal(err)
	}
	g.AwaitFrom(t, mark, "config applied", "role", "rules")
	a.Execute(t, "s", "pid", nil).Failed(t, "DENIED_BY_POLICY")
}

// Scenario C: validation failure.

func TestScenarioC_rulesNamingUnknownServer_loadWithWarning(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"server1": testkit.Fake(t)})
	line := g.Apply(t, g.RulesFile, testkit.Rules{
		"a": {Allow: []string{"nonexistent_server"}, Tools: testkit.Tools{"nonexistent_server": {"*"}}},
	}.JSON())
	wantProblem(t, line, "nonexistent_server")
	a.Execute(t, "server1", "echo", nil).Failed(t, "DENIED_BY_POLICY") // The new rules are in force.
	a.Execute(t, "nonexistent_server", "echo", nil).Failed(t, "SERVER_NOT_FOUND")

	g.Apply(t, g.ServersFile, testkit.Servers{"nonexistent_server": testkit.Fake(t)}.JSON())
	a.Execute(t, "nonexistent_server", "echo", nil).Good(t)
}

func TestScenarioC_invalidAgentID_isRefusedAndOldAccessStays(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"server1": testkit.Fake(t)})
	line := g.Reject(t, g.RulesFile, `{"agents": {"agent@invalid": {"allow": {"servers": ["server1"]}}}}`)
	wantProblem(t, line, "agent@invalid")
	a.Execute(t, "server1", "echo", nil).Good(t)
}

// Scenario E: rapid changes.

func TestScenarioE_fiveWritesWithinTheDebounce_areOneReload(t *testing.T) {
	t.Parallel()
	const debounce = time.Second
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)}, "--debounce", debounce.String())
	for attempt := range 5 {
		mark := g.Log.Len()
		last, gap := writePaced(t, g.ServersFile, attempt, 50*time.Millisecond)
		g.AwaitLine(t, mark, "the last config", func(l testkit.Line) bool {
			return l.Msg == "config applied" && slices.Contains(l.Strs("added"), last)
		})
		g.Apply(t, g.ServersFile, testkit.Servers{"marker": testkit.Fake(t)}.JSON())
		if gap > debounce/2 {
			continue // This machine stalled between two writes: it proves nothing.
		}
		wantReloads(t, g, mark, "servers", 2)
		if got := a.ServerNames(t); !slices.Equal(got, []string{"marker"}) {
			t.Errorf("in the end the servers are %v, want [marker]", got)
		}
		return
	}
	t.Skip("five times this machine stalled between two writes")
}

// writePaced writes five configs, each pace after the one before. It gives the
// name of the last one's server and the longest time between two writes.
func writePaced(t *testing.T, path string, attempt int, pace time.Duration) (name string, longest time.Duration) {
	t.Helper()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	last := time.Now()
	for i := range 5 {
		name = fmt.Sprintf("server_%d_%d", attempt, i)
		testkit.WriteAtomic(t, path, testkit.Servers{name: testkit.Fake(t)}.JSON())
		longest = max(longest, time.Since(last))
		last = time.Now()
		<-tick.C
	}
	return name, longest
}

func TestScenarioE_rapidConfigs_endInTheLast(t *testing.T) {
	t.Parallel()
	g, a := beginRaced(t, testkit.Servers{"server_0": testkit.Fake(t)})
	for i := 1; i <= 5; i++ {
		g.Apply(t, g.ServersFile, testkit.Servers{"server_" + string(rune('0'+i)): testkit.Fake(t)}.JSON())
	}
	if got := a.ServerNames(t); !slices.Equal(got, []string{"server_5"}) {
		t.Errorf("the servers are %v, want [server_5]", got)
	}
	a.Execute(t, "server_5", "echo", nil).Good(t)
	a.Execute(t, "server_1", "echo", nil).Failed(t, "SERVER_NOT_FOUND")
	for _, pid := range g.ServerPIDs() {
		if pid != pidOf(t, a, "server_5") {
			testkit.Gone(t, pid)
		}
	}
}

// Scenario F: independence.

func TestScenarioF_eachFile_reloadsAlone(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"server1": testkit.Fake(t)})
	before := pidOf(t, a, "server1")
	version := 0
	servers := func() string {
		version++
		return testkit.Servers{"server1": testkit.Fake(t), "other": testkit.Fake(t, "--tag", string(rune('a'+version)))}.JSON()
	}
	rules := func() string {
		version++
		return testkit.AllowAll("a", "agent-"+string(rune('a'+version)))
	}

	// A change of both files marks the end of each case: what a case caused has
	// been told by then.
	mark := g.Log.Len()
	g.Apply(t, g.ServersFile, servers())
	g.Apply(t, g.RulesFile, rules())
	wantReloads(t, g, mark, "servers", 1)
	wantReloads(t, g, mark, "rules", 1)

	mark = g.Log.Len()
	testkit.WriteAtomic(t, g.ServersFile, servers())
	testkit.WriteAtomic(t, g.RulesFile, rules())
	g.AwaitFrom(t, mark, "config applied", "role", "servers")
	g.AwaitFrom(t, mark, "config applied", "role", "rules")
	g.Apply(t, g.ServersFile, servers())
	g.Apply(t, g.RulesFile, rules())
	wantReloads(t, g, mark, "servers", 2)
	wantReloads(t, g, mark, "rules", 2)

	if after := pidOf(t, a, "server1"); after != before {
		t.Errorf("the unchanged server went from process %d to %d, want %d", before, after, before)
	}
}

// Scenario +: editors and noise.

func TestScenarioPlus_atomicRename_isExactlyOneReload(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	mark := g.Log.Len()
	g.Apply(t, g.ServersFile, testkit.Servers{"atomic_server": testkit.Fake(t)}.JSON())
	g.Apply(t, g.ServersFile, testkit.Servers{"marker": testkit.Fake(t)}.JSON())
	wantReloads(t, g, mark, "servers", 2)
	wantReloads(t, g, mark, "rules", 0)
}

func TestScenarioPlus_otherFilesAndSameBytes_areNoReload(t *testing.T) {
	t.Parallel()
	servers := testkit.Servers{"s": testkit.Fake(t)}
	g, _ := begin(t, servers)
	mark := g.Log.Len()
	for _, name := range []string{"other-file.json", ".mcp.json.bak", "mcp.json"} {
		testkit.WriteInPlace(t, filepath.Join(g.Dir, name), `{"data": "test"}`)
	}
	testkit.WriteAtomic(t, g.ServersFile, servers.JSON())
	g.Apply(t, g.RulesFile, testkit.AllowAll("a", "marker"))
	g.Apply(t, g.ServersFile, testkit.Servers{"marker": testkit.Fake(t)}.JSON())
	if n := g.Count(mark, "config applied"); n != 2 {
		t.Errorf("got %d reloads, want those of the two marker changes", n)
	}
	if n := g.Count(mark, "config rejected"); n != 0 {
		t.Errorf("got %d rejections, want 0", n)
	}
}

func TestReload_rulesThatRestrict_areInForceBeforeTheNewServerAppears(t *testing.T) {
	t.Parallel()
	const debounce = 500 * time.Millisecond
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)}, "--debounce", debounce.String())
	for attempt := range 5 {
		db := fmt.Sprint("db", attempt)
		mark := g.Log.Len()
		servers := testkit.Servers{"s": testkit.Fake(t), db: testkit.Fake(t)}.JSON()
		rules := testkit.Rules{"a": {Allow: []string{"*"}, DenyTools: testkit.Tools{db: {"echo"}}}}.JSON()
		began := time.Now()
		testkit.WriteAtomic(t, g.ServersFile, servers)
		testkit.WriteAtomic(t, g.RulesFile, rules)
		stalled := time.Since(began) > debounce/2
		first := g.AwaitLine(t, mark, "a reload", func(l testkit.Line) bool { return l.Msg == "config applied" })
		g.AwaitFrom(t, mark, "config applied", "role", "servers")
		g.AwaitFrom(t, mark, "config applied", "role", "rules")
		a.Execute(t, db, "echo", nil).Failed(t, "DENIED_BY_POLICY")
		if stalled {
			continue // This machine stalled between the two writes: it proves nothing.
		}
		if first.Str("role") != "rules" {
			t.Errorf("first came %s, want the rules", first.Raw)
		}
		return
	}
	t.Skip("five times this machine stalled between the two writes")
}

func TestReload_envFileChanged_restartsOnlyServersThatUseIt(t *testing.T) {
	t.Parallel()
	var file string
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{
			"uses":  testkit.Fake(t).With("env", map[string]string{"TOKEN": "${FILES_TOKEN}"}),
			"other": testkit.Fake(t),
		}.JSON(),
		Rules: testkit.AllowAll("a"), Env: []string{"GATEWAY_ENV_FILE=vars.env"}, Args: quick,
		Before: func(dir string) {
			file = filepath.Join(dir, "vars.env")
			if err := os.WriteFile(file, []byte("FILES_TOKEN=first-token-value\n"), 0o600); err != nil {
				t.Error(err)
			}
		},
	})
	a := g.Agent(t, "a")
	token := func() string {
		return a.Execute(t, "uses", "env", map[string]any{"name": "TOKEN"}).Good(t).Field("value")
	}
	other := pidOf(t, a, "other")
	if got := token(); got != "first-token-value" {
		t.Fatalf("the server has TOKEN %q, want %q", got, "first-token-value")
	}
	mark := g.Log.Len()
	testkit.WriteAtomic(t, file, "FILES_TOKEN=second-token-value\n")
	line := g.AwaitLine(t, mark, "the change of uses", func(l testkit.Line) bool {
		return l.Msg == "config applied" && strings.Contains(l.Str("changed"), "uses")
	})
	if strings.Contains(line.Raw, "token-value") {
		t.Errorf("the reload must not show a value: %s", line.Raw)
	}
	if got := token(); got != "second-token-value" {
		t.Errorf("after the change the server has TOKEN %q, want %q", got, "second-token-value")
	}
	if got := pidOf(t, a, "other"); got != other {
		t.Errorf("the other server went from process %d to %d, want %d", other, got, other)
	}
}

func TestReload_namedFile_isReadBeforeTheServerAppearsAndWatchedFromThen(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	file := filepath.Join(filepath.Dir(g.ServersFile), "token")
	write := func(token string) {
		t.Helper()
		testkit.WriteAtomic(t, file, token+"\n")
	}
	token := func() string {
		t.Helper()
		return a.Execute(t, "uses", "env", map[string]any{"name": "TOKEN"}).Good(t).Field("value")
	}
	want := func(when, want string) {
		t.Helper()
		if got := token(); got != want {
			t.Errorf("%s: the server has TOKEN %q, want %q", when, got, want)
		}
	}
	write("first-token-value")
	line := g.Apply(t, g.ServersFile, testkit.Servers{
		"s": testkit.Fake(t), "uses": testkit.Fake(t).With("env", map[string]string{"TOKEN": "${file:token}"}),
	}.JSON())
	if !strings.Contains(line.Str("added"), "uses") {
		t.Errorf("got %s, want uses added at once", line.Raw)
	}
	want("at first", "first-token-value")

	mark := g.Log.Len()
	write("second-token-value")
	g.AwaitFrom(t, mark, "config applied", "role", "dependency")
	want("once the file has changed", "second-token-value")

	mark, before := g.Log.Len(), pidOf(t, a, "uses")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	g.AwaitFrom(t, mark, "config rejected", "role", "dependency")
	g.Apply(t, g.RulesFile, testkit.AllowAll("a", "b"))
	g.Apply(t, g.ServersFile, testkit.Servers{"uses": testkit.Fake(t).With("env", map[string]string{"TOKEN": "${file:token}"})}.JSON())
	if got := pidOf(t, a, "uses"); got != before {
		t.Errorf("once the file is deleted and others reload, the server runs as process %d, want %d", got, before)
	}
	want("once the file is deleted", "second-token-value")

	mark = g.Log.Len()
	write("third-token-value")
	g.AwaitFrom(t, mark, "config applied", "role", "dependency")
	want("once it is back", "third-token-value")
}
