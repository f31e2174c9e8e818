package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/testkit"
)

func TestOperator_noGateway_isExitCode3(t *testing.T) {
	t.Parallel()
	env := operatorEnv(&testkit.Gateway{Dir: t.TempDir()})
	for _, args := range [][]string{
		{"status"},
		{"status", "--watch"},
		{"logs"},
		{"logs", "-f"},
		{"reload"},
		{"restart", "x"},
		{"release", "x"},
		{"move", "x", "n2"},
		{"hold", "x"},
		{"tools"},
		{"call", "x", "y"},
		{"status", "--pid", "1"},
	} {
		r := runIn(t, env, args...)
		if r.code != exitNone || !strings.Contains(r.err, "no gateway is running") || r.out != "" {
			t.Errorf("%v: %+v, want exit code 3 and that no gateway is running", args, r)
		}
	}
}

func TestOperator_wrongUse_isExitCode2(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{})
	for _, args := range [][]string{
		{"restart"},
		{"hold", "x", "--for", "-1s"},
		{"hold", "x", "--for", "0s"},
		{"logs", "--level", "loud"},
		{"logs", "-n", "-1"},
		{"call", "x"},
		{"call", "x", "y", "[1]"},
		{"call", "x", "y", "{"},
		{"call", "x", "y", "null"},
		{"call", "x", "y", "--timeout", "1ms"},
		{"status", "one", "two"},
		{"status", "--interval", "0s"},
	} {
		if r := operate(t, g, args...); r.code != exitUsage {
			t.Errorf("%v: %+v, want exit code 2", args, r)
		}
	}
}

func TestOperator_unknownServer_isAnAnswerWithTheNames(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"db/main": testkit.Fake(t)})
	for _, args := range [][]string{{"restart", "dv"}, {"logs", "--server", "dv"}, {"logs", "--server", "dv", "-f"}, {"release", "dv"}, {"hold", "dv"}, {"tools", "dv"}} {
		operate(t, g, args...).want(t, exitNo, "dv", "db/main")
	}
}

func TestOperator_twoGateways_areListedAndChosenByPID(t *testing.T) {
	t.Parallel()
	runtimeDir := t.TempDir()
	env := []string{"XDG_RUNTIME_DIR=" + runtimeDir}
	start := func(server, agent string) *testkit.Gateway {
		return testkit.StartGateway(t, testkit.Options{
			Servers: testkit.Servers{server: testkit.Fake(t)}.JSON(), Rules: testkit.AllowAll(agent), Env: env, Args: []string{"--agent", agent},
		})
	}
	one, two := start("first", "backend"), start("second", "frontend")
	one.Agent(t, "backend").ListServers(t)
	one.Await(t, "operator's socket open")
	two.Await(t, "operator's socket open")
	ask := func(args ...string) ran { return runIn(t, operatorEnv(one, env...), args...) }
	pids := []string{strconv.Itoa(one.PID()), strconv.Itoa(two.PID())}
	ask("status").want(t, exitUsage, "--pid", pids[0], pids[1], one.ServersFile, two.ServersFile, one.BaseURL(t), two.BaseURL(t), "agent backend", "agent frontend", "client testkit")
	ask("restart", "first").want(t, exitUsage, "several gateways")
	ask("tools", "--pid", pids[0]).want(t, exitFine, "first")
	ask("tools", "--pid", pids[1]).want(t, exitFine, "second")
	ask("status", "--pid", "1").want(t, exitNone, pids[0], pids[1])
	two.Stop(t)
	ask("status").want(t, exitFine, "first")
}

func TestSocket_isPrivateAndGoesWithTheGateway(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{})
	path := socketOf(t, g)
	for p, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Lstat(p); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want mode %o", p, info, err, want)
		}
	}
	g.Stop(t)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the end: %v, want %v", err, fs.ErrNotExist)
	}
}

func TestSocket_ofAKilledGateway_isNoGatewayAndIsRemoved(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"), Unclean: true})
	path := socketOf(t, g)
	g.Signal(t, syscall.SIGKILL)
	g.Wait(t)
	if _, err := os.Lstat(path); err != nil {
		t.Fatalf("the test is about a socket that is left: %v", err)
	}
	operate(t, g, "status").want(t, exitNone)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	_ = os.Remove(filepath.Dir(path)) // A stand-in in the temporary folder; else not empty or gone with the test.
}

func TestSocket_thatCannotBeMade_isAWarningOnly(t *testing.T) {
	t.Parallel()
	runtimeDir, err := os.MkdirTemp("", "gh") // Short, or a stand-in would be used.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(runtimeDir) })
	if err := os.WriteFile(filepath.Join(runtimeDir, "gatehouse"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db := testkit.Fake(t)
	db["cwd"] = runtimeDir // Its own folder would be in the state folder, which is a file.
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"db": db}.JSON(), Rules: testkit.AllowAll("a"),
		Env: []string{"XDG_RUNTIME_DIR=" + runtimeDir, "XDG_STATE_HOME=" + filepath.Join(runtimeDir, "gatehouse")},
	})
	g.Await(t, "no operator's socket: status, logs, reload and the like will not find this gateway")
	g.Agent(t, "a").Execute(t, "db", "echo", nil).Good(t)
}

func TestOperator_whatServersSay_cannotActOnTheTerminal(t *testing.T) {
	t.Parallel()
	const evil = "\x1b[2J\x1b]0;owned\x07\u009b31m\u202egnp.exe"
	g, a := begin(t, testkit.Servers{"db\u00e9": testkit.Fake(t, "--tools", evil)})
	a.Execute(t, "dbé", "stderr", map[string]any{"line": "before " + evil}).Good(t)
	g.AwaitLine(t, 0, "the line", func(l testkit.Line) bool { return strings.HasPrefix(l.Str("line"), "before ") })
	for _, args := range [][]string{
		{"logs"},
		{"logs", "--json"},
		{"tools"},
		{"tools", "--json"},
		{"status"},
		{"status", "--json"},
		{"call", "dbé", "echo", `{"t": "` + strings.ReplaceAll(evil, "\x1b", `\u001b`) + `"}`, "--agent", "a"},
		{"call", "dbé", "echo", `{"t": "\u001b[2J\u009b\u202e"}`, "--agent", "a", "--json"},
		{"call", "dbé", "no\x1b[2J", "--agent", "a"},
		{"restart", "no\x1b[2J"},
		{"hold", "dbé", "--reason", evil},
		{"status"},
	} {
		r := operate(t, g, args...)
		for _, c := range []string{"\x1b", "\x07", "\u009b", "\u202e"} {
			if strings.Contains(r.out+r.err, c) {
				t.Errorf("%v must not print %q:\n%q", args, c, r.out+r.err)
			}
		}
		if len(r.out+r.err) == 0 {
			t.Errorf("%v prints nothing", args)
		}
	}
}

// What a signal does elsewhere is a request on Windows; it is there on all systems.
func TestOperator_end_endsTheGatewayInOrder(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	if err := admin.NewClient(socketOf(t, g)).End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := g.Wait(t); code != exitFine {
		t.Errorf("got exit code %d, want 0", code)
	}
}
