package main

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// said is a test that fails and goes on to be asked what it said.
type said struct {
	testing.TB
	lines []string
}

func (s *said) Helper() {}

func (s *said) Errorf(format string, args ...any) {
	s.lines = append(s.lines, "ERROR "+fmt.Sprintf(format, args...))
}

func (s *said) Logf(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *said) FailNow() { runtime.Goexit() }

// Even if a long log is cut off at its end, it still says why the test failed.
func TestTestkit_aWaitInVain_saysFirstWhatWasWantedOfWhom(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"), Unclean: true})
	g.Stop(t)
	s := &said{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.Await(s, "server ready", "server", "db")
	}()
	<-done
	if len(s.lines) == 0 || !strings.HasPrefix(s.lines[0], `ERROR got no end of a wait, want one: the gateway has not logged "server ready" [server db]; it has ended with exit status 0`) {
		t.Errorf("got %q, want first what was not logged, and that the gateway has ended", s.lines)
	}
	if all := strings.Join(s.lines, "\n"); strings.Count(all, "ERROR") != 1 || !strings.Contains(all, "the end of the gateway's log") {
		t.Errorf("got %q, want one failure, and the log behind it", s.lines)
	}
}
