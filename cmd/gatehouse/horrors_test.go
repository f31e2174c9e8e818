//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/testkit"
)

// tolerated is the longest that anything may outlive a killed gateway for these
// tests. The promise is a second; a machine under load gets more, and what it
// took is logged.
const tolerated = 10 * time.Second

// What horrible servers leave behind before they serve: a daemon in a session
// of its own that keeps stdout open, one by double fork, one that ignores
// TERM, and a stubborn child in the group. Each is one sleeper in the end,
// whatever shells are around it.
const (
	sleepers = 4
	sleeper  = "sleep\x005151\x00" // its command line, as /proc shows it
)

const leavings = `setsid sleep 5151 </dev/null & ` +
	`sh -c '(setsid sleep 5151 </dev/null >/dev/null 2>&1 &)'; ` +
	`setsid sh -c 'trap "" TERM HUP; sleep 5151' </dev/null >/dev/null 2>&1 & ` +
	`sh -c 'trap "" TERM HUP; sleep 5151' </dev/null >/dev/null 2>&1 & `

// horrible is the fake server behind a shell that leaves daemons behind and
// stays as a wrapper, or becomes the server.
func horrible(t *testing.T, wrapper bool, args ...string) testkit.Entry {
	t.Helper()
	for _, tool := range []string{"sh", "setsid", "sleep"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s here", tool)
		}
	}
	script := leavings + `exec "$0" "$@"`
	if wrapper {
		script = leavings + `"$0" "$@"; exit $?` // Without a last command sh would exec it.
	}
	return testkit.Entry{"command": "sh", "args": slices.Concat([]string{"-c", script, testkit.FakeServer(t)}, args)}
}

// horribleServers are some of each.
func horribleServers(t *testing.T) testkit.Servers {
	t.Helper()
	return testkit.Servers{
		"wrapped": horrible(t, true), "daemons": horrible(t, false), "deaf": horrible(t, false, "--ignore-term"),
		"forks": testkit.Fake(t, "--fork", "--ignore-term"), "plain": testkit.Fake(t),
	}
}

// carriers finds the processes whose environment has this entry.
func carriers(entry string) []int {
	var pids []int
	dir, _ := os.ReadDir("/proc")
	for _, e := range dir {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if begunWith(pid, entry) && testkit.Alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// begunWith reports whether the environment that a process began with has this
// entry. It is asked of every process of the machine, so it cuts nothing up.
func begunWith(pid int, entry string) bool {
	env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // Empty when it has gone.
	whole := []byte(entry + "\x00")
	return bytes.HasPrefix(env, whole) || bytes.Contains(env, append([]byte{0}, whole...))
}

// environOf returns the environment that a process began with.
func environOf(pid int) []string {
	env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // Empty when it has gone.
	return strings.Split(string(env), "\x00")
}

// instanceOf returns the id of a gateway, from the record that it keeps.
func instanceOf(t *testing.T, g *testkit.Gateway) string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(g.Dir, "state", "gatehouse", "instances", fmt.Sprintf("%d-*.json", g.PID())))
	if len(files) != 1 {
		t.Fatalf("the gateway has the records %v, want one", files)
	}
	_, id, _ := strings.Cut(strings.TrimSuffix(filepath.Base(files[0]), ".json"), "-")
	return id
}

// sleepersOf finds what the servers of a gateway left behind and is there.
func sleepersOf(instance string) []int {
	return slices.DeleteFunc(treeOf(instance), func(pid int) bool {
		cmd, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // Empty when it has gone.
		return string(cmd) != sleeper
	})
}

// awaitSleepers waits until so many horrible servers have left all that they
// leave: a server may be ready before its daemons are.
func awaitSleepers(t *testing.T, instance string, servers int) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("%d sleepers are there", sleepers*servers), func() bool {
		return len(sleepersOf(instance)) == sleepers*servers
	})
}

func treeOf(instance string) []int  { return carriers("GATEHOUSE_INSTANCE=" + instance) }
func guardOf(instance string) []int { return carriers("GATEHOUSE_GUARD=" + instance) }

// endsSoon waits until a gateway's processes are gone and gives the time that
// this took; then it waits for the end of the guard.
func endsSoon(t *testing.T, instance string) time.Duration {
	t.Helper()
	took := areGone(t, func() []int { return treeOf(instance) })
	areGone(t, func() []int { return guardOf(instance) })
	return took
}

// areGone waits until find returns none. As long as one of those that it has
// returned runs, it is seldom asked again: it looks at all processes.
func areGone(t *testing.T, find func() []int) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	left := find()
	for ticks := 1; len(left) > 0; ticks++ {
		if time.Since(began) > tolerated {
			for _, pid := range left {
				cmd, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
				t.Errorf("process %d is still there: %q", pid, cmd)
			}
			t.FailNow()
		}
		<-tick.C
		if ticks%50 == 0 || !slices.ContainsFunc(left, testkit.Alive) {
			left = find()
		}
	}
	return time.Since(began)
}

