package agents_test

import (
	"testing"

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
