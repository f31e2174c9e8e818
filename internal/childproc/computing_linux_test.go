package childproc_test

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"gatehouse/internal/childproc"
	"gatehouse/testkit"
)

// A child computes while it, or a child of its own, has work to do; one that
// waits for its input does not.
func TestComputing_tellsWorkFromWaiting(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         bool
	}{
		{"waits for input", "read line", false},
		{"computes", "while :; do :; done", true},
		{"waits for a child that computes", "(while :; do :; done); exit", true},
		{"waits for a child that waits", "(read line); exit", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, childproc.Command{Name: "/bin/sh", Args: []string{"-c", c.script}})
			testkit.Eventually(t, c.name, func() bool { return p.Computing() == c.want })
			p.Kill()
			<-p.Done()
		})
	}
}

func init() {
	roles["computes on another thread than its first"] = func() {
		for range 2 {
			go func() {
				runtime.LockOSThread()
				for unix.Gettid() != os.Getpid() {
				}
			}()
		}
		forever()
	}
}

func TestComputing_everyThreadCounts(t *testing.T) {
	p := start(t, command(t, "computes on another thread than its first"))
	testkit.Eventually(t, "a thread computes", p.Computing)
	for range 20 { // The first one waits, and now and then wakes up.
		if !p.Computing() {
			t.Error("got no work to do, want that of the other thread")
		}
	}
}
