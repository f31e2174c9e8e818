//go:build linux

package chaos_test

import (
	"fmt"
	"strings"
	"syscall"

	"gatehouse/testkit"
)

// compare checks that the gateway holds on to nothing: it must have no more
// processes, descriptors and goroutines than a twin that has just been started
// on the same files. It ends both.
func (w *world) compare(dump bool) {
	w.t.Helper()
	record := w.record + ".twin"
	twin := w.gateway(record, dump)
	for _, name := range allNames {
		if k := kinds[name]; !k.ghost && !k.lazy {
			twin.Await(w.t, "server ready", "server", name)
		}
	}
	w.client.CloseIdleConnections()
	w.equal("processes", twin, func(g *testkit.Gateway) map[string]int { return w.family(g) })
	w.equal("descriptors", twin, func(g *testkit.Gateway) map[string]int { return descriptors(g.PID()) })
	ours, fresh := residentKB(w.g.PID()), residentKB(twin.PID())
	w.t.Logf("memory: %d KB, of a fresh gateway %d KB", ours, fresh)
	if ours > 3*fresh+64<<10 {
		w.t.Error("the gateway holds on to memory")
	}
	w.endsBy(dump, twin)
	testkit.Eventually(w.t, "no server outlives the gateway", func() bool {
		for _, p := range mentioning(w.record) {
			if !strings.Contains(p.command, "--http") {
				return false
			}
		}
		return true
	})
}

// equal waits until the gateway has no more of something than its twin.
func (w *world) equal(what string, twin *testkit.Gateway, count func(*testkit.Gateway) map[string]int) {
	w.t.Helper()
	var excess []string
	defer func() {
		if len(excess) > 0 {
			w.t.Logf("the gateway has more %s than a fresh one: %s", what, strings.Join(excess, "; "))
		}
	}()
	testkit.Eventually(w.t, "the gateway has no more "+what+" than a fresh one", func() bool {
		ours := count(w.g)
		excess = more(ours, count(twin))
		return len(ours) > 0 && len(excess) == 0
	})
}

// endsBy ends both gateways: by SIGQUIT, which shows and compares their
// goroutines, or as usual.
func (w *world) endsBy(dump bool, twin *testkit.Gateway) {
	w.t.Helper()
	if !dump {
		for _, g := range []*testkit.Gateway{w.g, twin} {
			if code := g.Stop(w.t); code != 0 {
				w.t.Errorf("the gateway ended with exit code %d", code)
			}
		}
		return
	}
	var counts []map[string]int
	for _, g := range []*testkit.Gateway{w.g, twin} {
		g.Signal(w.t, syscall.SIGQUIT)
		g.Wait(w.t)
		counts = append(counts, goroutines(g.Log.Other()))
	}
	if len(counts[0]) == 0 {
		w.t.Error("the gateway did not show its goroutines")
	}
	if excess := more(counts[0], counts[1]); len(excess) > 0 {
		w.t.Errorf("the gateway has more goroutines than a fresh one: %s", strings.Join(excess, "; "))
	}
}

// family counts the descendants of a gateway by command line and state.
func (w *world) family(g *testkit.Gateway) map[string]int {
	count := map[string]int{}
	for _, p := range descendants(g.PID()) {
		what := fmt.Sprintf("%q", strings.ReplaceAll(p.command, w.record+".twin", w.record))
		what = strings.ReplaceAll(what, g.Dir, "DIR")
		if p.state == 'Z' {
			what = "zombie"
		}
		count[what]++
	}
	return count
}
