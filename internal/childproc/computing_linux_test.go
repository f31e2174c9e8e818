package childproc_test

import (
	"testing"

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
