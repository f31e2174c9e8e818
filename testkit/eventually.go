package testkit

import (
	"fmt"
	"testing"
	"time"
)

// Eventually asks until it is true, for facts outside the program of which no
// event tells: a process is gone, a line is in a file. It fails the test when
// Patience is over. Everything else should wait for its event.
func Eventually(t testing.TB, what string, ask func() bool) {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not true within %v: %s", Patience, what)
		}
	}
}

// Gone waits until a process has ended and, where it can be told, been reaped
// or left as somebody else's zombie.
func Gone(t testing.TB, pid int) {
	t.Helper()
	Eventually(t, fmt.Sprintf("the end of process %d", pid), func() bool { return !Alive(pid) })
}
