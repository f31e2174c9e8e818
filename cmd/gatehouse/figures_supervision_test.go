package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/testkit"
)

// full says that the figures of docs/OPERATIONS.md are wanted, not the short
// form that the test suite runs.
func full() bool { return os.Getenv("GATEHOUSE_FIGURES") == "full" }

// scaled returns n in the full form, few in the short one.
func scaled(n, few int) int {
	if full() {
		return n
	}
	return few
}

// figures marks a test whose log holds figures. If they are wanted it runs
// alone, so that they mean something; else it runs beside all others, for what
// it asserts.
func figures(t *testing.T) {
	t.Helper()
	if !full() {
		t.Parallel()
	}
}

func percentiles(times []time.Duration) string {
	slices.Sort(times)
	at := func(p float64) time.Duration { return times[int(p*float64(len(times)-1))].Round(10 * time.Microsecond) }
	return fmt.Sprintf("median %v, p99 %v, worst %v", at(0.5), at(0.99), at(1))
}

func TestFigures_deathOfAServer(t *testing.T) {
	figures(t)
	record := recordFile(t)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t, "--record", record).Settings("restart", patient)}.JSON(), Rules: testkit.AllowAll("a"),
	})
	a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	var detect, fail, serve []time.Duration
	for i := range scaled(50, 5) {
		id := strconv.Itoa(i)
		pid := pidOf(t, a, "s")
		call := a.Go(t.Context(), "s", "hang", map[string]any{"id": id})
		awaitCall(t, record, id)
		mark, killed := g.Log.Len(), time.Now()
		kill(t, pid)
		<-call.Done()
		fail = append(fail, time.Since(killed))
		call.Wait(t).Failed(t, "SERVER_CRASHED")
		soon(t, func() bool { return a.Execute(t, "s", "pid", nil).Code() == "" })
		serve = append(serve, time.Since(killed))
		detect = append(detect, g.AwaitFrom(t, mark, "server crashed").Time.Sub(killed))
	}
	t.Logf("kill -9 to its being logged:        %s", percentiles(detect))
	t.Logf("kill -9 to the failure of its call: %s", percentiles(fail))
	t.Logf("kill -9 to the first good call:     %s (with restart.initial_ms 1)", percentiles(serve))
}

// TestFigures_healthyServersBesideABadOne shows that each call of nine healthy
// servers is answered while the tenth misbehaves, and what it takes.
func TestFigures_healthyServersBesideABadOne(t *testing.T) {
	figures(t)
	for _, bad := range []struct {
		name  string
		entry testkit.Entry
		calls bool // it is called, too, and does not answer
	}{
		{"healthy too", testkit.Fake(t), false},
		{"hangs, with 100 calls waiting", testkit.Fake(t), true},
		{"reads nothing, with 100 calls waiting", testkit.Fake(t, "--stop-reading"), true},
		{"dies every 50 ms", testkit.Fake(t, "--exit-after", "50ms").Settings("restart", patient), false},
		{"floods stderr", testkit.Fake(t, "--flood", "stderr"), false},
		{"floods stdout with junk", testkit.Fake(t, "--flood", "junk"), false},
		{"floods stdout with one endless line", testkit.Fake(t, "--flood", "line"), false},
		{"healthy too, again", testkit.Fake(t), false}, // To see how much figures differ by themselves.
	} {
		if strings.HasSuffix(bad.name, "again") && !full() {
			continue
		}
		servers := testkit.Servers{"bad": bad.entry}
		for i := range 9 {
			servers[fmt.Sprint("good", i)] = testkit.Fake(t)
		}
		g := testkit.StartGateway(t, testkit.Options{Servers: servers.JSON(), Rules: testkit.AllowAll("a"), Args: []string{"--shutdown-timeout", "4s"}, Unclean: true})
		a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
		for i := range 9 {
			a.Execute(t, fmt.Sprint("good", i), "echo", nil).Good(t)
		}
		if bad.calls {
			for range 100 {
				a.Go(t.Context(), "bad", "hang", nil)
			}
		}
		t.Logf("the tenth server %-38s calls of the nine: %s", bad.name+":", percentiles(healthyCalls(t, a, scaled(4000, 100))))
		g.Stop(t)
	}
}