// sweepUp kills what a failed test leaves.
func sweepUp(t *testing.T, instance string) {
	t.Helper()
	t.Cleanup(func() {
		for _, pid := range slices.Concat(treeOf(instance), guardOf(instance)) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
}

// startHorrible starts a gateway with these servers and waits until all are
// ready and have left what they leave.
func startHorrible(t *testing.T, servers testkit.Servers, opt testkit.Options) (*testkit.Gateway, string) {
	t.Helper()
	opt.Servers, opt.Rules = servers.JSON(), testkit.AllowAll("a")
	g := testkit.StartGateway(t, opt)
	instance := instanceOf(t, g)
	sweepUp(t, instance)
	horrible := 0
	for name, entry := range servers {
		g.Await(t, "server ready", "server", name)
		if entry["command"] == "sh" {
			horrible++
		}
	}
	awaitSleepers(t, instance, horrible)
	return g, instance
}

// load calls all servers until stopped. Calls end as they may. It gives back
// once some calls were answered.
func load(t *testing.T, g *testkit.Gateway, servers testkit.Servers) (stop func()) {
	t.Helper()
	a := g.Agent(t, "a")
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var answered atomic.Int64
	for name := range servers {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := a.TryExecute(ctx, name, "echo", map[string]any{"text": "x"}); err != nil {
					return // The gateway is gone.
				}
				answered.Add(1)
			}
		})
	}
	testkit.Eventually(t, "calls are answered", func() bool { return answered.Load() > 20 })
	return func() { cancel(); wg.Wait() }
}

