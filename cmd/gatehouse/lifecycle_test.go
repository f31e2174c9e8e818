package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"gatehouse/testkit"
)

// terminate sends SIGTERM.
func terminate(t *testing.T, g *testkit.Gateway) {
	t.Helper()
	g.Signal(t, syscall.SIGTERM)
}

func TestShutdown_takesStubbornServersAlong(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM")
	}
	// The last two seconds are for stopping. A machine that stalls may need more, and
	// not three times in a row.
	code := 0
	for range 3 {
		if code = stopStubbornServers(t); code == 0 {
			return
		}
	}
	t.Errorf("exit code %d three times, want 0", code)
}

// stopStubbornServers stops a gateway, whose servers must be gone then, and returns
// its exit code.
func stopStubbornServers(t *testing.T) int {
	t.Helper()
	record := recordFile(t)
	g := testkit.StartGateway(t, testkit.Options{Rules: testkit.AllowAll("a"), Args: []string{"--shutdown-timeout", "4s"}, Unclean: true, Servers: testkit.Servers{
		"ignores": testkit.Fake(t, "--ignore-term", "--record", record),
		"wrapped": testkit.Fake(t, "--fork", "--ignore-term", "--record", record),
		"hangs":   testkit.Fake(t, "--record", record),
		"silent":  testkit.Fake(t, "--never-answer", "--record", record),
	}.JSON()})
	a := g.Agent(t, "a")
	a.Execute(t, "ignores", "echo", nil).Good(t)
	a.Execute(t, "wrapped", "echo", nil).Good(t)
	hung := a.Go(t.Context(), "hangs", "hang", map[string]any{"id": "hung"})
	awaitCall(t, record, "hung")
	testkit.Eventually(t, "all four run", func() bool { return starts(t, record) == 4 })
	code := g.Stop(t)
	<-hung.Done()
	g.Await(t, "gateway stopping")
	g.Await(t, "gateway stopped")
	for _, r := range testkit.Record(t, record) {
		if r.Event == "start" {
			testkit.Gone(t, r.PID)
		}
	}
	return code
}

func TestShutdown_secondSignal_exits1WithEveryServerGone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM")
	}
	record := recordFile(t)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t, "--ignore-term", "--record", record)}.JSON(),
		Rules:   testkit.AllowAll("a"), Args: []string{"--shutdown-timeout", "60s"}, Unclean: true,
	})
	call := g.Agent(t, "a").Go(t.Context(), "s", "hang", map[string]any{"id": "hung"})
	awaitCall(t, record, "hung")
	terminate(t, g)
	g.Await(t, "gateway stopping")
	terminate(t, g)
	if code := g.Wait(t); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	<-call.Done()
	for _, pid := range g.ServerPIDs() {
		testkit.Gone(t, pid)
	}
}

// startAndFail starts a gateway that must end by itself and gives its exit
// code and everything that it said.
func startAndFail(t *testing.T, opt testkit.Options) (int, string) {
	t.Helper()
	opt.NoWait, opt.Unclean = true, true
	g := testkit.StartGateway(t, opt)
	code := g.Wait(t)
	return code, g.Log.Text()
}

func TestStart_thatCannotBe_exitsWithTheReason(t *testing.T) {
	t.Parallel()
	good := testkit.Servers{"s": testkit.Fake(t)}.JSON()
	running, _ := begin(t, testkit.Servers{})
	taken := strings.TrimPrefix(running.BaseURL(t), "http://")
	cases := []struct {
		name     string
		opt      testkit.Options
		code     int
		fragment []string
	}{
		{"an unknown flag", testkit.Options{Args: []string{"--no-such-flag"}}, 2, []string{"no-such-flag"}},
		{"a bad value of a flag", testkit.Options{Args: []string{"--transport", "pigeon"}}, 2, []string{"pigeon"}},
		{"an argument too many", testkit.Options{Args: []string{"extra"}}, 2, []string{"extra"}},
		{"a missing servers file", testkit.Options{Args: []string{"--mcp-config", "missing.json"}}, 1, []string{"missing.json"}},
		{"a missing rules file", testkit.Options{Args: []string{"--rules", "missing.json"}}, 1, []string{"missing.json"}},
		{"a folder instead of a file", testkit.Options{Args: []string{"--rules", "."}}, 1, []string{"regular file"}},
		{"a port in use", testkit.Options{Args: []string{"--http", taken}}, 1, []string{taken}},
		{"the gateway below itself", testkit.Options{Env: []string{"GATEHOUSE_PARENT=1"}}, 2, []string{"gateway"}},
		{
			"all problems of both files",
			testkit.Options{
				Servers: `{"mcpServers": {"one": {}, "two": {"command": "x", "url": "http://x"}}}`,
				Rules:   `{"agents": {"": {}, "b": {"alow": {}}}}`,
			},
			1,
			[]string{"must specify either", "cannot have both", "Validation error", "alow", ".mcp.json:1:"},
		},
		{"a key twice", testkit.Options{Servers: `{"mcpServers": {}, "mcpServers": {}}`}, 1, []string{"mcpServers"}},
		{"nesting beyond reason", testkit.Options{Servers: strings.Repeat("[", 1_000_000)}, 1, []string{".mcp.json"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.opt.Servers == "" {
				c.opt.Servers = good
			}
			if c.opt.Rules == "" {
				c.opt.Rules = testkit.AllowAll("a")
			}
			code, text := startAndFail(t, c.opt)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, fragment := range c.fragment {
				if !strings.Contains(text, fragment) {
					t.Errorf("it did not say %q:\n%s", fragment, text)
				}
			}
		})
	}
}

