package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/testkit"
)

// ran is a command of the operator's that has ended.
type ran struct {
	code     int
	out, err string
}

// operatorEnv is the environment of an operator of this gateway.
func operatorEnv(g *testkit.Gateway, more ...string) []string {
	env := append(testkit.AsGateway(), "HOME="+g.Dir, "GATEHOUSE_HOME="+g.Dir, "XDG_STATE_HOME="+filepath.Join(g.Dir, "state"))
	for _, key := range []string{"PATH", "TMPDIR"} {
		if v, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+v)
		}
	}
	return append(env, more...)
}

func command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testkit.Program(t), args...)
	cmd.Env, cmd.Dir = env, t.TempDir()
	return cmd
}

// runIn runs a command to its end.
func runIn(t *testing.T, env []string, args ...string) ran {
	t.Helper()
	cmd := command(t, env, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	return ran{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// operate runs a command against a gateway.
func operate(t *testing.T, g *testkit.Gateway, args ...string) ran {
	t.Helper()
	return runIn(t, operatorEnv(g), args...)
}

// want fails unless the command ended with this code and printed the
// fragments, on either output.
func (r ran) want(t *testing.T, code int, fragments ...string) ran {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, f := range fragments {
		if !strings.Contains(r.out+r.err, f) {
			t.Errorf("nothing says %q", f)
		}
	}
	if t.Failed() {
		t.Logf("stdout:\n%s\nstderr:\n%s", r.out, r.err)
		t.FailNow()
	}
	return r
}

// value reads what --json printed.
func value[T any](t *testing.T, r ran) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.out), &v); err != nil {
		t.Fatalf("%v:\n%s%s\nwant JSON", err, r.out, r.err)
	}
	return v
}

// statusOf asks for the status, and for one server in it.
func statusOf(t *testing.T, g *testkit.Gateway, server string) (admin.Status, admin.ServerStatus) {
	t.Helper()
	st := value[admin.Status](t, operate(t, g, "status", "--json").want(t, exitFine))
	for _, s := range st.Servers {
		if s.Name == server {
			return st, s
		}
	}
	return st, admin.ServerStatus{}
}

// live is a command that runs until it is interrupted.
type live struct {
	cmd   *exec.Cmd
	lines chan string
}

func startLive(t *testing.T, g *testkit.Gateway, args ...string) *live {
	t.Helper()
	cmd := command(t, operatorEnv(g), args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l := &live{cmd, make(chan string, 100_000)}
	go func() {
		defer close(l.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			l.lines <- s.Text()
		}
	}()
	return l
}

// next waits for a line with this fragment.
func (l *live) next(t *testing.T, fragment string) string {
	t.Helper()
	deadline := time.NewTimer(testkit.Patience)
	defer deadline.Stop()
	for {
		select {
		case line, open := <-l.lines:
			if !open {
				t.Fatalf("it ended without saying %q", fragment)
			}
			if strings.Contains(line, fragment) {
				return line
			}
		case <-deadline.C:
			t.Fatalf("it never said %q", fragment)
		}
	}
}

// end waits for the end and gives the exit code.
func (l *live) end(t *testing.T) int {
	t.Helper()
	for range l.lines { // To the end of its output.
	}
	_ = l.cmd.Wait() // ProcessState tells the rest.
	return l.cmd.ProcessState.ExitCode()
}

// socketOf is the file of a gateway's socket.
func socketOf(t *testing.T, g *testkit.Gateway) string {
	t.Helper()
	return g.Await(t, "operator's socket open").Str("file")
}