func signalPID(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

func TestHorrors_gatewayKilledUnderLoad_nothingSurvives(t *testing.T) {
	t.Parallel()
	times := 10
	if testing.Short() {
		times = 2
	}
	servers := horribleServers(t)
	for i := range times {
		g, instance := startHorrible(t, servers, testkit.Options{Unclean: true})
		stop := load(t, g, servers)
		was := len(treeOf(instance)) // At least the sleepers and the servers.
		signalPID(t, g.PID(), syscall.SIGKILL)
		took := endsSoon(t, instance)
		stop()
		t.Logf("kill %d: %d processes gone after %s", i+1, was, took)
		testkit.Eventually(t, "the record is gone", func() bool {
			files, _ := filepath.Glob(filepath.Join(g.Dir, "state", "gatehouse", "instances", "*"))
			return len(files) == 0
		})
	}
}

func TestHorrors_cleanStop_nothingSurvives(t *testing.T) {
	t.Parallel()
	servers := horribleServers(t)
	g, instance := startHorrible(t, servers, testkit.Options{})
	stop := load(t, g, servers)
	defer stop()
	if code := g.Stop(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if left := slices.Concat(treeOf(instance), guardOf(instance)); len(left) > 0 {
		t.Errorf("processes %v have outlived a clean stop, want none", left)
	}
	if files, _ := filepath.Glob(filepath.Join(g.Dir, "state", "gatehouse", "instances", "*")); len(files) > 0 {
		t.Errorf("a clean stop has left %v, want nothing", files)
	}
}

func TestHorrors_secondSignal_takesDaemonsAlong(t *testing.T) {
	t.Parallel()
	g, instance := startHorrible(t, testkit.Servers{"s": horrible(t, true)}, testkit.Options{Args: []string{"--shutdown-timeout", "60s"}, Unclean: true})
	call := g.Agent(t, "a").Go(t.Context(), "s", "hang", nil)
	testkit.Eventually(t, "the call runs", func() bool { return g.Count(0, "server ready") > 0 })
	terminate(t, g)
	g.Await(t, "gateway stopping")
	terminate(t, g)
	g.Wait(t)
	<-call.Done()
	endsSoon(t, instance)
}

func TestHorrors_serverIsRemoved_itsDaemonsGoAndNobodyElses(t *testing.T) {
	t.Parallel()
	servers := testkit.Servers{"goes": horrible(t, true, "--tag", "goes"), "stays": horrible(t, true, "--tag", "stays")}
	g, instance := startHorrible(t, servers, testkit.Options{Args: quick})
	stays := g.Agent(t, "a").Execute(t, "stays", "pid", nil).Good(t).PID(t)
	of := func(server string) []int {
		mark := fmt.Sprintf("GATEHOUSE_RUN=%s/%s@", instance, server)
		return slices.DeleteFunc(sleepersOf(instance), func(pid int) bool {
			return !slices.ContainsFunc(environOf(pid), func(kv string) bool { return strings.HasPrefix(kv, mark) })
		})
	}
	keeps := of("stays")
	if len(keeps) != sleepers {
		t.Fatalf("the server that stays has the sleepers %v, want %d", keeps, sleepers)
	}
	g.Apply(t, g.ServersFile, testkit.Servers{"stays": servers["stays"]}.JSON())
	testkit.Eventually(t, "the sleepers of the removed server are gone", func() bool { return len(of("goes")) == 0 })
	if got := of("stays"); !slices.Equal(got, keeps) || !testkit.Alive(stays) {
		t.Errorf("the other server has the sleepers %v, want %v; it is alive: %v", got, keeps, testkit.Alive(stays))
	}
}

func TestHorrors_serverCrashesAgainAndAgain_leavesNoDaemonsAndNoZombies(t *testing.T) {
	t.Parallel()
	crashes := 10
	if testing.Short() {
		crashes = 3
	}
	entry := horrible(t, true).Settings("restart", map[string]any{"initial_ms": 20, "max_ms": 20, "max_failures": 1000, "quarantine_ms": 1})
	g, instance := startHorrible(t, testkit.Servers{"s": entry}, testkit.Options{})
	a := g.Agent(t, "a")
	for range crashes {
		mark := g.Log.Len()
		crashed := sleepersOf(instance)
		a.Execute(t, "s", "crash", nil).Failed(t, "SERVER_CRASHED")
		g.AwaitFrom(t, mark, "server ready", "server", "s")
		if slices.ContainsFunc(crashed, testkit.Alive) {
			t.Fatalf("some of the sleepers %v have outlived their server, want none", crashed)
		}
		awaitSleepers(t, instance, 1)
	}
	testkit.Eventually(t, "there is no zombie", func() bool { return zombiesOf(g.PID()) == 0 })
}

func zombiesOf(parent int) (n int) {
	dir, _ := os.ReadDir("/proc")
	for _, e := range dir {
		stat, _ := os.ReadFile("/proc/" + e.Name() + "/stat")
		if _, rest, ok := strings.Cut(string(stat), ") "); ok && strings.HasPrefix(rest, fmt.Sprintf("Z %d ", parent)) {
			n++
		}
	}
	return n
}

func TestHorrors_oneOfTwoGatewaysIsKilled_theOtherNoticesNothing(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	if err := os.Mkdir(filepath.Join(state, "gatehouse"), 0o700); err != nil {
		t.Fatal(err)
	}
	shared := []string{"XDG_STATE_HOME=" + state}
	begin := func() (*testkit.Gateway, string) {
		g := testkit.StartGateway(t, testkit.Options{
			Servers: testkit.Servers{"s": horrible(t, true)}.JSON(), Rules: testkit.AllowAll("a"), Env: shared, Unclean: true,
		})
		g.Await(t, "server ready")
		files, _ := filepath.Glob(filepath.Join(state, "gatehouse", "instances", fmt.Sprintf("%d-*.json", g.PID())))
		if len(files) != 1 {
			t.Fatalf("records: %v, want one", files)
		}
		_, id, _ := strings.Cut(strings.TrimSuffix(filepath.Base(files[0]), ".json"), "-")
		sweepUp(t, id)
		awaitSleepers(t, id, 1)
		return g, id
	}
	one, lost := begin()
	two, kept := begin()
	before := sleepersOf(kept)
	signalPID(t, one.PID(), syscall.SIGKILL)
	endsSoon(t, lost)
	three, _ := begin() // and it sweeps
	if after := sleepersOf(kept); !slices.Equal(before, after) {
		t.Errorf("the other gateway's sleepers were %v and are %v, want the same", before, after)
	}
	two.Agent(t, "a").Execute(t, "s", "echo", nil).Good(t)
	if n := two.Count(0, "server crashed"); n > 0 {
		t.Errorf("the other gateway's server crashed %d times, want 0", n)
	}
	three.Stop(t)
}

func TestHorrors_guardIsKilledAsWell_nextStartSweeps(t *testing.T) {
	t.Parallel()
	g, instance := startHorrible(t, testkit.Servers{"s": horrible(t, true)}, testkit.Options{Unclean: true})
	guard := guardOf(instance)
	if len(guard) != 1 {
		t.Fatalf("guards: %v, want one", guard)
	}
	signalPID(t, g.PID(), syscall.SIGSTOP) // so that it starts no other one
	signalPID(t, guard[0], syscall.SIGKILL)
	signalPID(t, g.PID(), syscall.SIGKILL)
	g.Wait(t)
	if len(treeOf(instance)) == 0 {
		t.Fatal("nothing is left, so this test shows nothing")
	}
	next := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"),
		Env: []string{"XDG_STATE_HOME=" + filepath.Join(g.Dir, "state")},
	})
	next.Await(t, "swept what a dead gateway left", "instance", instance)
	if left := treeOf(instance); len(left) > 0 {
		t.Errorf("processes %v are left, want none", left)
	}
}

func TestHorrors_stdioClient_seesTheEndOfAKilledGateway(t *testing.T) {
	t.Parallel()
	testkit.OfRunAlone(t, "a client of attach does not notice: TestAttach_gatewayKilled_sessionGoesOn and TestAttach_everythingKilled_leavesNothing")
	g := overStdio(t, testkit.Options{
		Servers: testkit.Servers{"s": horrible(t, true)}.JSON(), Rules: testkit.AllowAll("a"), Unclean: true,
	})
	instance := instanceOf(t, g)
	sweepUp(t, instance)
	g.Await(t, "server ready")
	awaitSleepers(t, instance, 1)
	signalPID(t, g.PID(), syscall.SIGKILL)
	if _, err := io.Copy(io.Discard, g.Stdout()); err != nil {
		t.Errorf("reading stdout: %v, want its end", err)
	}
	g.Wait(t) // It waits for the end of stderr, too.
	endsSoon(t, instance)
}
