package childproc_test

import (
	"maps"
	"os"
	"slices"
	"testing"

	"gatehouse/internal/childproc"
	"gatehouse/testkit"
)

// What a wrapper starts is known as the gateway's own, and ends with the wrapper.
func TestDescendsFrom_theChildOfAWrapper(t *testing.T) {
	outside := slices.Collect(maps.Keys(testkit.Parents(t)))
	c := command(t, "never ends")
	c.Args = []string{"/c", c.Name}
	c.Name = os.Getenv("ComSpec")
	c.Env = append(c.Env, "SystemRoot="+os.Getenv("SystemRoot"))
	p := start(t, c)
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
