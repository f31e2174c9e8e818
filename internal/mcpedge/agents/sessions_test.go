package agents_test

import (
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/mcpedge/agents"
)

// Sessions at surfaces live as long as they are remembered: nobody may make
// others forget theirs.
func TestSessions_whoOpensMany_forgetsItsOwn(t *testing.T) {
	s := agents.NewSessions()
	first := s.Open("192.0.2.1")
	var mine []string
	for range agents.MaxSessions + 10 {
		mine = append(mine, s.Open("192.0.2.66"))
	}
	if !s.IsOpen(first) || !s.IsOpen(mine[len(mine)-1]) || s.IsOpen(mine[0]) {
		t.Errorf("got open: another's %v, the flooder's last %v and first %v; want true, true, false",
			s.IsOpen(first), s.IsOpen(mine[len(mine)-1]), s.IsOpen(mine[0]))
	}
}

// A session whose stream is open is alive, however long ago its last request was.
func TestSessions_anOpenStreamKeepsASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := agents.NewIdleSessions(time.Minute)
		quiet, listening := s.Open("1.1.1.1"), s.Open("1.1.1.2")
		detach := s.Attach(listening)
		time.Sleep(2 * time.Minute)
		s.Open("1.1.1.3")
		if s.Remembers(quiet) || !s.Remembers(listening) {
			t.Errorf("after two minutes the quiet one is open: %v, the listening one: %v; want false and true", s.Remembers(quiet), s.Remembers(listening))
		}
		detach()
		time.Sleep(2 * time.Minute)
		s.Open("1.1.1.4")
		if s.Remembers(listening) {
			t.Error("it is open two minutes after its stream has ended, want it forgotten")
		}
	})
}