// healthyCalls makes n calls of the nine healthy servers, a few at a time and
// with pauses, and gives what each took.
func healthyCalls(t *testing.T, a testkit.Agent, n int) []time.Duration {
	t.Helper()
	const workers = 4
	var mu sync.Mutex
	var wg sync.WaitGroup
	var times []time.Duration
	for w := range workers {
		rnd := rand.New(rand.NewPCG(1, uint64(w)))
		wg.Go(func() {
			for range n / workers {
				<-time.After(2 * time.Millisecond)
				started := time.Now()
				r, err := a.TryExecute(t.Context(), fmt.Sprint("good", rnd.IntN(9)), "echo", nil)
				took := time.Since(started)
				if err != nil || r.IsError {
					t.Errorf("a healthy server did not answer: %v %s", err, r.Raw)
				}
				mu.Lock()
				times = append(times, took)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return times
}

// holdings are what a process holds, where the system tells.
type holdings struct {
	known                 bool
	children, descriptors int
	text                  string
}

// holdingsOf counts what a gateway holds now.
func holdingsOf(g *testkit.Gateway) holdings {
	proc := filepath.Join("/proc", strconv.Itoa(g.PID()))
	fds, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		return holdings{text: "this system does not tell"}
	}
	status, _ := os.ReadFile(filepath.Join(proc, "status")) // Empty when it has gone.
	kinds := map[string]int{}
	for _, fd := range fds {
		to, _ := os.Readlink(filepath.Join(proc, "fd", fd.Name())) // Empty when it has been closed.
		kind, _, special := strings.Cut(to, ":")
		if !special {
			kind = "file"
		}
		kinds[kind]++
	}
	h := holdings{known: true, descriptors: len(fds)}
	tasks, _ := filepath.Glob(filepath.Join(proc, "task", "*", "children"))
	for _, task := range tasks {
		list, _ := os.ReadFile(task) // Empty when the thread has ended.
		h.children += len(strings.Fields(string(list)))
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%d children, %d descriptors %v", h.children, h.descriptors, kinds)
	for line := range strings.Lines(string(status)) {
		if key, value, _ := strings.Cut(line, ":"); key == "VmRSS" || key == "Threads" {
			out.WriteString(", " + key + " " + strings.TrimSpace(value))
		}
	}
	h.text = out.String()
	return h
}

// slack is by how many descriptors two moments of a gateway at rest may differ:
// a connection of a client, a file that is being read.
const slack = 8

// wantNoMore fails if what a gateway holds has grown since an earlier moment.
// It waits, because what was stopped is let go of a little later.
func wantNoMore(t *testing.T, g *testkit.Gateway, before holdings) {
	t.Helper()
	if !before.known {
		return
	}
	testkit.Eventually(t, fmt.Sprintf("the gateway holds what it held before (%s), and not %s", before.text, holdingsOf(g).text), func() bool {
		now := holdingsOf(g)
		return now.children <= before.children && now.descriptors <= before.descriptors+slack
	})
}

func TestFigures_memoryAndDescriptorsAfterManyReloads(t *testing.T) {
	figures(t)
	servers := func(tag int) string {
		return testkit.Servers{"s": testkit.Fake(t, "--tag", strconv.Itoa(tag)), "other": testkit.Fake(t)}.JSON()
	}
	g := testkit.StartGateway(t, testkit.Options{Servers: servers(0), Rules: testkit.AllowAll("a"), Args: []string{"--debounce", "5ms"}})
	a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	g.Await(t, "server ready", "server", "s") // Or the first one would be taken for a later one.
	g.Await(t, "server ready", "server", "other")
	a.Execute(t, "s", "pid", nil).Good(t)
	before := holdingsOf(g)
	n := scaled(1000, 20)
	for i := 1; i <= n; i++ {
		mark := g.Log.Len()
		g.Apply(t, g.ServersFile, servers(i))
		g.AwaitFrom(t, mark, "server ready", "server", "s")
		a.Execute(t, "s", "pid", nil).Good(t)
		if i%max(n/5, 1) == 0 {
			g.AwaitFrom(t, mark, "server stopped", "server", "s")
			t.Logf("after %4d reloads that changed a server: %s", i, holdingsOf(g).text)
		}
	}
	wantNoMore(t, g, before)
}

func TestFigures_memoryAndDescriptorsAfterManyCrashes(t *testing.T) {
	figures(t)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t).Settings("restart", map[string]any{"initial_ms": 1, "max_ms": 1, "max_failures": 1000, "window_ms": 100, "quarantine_ms": 1})}.JSON(),
		Rules:   testkit.AllowAll("a"),
	})
	a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	g.Await(t, "server ready", "server", "s") // Or the first one would be taken for a later one.
	a.Execute(t, "s", "pid", nil).Good(t)
	before := holdingsOf(g)
	n := scaled(1000, 20)
	for i := 1; i <= n; i++ {
		mark := g.Log.Len()
		a.Execute(t, "s", "crash", nil).Failed(t, "SERVER_CRASHED")
		g.AwaitFrom(t, mark, "server ready", "server", "s")
		if i%max(n/5, 1) == 0 {
			t.Logf("after %4d crashes: %s", i, holdingsOf(g).text)
		}
	}
	wantNoMore(t, g, before)
}

func TestFigures_editOfOneServerAmongMany(t *testing.T) {
	figures(t)
	many := scaled(200, 20)
	servers := func(tag string) string {
		s := testkit.Servers{}
		for i := range many {
			s[fmt.Sprintf("s%03d", i)] = testkit.Fake(t).Settings("start", "lazy")
		}
		s["s000"] = testkit.Fake(t, "--tag", tag).Settings("start", "lazy")
		return s.JSON()
	}
	const debounce = 300 * time.Millisecond
	g := testkit.StartGateway(t, testkit.Options{Servers: servers("0"), Rules: testkit.AllowAll("a"), Args: []string{"--debounce", debounce.String()}})
	var times []time.Duration
	for i := range scaled(30, 3) {
		edited := time.Now()
		line := g.Apply(t, g.ServersFile, servers(strconv.Itoa(i+1)))
		times = append(times, line.Time.Sub(edited)-debounce)
		if !strings.Contains(line.Raw, "s000") || strings.Contains(line.Raw, "s001") {
			t.Errorf("got %s, want s000 alone as changed", line.Raw)
		}
	}
	t.Logf("edit of 1 of %d servers to its being applied, the debounce of %v apart: %s", many, debounce, percentiles(times))
}
