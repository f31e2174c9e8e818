//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
)

// bystanders starts n processes that have nothing to do with the gateway. They
// end with the test.
func bystanders(t *testing.T, n int) {
	t.Helper()
	cmd := exec.Command("sh", "-c", fmt.Sprintf(`i=0; while [ $i -lt %d ]; do sleep 4343 >/dev/null & i=$((i+1)); done; echo; wait`, n))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("cannot start bystanders: %v", err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // It was killed.
	})
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatalf("starting bystanders: %v", err)
	}
}

// processorTime returns the CPU time of a process without its children, in steps of
// 10 ms, and false once it has ended.
func processorTime(pid int) (time.Duration, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, true
}

// TestFigures_stopAmongManyProcesses shows that a gateway with many servers ends
// well on a machine with many other processes, and what that costs.
func TestFigures_stopAmongManyProcesses(t *testing.T) {
	figures(t)
	others := scaled(1750, 100)
	bystanders(t, others)
	for _, n := range []int{scaled(20, 3), scaled(500, 10)} {
		servers := testkit.Servers{}
		for i := range n {
			servers[fmt.Sprint("s", i)] = testkit.Fake(t)
		}
		g := testkit.StartGateway(t, testkit.Options{Servers: servers.JSON(), Rules: testkit.AllowAll("a"), Unclean: true})
		for name := range servers {
			g.Await(t, "server ready", "server", name)
		}
		before, _ := processorTime(g.PID())
		used, stopped := before, time.Now()
		g.Signal(t, syscall.SIGTERM)
		for tick := time.Tick(5 * time.Millisecond); ; <-tick {
			now, alive := processorTime(g.PID())
			if !alive {
				break
			}
			used = now
		}
		took := time.Since(stopped)
		if code := g.Wait(t); code != 0 {
			t.Errorf("stopping %d servers: got the exit code %d, want 0", n, code)
		}
		for _, pid := range g.ServerPIDs() {
			if testkit.Alive(pid) {
				t.Errorf("stopping %d servers: process %d outlived the gateway, want none", n, pid)
			}
		}
		t.Logf("stopping %d servers beside %d other processes: %v of CPU, the end after %v",
			n, others, used-before, took.Round(time.Millisecond))
	}
}
