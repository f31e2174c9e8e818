package testkit

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Signal sends a signal to the gateway.
func (g *Gateway) Signal(t testing.TB, sig os.Signal) {
	t.Helper()
	check(t, g.cmd.Process.Signal(sig))
}

// Wait waits for the end of the gateway and gives its exit code, -1 if a
// signal ended it.
func (g *Gateway) Wait(t testing.TB) int {
	t.Helper()
	select {
	case <-g.done:
		return g.cmd.ProcessState.ExitCode()
	case <-time.After(Patience):
		g.autopsy(t, "the gateway has not ended")
		t.FailNow()
		return -1
	}
}

// Stop sends SIGTERM and waits for the end.
func (g *Gateway) Stop(t testing.TB) int {
	t.Helper()
	g.terminate(t)
	return g.Wait(t)
}

func (g *Gateway) terminate(t testing.TB) {
	t.Helper()
	var err error
	if runtime.GOOS == "windows" {
		err = g.cmd.Process.Kill() // There is no SIGTERM.
	} else {
		err = g.cmd.Process.Signal(syscall.SIGTERM)
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// ServerPIDs returns the process ids of all servers that were ever ready.
func (g *Gateway) ServerPIDs() []int {
	var out []int
	for _, l := range g.Log.Lines() {
		if l.Msg == "server ready" && l.Int("pid") > 0 {
			out = append(out, l.Int("pid"))
		}
	}
	return out
}

// end tells the gateway to end, if it runs: as its client does, at the end of
// the input, or by SIGTERM.
func (g *Gateway) end(t testing.TB) {
	t.Helper()
	select {
	case <-g.done:
		return
	default:
	}
	if g.opt.Stdio {
		_ = g.stdin.Close() // A client may have closed it.
		return
	}
	g.terminate(t)
}

// finish ends the gateway, if it runs, and checks what every gateway owes.
func (g *Gateway) finish(t testing.TB) {
	t.Helper()
	_ = g.stdout.out.Close() // Nobody reads any more; do not let it block on us.
	g.end(t)
	select {
	case <-g.done:
	case <-time.After(Patience):
		g.autopsy(t, "the gateway has not ended, told to at the end of the test")
		return
	}
	if strings.Contains(strings.Join(g.Log.Other(), "\n"), "DATA RACE") {
		t.Errorf("there must be no data race in the gateway:\n%s", strings.Join(g.Log.Other(), "\n"))
	}
	g.stdout.verify(t, g.opt.Stdio)
	if !g.opt.Unclean && runtime.GOOS != "windows" {
		g.checkClean(t)
	}
	if t.Failed() || os.Getenv("GATEHOUSE_TEST_LOG") != "" {
		g.dump(t)
		t.Logf("and other lines:\n%s", strings.Join(g.Log.Other(), "\n"))
	}
}

// checkClean checks the exit code and that no server survived.
func (g *Gateway) checkClean(t testing.TB) {
	t.Helper()
	if code := g.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the gateway ended with %v, want exit status 0", g.cmd.ProcessState)
	}
	for _, l := range g.Log.Lines() {
		pid := l.Int("pid")
		if l.Msg == "server ready" && pid > 0 && Alive(pid) && !begunAfter(pid, l.Time) {
			t.Errorf("server process %d outlived the gateway, want it gone", pid)
		}
	}
}

// autopsy fails the test, first with what was waited for in vain and how the gateway
// is. Then it ends one that hangs in a way that makes it print the stacks of all its
// goroutines, and shows them with its log.
func (g *Gateway) autopsy(t testing.TB, format string, args ...any) {
	t.Helper()
	g.opt.Unclean = true // The failure is told already.
	t.Errorf("got no end of a wait, want one: %s; %s", fmt.Sprintf(format, args...), g.condition())
	_ = g.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-g.done:
	case <-time.After(Patience / 18):
		_ = g.cmd.Process.Kill()
	}
	g.dump(t)
	t.Logf("and all else that it wrote:\n%s", strings.Join(g.Log.Other(), "\n"))
}

// condition returns in words whether the gateway runs, and what it said last.
func (g *Gateway) condition() string {
	last := "it has logged nothing"
	if lines := g.Log.Lines(); len(lines) > 0 {
		last = "its last line is " + lines[len(lines)-1].Raw
	}
	select {
	case <-g.done:
		return fmt.Sprintf("it has ended with %v, and %s", g.cmd.ProcessState, last)
	default:
		return fmt.Sprintf("it (process %d) still runs after %v, and %s", g.PID(), Patience, last)
	}
}

// dumpLines is how much of the log a failure shows.
const dumpLines = 150

// dump shows the end of the log.
func (g *Gateway) dump(t testing.TB) {
	t.Helper()
	lines := g.Log.Lines()
	lines = lines[max(0, len(lines)-dumpLines):]
	var s strings.Builder
	for _, l := range lines {
		s.WriteString("\n" + l.Raw)
	}
	t.Logf("the end of the gateway's log:%s", s.String())
}
