package fleet_test

import (
	"testing"
	"time"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/messages"
)

// placed is what a gateway knows of where another one is.
func (sh *ship) placed(t *testing.T, when, id, boot string) {
	t.Helper()
	n, known := sh.standing.Whereabouts(id)
	switch {
	case known != (boot != ""):
		t.Errorf("%s: got %v for whether the whereabouts of %s are known, want %v", when, known, id, boot != "")
	case known && (n.Boot != boot || n.Address != id+":1"):
		t.Errorf("%s: got boot %q at %s, want %q at %s", when, n.Boot, n.Address, boot, id+":1")
	}
}

// A gateway that loses its lease keeps its sessions: others know where it is until it
// should be back.
func TestWhereabouts_ofAGatewayThatLosesItsLease_areKnownUntilItShouldBeBack(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b := s.sets("a"), s.sets("b")
		b.placed(t, "in peace", "a", "boot of a")
		b.placed(t, "of nobody", "c", "")
		a.way.Cut()
		for s.sees(b, "a") {
			s.Sleep(50 * time.Millisecond)
		}
		b.placed(t, "once its lease has ended", "a", "boot of a")
		s.Sleep(2*ttl + 1900*time.Millisecond)
		b.placed(t, "just before it counts as gone", "a", "boot of a")
		s.Sleep(200 * time.Millisecond)
		b.placed(t, "when it should be back", "a", "")
		a.way.Heal()
		s.Sleep(ttl)
		b.placed(t, "once it is back", "a", "boot of a")
	})
}

func TestWhereabouts_ofAGatewayThatWasStartedAnew_areThoseOfTheNewOne(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b := s.sets("a"), s.sets("b")
		a.dies()
		s.Sleep(ttl + time.Second)
		b.placed(t, "after its death", "a", "boot of a")
		s.sets("a", func(c *fleetactor.Config) { c.Node.Boot = "another boot" })
		s.Sleep(time.Second)
		b.placed(t, "once it was started again", "a", "another boot")
	})
}

func TestWhereabouts_ofAGatewayThatLeaves_areForgotten(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b, m := s.couple(t)
		a.tells(messages.LeaveFleet{Drain: time.Minute})
		s.Sleep(time.Second)
		b.placed(t, "while it drains", "a", "boot of a")
		a.tells(messages.Released{Key: "files", Cell: m.Cell, Epoch: m.Epoch})
		s.Sleep(time.Second)
		if s.sees(b, "a") {
			t.Error("a has not left, want that it has")
		}
		b.placed(t, "once it has left", "a", "")
	})
}

// sees reports whether a gateway is in the view of another one.
func (s *sea) sees(of *ship, id string) bool {
	_, lives := of.standing.View().Nodes[id]
	return lives
}
