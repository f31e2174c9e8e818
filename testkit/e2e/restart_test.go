//go:build unix

package e2e_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
)

// restartable is a real url server that can be killed and started again on the
// same port.
type restartable struct {
	port int
	argv func(port int) (env, argv []string)
	cmd  *exec.Cmd
}

// newRestartable starts the server. It is killed with the test.
func newRestartable(t *testing.T, argv func(port int) (env, argv []string)) *restartable {
	t.Helper()
	_, text, err := net.SplitHostPort(testkit.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	r := &restartable{port: port, argv: argv}
	r.start(t)
	t.Cleanup(r.kill)
	return r
}

// start starts the server and waits until it listens.
func (r *restartable) start(t *testing.T) {
	t.Helper()
	env, argv := r.argv(r.port)
	r.cmd = exec.Command(argv[0], argv[1:]...)
	r.cmd.Env = append(os.Environ(), env...)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the server listens", func() bool {
		conn, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(r.port), time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

func (r *restartable) kill() {
	if r.cmd.ProcessState == nil {
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
		_ = r.cmd.Wait()
	}
}

// python is the interpreter of an environment with the Python SDK, or skips the
// test.
func python(t *testing.T, version string) string {
	t.Helper()
	file := testdata(t, "python", "venv-"+version, "bin", "python")
	if _, err := os.Stat(testdata(t, "python", "venv-"+version, ".installed")); err != nil {
		t.Skip("skipped: what comes from PyPI is not installed: make python needs python3 with venv")
	}
	return file
}

// restarting are the real servers of the tests below, with a tool that answers
// and one that takes its time.
type restarting struct {
	name     string
	http     func(t *testing.T) func(port int) (env, argv []string)
	stdio    func(t *testing.T) testkit.Entry
	slow     string
	slowArgs map[string]any
}

func restartingServers() []restarting {
	py := func(version string) restarting {
		return restarting{
			name: "python sdk, " + version,
			http: func(t *testing.T) func(port int) (env, argv []string) {
				interpreter, script := python(t, version), testdata(t, "python", "server.py")
				return func(port int) ([]string, []string) {
					return nil, []string{interpreter, script, "streamable-http", strconv.Itoa(port)}
				}
			},
			stdio: func(t *testing.T) testkit.Entry {
				return testkit.Entry{"command": python(t, version), "args": []string{testdata(t, "python", "server.py"), "stdio"}}
			},
			slow: "nap", slowArgs: map[string]any{"seconds": 60},
		}
	}
	everything := restarting{
		name: "server-everything",
		http: func(t *testing.T) func(port int) (env, argv []string) {
			command := npmServer(t, "everything")
			return func(port int) ([]string, []string) {
				return []string{"PORT=" + strconv.Itoa(port)}, []string{command, "streamableHttp"}
			}
		},
		stdio: func(t *testing.T) testkit.Entry {
			return testkit.Entry{"command": npmServer(t, "everything"), "args": []string{"stdio"}}
		},
		slow: "trigger-long-running-operation", slowArgs: map[string]any{"duration": 60, "steps": 60},
	}
	return []restarting{everything, py("old"), py("new")}
}

// calls runs calls of echo from two sides, and calls of the slow tool, until they
// are to end. What fails must say that it may have run.
func (r restarting) calls(t *testing.T, a testkit.Agent) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for caller := range 2 {
		callers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				message := fmt.Sprintf("%d-%d", caller, i)
				got, err := a.TryExecute(ctx, "s", "echo", map[string]any{"message": message})
				r.judge(ctx, t, got, err, message)
			}
		})
	}
	callers.Go(func() {
		for ctx.Err() == nil {
			got, err := a.TryExecute(ctx, "s", r.slow, r.slowArgs)
			r.judge(ctx, t, got, err, "")
		}
	})
	return func() {
		cancel()
		callers.Wait()
	}
}

func (r restarting) judge(ctx context.Context, t *testing.T, got testkit.Result, err error, want string) {
	t.Helper()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		t.Errorf("the gateway gave no result: %v", err)
	case got.Code() == "CALL_BLOCKED": // Until the operator says that it was not the caller's doing.
	case got.Code() == "SERVER_CRASHED" && got.Error.MayHaveRun != nil && *got.Error.MayHaveRun:
	case got.Code() != "":
		t.Errorf("got %s, want a result or SERVER_CRASHED: %s", got.Code(), got.Text)
	case !strings.Contains(got.Text, want):
		t.Errorf("got %q, want %q in it", got.Text, want)
	}
}

// A server that is killed and started again is used again, with no call lost but
// those that it was running.
func TestRestart_urlServers_underLoad(t *testing.T) {
	for _, r := range restartingServers() {
		t.Run(r.name, func(t *testing.T) {
			server := newRestartable(t, r.http(t))
			g, c := start(t, "s", testkit.Entry{"url": fmt.Sprintf("http://127.0.0.1:%d/mcp", server.port)})
			a := testkit.Agent{ID: "agent", Caller: c}
			hasTools(t, c, "s", "echo", r.slow)
			stop := r.calls(t, a)
			defer stop()
			for round := range 3 {
				mark := g.Log.Len()
				server.kill()
				server.start(t)
				message := fmt.Sprintf("round %d", round)
				if got := a.Execute(t, "s", "echo", map[string]any{"message": message}).Good(t); !strings.Contains(got.Text, message) {
					t.Errorf("got %q, want %q in it", got.Text, message)
				}
				g.AwaitLine(t, mark, "that the server is there again", func(l testkit.Line) bool {
					return l.Msg == "server ready" || l.Msg == "server session renewed"
				})
			}
			if n := g.Count(0, "server quarantined"); n != 0 {
				t.Errorf("it was quarantined %d times, want never", n)
			}
		})
	}
}

// One that restarts between two calls has forgotten the session, and nobody
// notices.
func TestRestart_urlServers_betweenCalls(t *testing.T) {
	for _, r := range restartingServers() {
		t.Run(r.name, func(t *testing.T) {
			server := newRestartable(t, r.http(t))
			_, c := start(t, "s", testkit.Entry{"url": fmt.Sprintf("http://127.0.0.1:%d/mcp", server.port)})
			for round := range 3 {
				message := fmt.Sprintf("round %d", round)
				mustContain(t, call(t, c, "s", "echo", map[string]any{"message": message}), message)
				server.kill()
				server.start(t)
			}
			mustContain(t, call(t, c, "s", "echo", map[string]any{"message": "at last"}), "at last")
		})
	}
}

// Whose calls ran alone at several ends of a server is kept from it, so the operator
// who has killed it lets the callers in again.
func TestRestart_stdioServers_underLoad(t *testing.T) {
	for _, r := range restartingServers() {
		t.Run(r.name, func(t *testing.T) {
			g, c := start(t, "s", r.stdio(t))
			a := testkit.Agent{ID: "agent", Caller: c}
			stop := r.calls(t, a)
			defer stop()
			for round := range 3 {
				kill(t, g, "s")
				message := fmt.Sprintf("round %d", round)
				testkit.Eventually(t, "a call is answered after "+message, func() bool {
					operate(t, g, "release", "s")
					got := a.Execute(t, "s", "echo", map[string]any{"message": message})
					return got.Code() == "" && strings.Contains(got.Text, message)
				})
			}
		})
	}
}
