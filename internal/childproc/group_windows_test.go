package childproc_test

import (
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/childproc"
	"gatehouse/testkit"
)

// What a wrapper starts is known as the gateway's own, and ends with the wrapper.
func TestDescendsFrom_theChildOfAWrapper(t *testing.T) {
	outside := slices.Collect(maps.Keys(testkit.Parents(t)))
	wantInJob(t, start(t, wrapped(t)), outside)
}

// However long the gateway does not get to run once the system has made the child.
func TestDescendsFrom_theChildOfAWrapperThatABusyGatewayStarts(t *testing.T) {
	outside := slices.Collect(maps.Keys(testkit.Parents(t)))
	free := busy(t)
	p := start(t, wrapped(t))
	free()
	wantInJob(t, p, outside)
}

// busy has many goroutines take turns on one processor, so that one that comes back from
// the system waits for its turn, until free is called.
func busy(t *testing.T) (free func()) {
	t.Helper()
	const others, turn = 50, 10 * time.Millisecond
	processors := runtime.GOMAXPROCS(1)
	var over atomic.Bool
	var all sync.WaitGroup
	for range others {
		all.Go(func() {
			for !over.Load() {
				for began := time.Now(); time.Since(began) < turn; {
				}
				runtime.Gosched()
			}
		})
	}
	free = sync.OnceFunc(func() {
		over.Store(true)
		runtime.GOMAXPROCS(processors)
		all.Wait()
	})
	t.Cleanup(free)
	return free
}

// wrapped is a child that another starts, which does nothing else.
func wrapped(t *testing.T) childproc.Command {
	t.Helper()
	c := command(t, "never ends")
	c.Args = []string{"/c", c.Name}
	c.Name = os.Getenv("ComSpec")
	c.Env = append(c.Env, "SystemRoot="+os.Getenv("SystemRoot"))
	return c
}

// wantInJob wants that what a wrapper has started is the gateway's own, that some of what
// ran before is not, and that it ends with the wrapper.
func wantInJob(t *testing.T, p *childproc.Process, outside []int) {
	t.Helper()
	if got := readLine(t, p); got != "ready" {
		t.Fatalf("got %q, want %q", got, "ready")
	}
	inside := childrenOf(t, p.PID())
	if len(inside) != 1 {
		t.Fatalf("got the processes %v below the wrapper, want one", inside)
	}
	for _, pid := range []int{p.PID(), inside[0], os.Getpid()} {
		if !childproc.DescendsFrom(pid, os.Getpid()) {
			t.Errorf("got that process %d is not below this one, want that it is", pid)
		}
	}
	strange := func(pid int) bool { return !childproc.DescendsFrom(pid, os.Getpid()) }
	if !slices.ContainsFunc(outside, strange) {
		t.Errorf("got that all of the processes %v are below this one, want that some are not", outside)
	}
	p.Kill()
	readAll(p)(t)
	await(t, p.Done(), "Done")
	if left := childrenOf(t, p.PID()); len(left) != 0 {
		t.Errorf("got the processes %v of a wrapper that was killed, want none", left)
	}
}

func TestDescendsFrom_processThatCannotBeSeen_isNotRuledOut(t *testing.T) {
	const nobodys = 0x7ffffffc // Numbers are given from the lowest on.
	for _, pid := range []int{-1, 0, nobodys} {
		if !childproc.DescendsFrom(pid, os.Getpid()) {
			t.Errorf("got that process %d is not below this one, want that it cannot be ruled out", pid)
		}
	}
}

// childrenOf lists the processes that a process has started.
func childrenOf(t *testing.T, parent int) (pids []int) {
	t.Helper()
	for pid, of := range testkit.Parents(t) {
		if of == parent {
			pids = append(pids, pid)
		}
	}
	return pids
}