func TestStart_unreadableFile_namesIt(t *testing.T) {
	t.Parallel()
	if os.Getuid() <= 0 {
		t.Skip("this user can read everything, or this system has no such users")
	}
	code, text := startAndFail(t, testkit.Options{
		Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"),
		Before: func(dir string) {
			if err := os.Chmod(filepath.Join(dir, ".mcp.json"), 0); err != nil {
				t.Error(err)
			}
		},
	})
	if code != 1 || !strings.Contains(text, ".mcp.json") {
		t.Errorf("exit code %d:\n%s\nwant 1 and a word of .mcp.json", code, text)
	}
}

func TestSecrets_neverReachLogAuditOrAgents(t *testing.T) {
	t.Parallel()
	const envSecret, varSecret, headerSecret, urlSecret = "env-secret-1234", "var-secret-5678", "header-secret-9012", "url-secret-3456"
	web := testkit.StartHTTPFake(t)
	withUser := strings.Replace(web.Base, "http://", "http://user:"+urlSecret+"@", 1)
	servers := testkit.Servers{
		"s":   testkit.Fake(t, "--tag", "${VAR}").With("env", map[string]string{"TOKEN": envSecret, "OTHER": "x${VAR}"}),
		"web": {"url": withUser + "/mcp?key=" + urlSecret, "headers": map[string]string{"Authorization": "Bearer " + headerSecret}},
		"off": {"url": strings.Replace(withUser, web.Base[len("http://"):], "127.0.0.1:1", 1) + "/mcp?key=" + urlSecret, "type": "http", "headers": map[string]string{"X-Key": headerSecret}},
		"bad": {"command": "gatehouse-no-such-command", "args": []string{"--token", "${VAR}"}, "env": map[string]string{"T": envSecret}},
	}
	g := testkit.StartGateway(t, testkit.Options{
		Servers: servers.JSON(), Rules: testkit.AllowAll("a"), Env: []string{"VAR=" + varSecret}, Args: append([]string{"--debug"}, quick...),
	})
	a := g.Agent(t, "a")
	for _, secret := range []string{envSecret, varSecret} {
		mark := g.Log.Len()
		a.Execute(t, "s", "stderr", map[string]any{"line": "my token is " + secret}).Good(t)
		line := g.AwaitFrom(t, mark, "server stderr", "server", "s")
		if !strings.Contains(line.Str("line"), "[redacted ") {
			t.Errorf("a line of stderr is logged as %s, want a redacted one", line.Raw)
		}
	}
	a.Execute(t, "s", "crash", nil).Failed(t, "SERVER_CRASHED")
	g.Await(t, "server crashed", "server", "off")
	var seen strings.Builder
	for _, call := range []struct {
		tool string
		args map[string]any
	}{
		{"list_servers", map[string]any{"include_metadata": true}},
		{"get_gateway_status", nil},
		{"execute_tool", map[string]any{"server": "bad", "tool": "echo"}},
		{"execute_tool", map[string]any{"server": "off", "tool": "echo", "timeout_ms": 200}},
	} {
		r := a.Call(t, call.tool, call.args)
		seen.WriteString(r.Text + string(r.Structured))
	}
	servers["s"] = testkit.Fake(t).With("env", map[string]string{"TOKEN": envSecret + "-changed"})
	g.Apply(t, g.ServersFile, servers.JSON())
	g.Reject(t, g.ServersFile, `{"mcpServers": {"s": {"command": "x", "env": {"TOKEN": ["`+envSecret+`"]}}}}`)
	var operator strings.Builder
	for _, args := range [][]string{
		{"status"},
		{"status", "--json"},
		{"logs"},
		{"logs", "--json"},
		{"tools"},
		{"reload"},
		{"validate", "--mcp-config", g.ServersFile, "--rules", g.RulesFile},
		{"validate", "--json", "--mcp-config", g.ServersFile, "--rules", g.RulesFile},
	} {
		r := operate(t, g, args...)
		if r.out == "" {
			t.Errorf("%v printed nothing: %s", args, r.err)
		}
		operator.WriteString(r.out + r.err)
	}
	g.Stop(t)
	for where, text := range map[string]string{
		"the log": g.Log.Text(), "the audit log": testkit.ReadFile(t, g.AuditFile), "answers": seen.String(),
		"what operators see": operator.String(),
	} {
		for _, secret := range []string{envSecret, varSecret, headerSecret, urlSecret} {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s must not hold %s: ...%s", where, secret, text[max(0, i-200):min(len(text), i+60)])
			}
		}
	}
}

// A client that closes our input and then sends TERM gets a clean end.
func TestShutdown_ofStdio_signalAfterEndOfInput_isStillClean(t *testing.T) {
	testkit.OfRunAlone(t, "TestAttach_signalAfterEndOfInput_isStillClean shows it of the relay")
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM")
	}
	g := stdio(t, testkit.Servers{"s": testkit.Fake(t, "--ignore-term")})
	testkit.Agent{ID: "a", Caller: g.StdioClient(t)}.Execute(t, "s", "echo", nil).Good(t)
	g.CloseStdin(t)
	g.Await(t, "gateway stopping", "reason", "end of stdin")
	terminate(t, g)
	if code := g.Wait(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
