package fleet_test

import (
	"testing"
	"time"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

func TestInstances_beyondThoseThatAGatewayMayOwn_waitForRoom(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a", func(c *fleetactor.Config) { c.MaxInstances = 2 })
		key := func(agent string) string { return fleet.KeyOf("docs", agent) }
		for _, k := range []string{"files", key("1"), key("2"), key("3"), "db"} {
			a.wants(k)
		}
		s.Sleep(5 * time.Second)
		var instances []string
		for k := range a.standing.Owns() {
			if _, agent := fleet.SplitKey(k); agent != "" {
				instances = append(instances, k)
			}
		}
		if len(instances) != 2 || len(a.standing.Owns()) != 4 {
			t.Fatalf("got %d instances of %d that it owns, want 2 of 4", len(instances), len(a.standing.Owns()))
		}
		for _, k := range []string{key("1"), key("2"), key("3"), key("9")} {
			if _, owned := a.standing.Owned(k); a.standing.Room(k) != owned {
				t.Errorf("%q: got %v for whether there is room, want %v", k, a.standing.Room(k), owned)
			}
		}
		h, _ := a.standing.Owned(instances[0])
		a.tells(messages.Released{Key: instances[0], Cell: h.Cell, Epoch: h.Epoch})
		a.tells(messages.Unwanted{Key: instances[0], Cell: h.Cell})
		s.Sleep(5 * time.Second)
		if _, owned := a.standing.Owned(key("3")); !owned && instances[0] != key("3") || len(a.standing.Owns()) != 4 {
			t.Errorf("once one has ended: got %d that it owns, want the third of the instances among 4", len(a.standing.Owns()))
		}
	})
}

func TestStanding_mayClaim_asLongAsThisGatewayHasALeaseAndFollows(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		is := func(want bool, when string) {
			t.Helper()
			s.Sleep(time.Second)
			if got := a.standing.MayClaim(); got != want {
				t.Errorf("%s: got %t for whether it may claim, want %t", when, got, want)
			}
		}
		is(true, "joined")
		generation := s.activates(t)
		s.Send(a.pid, messages.CannotFollow{Generation: generation, Problems: []string{"no"}})
		is(false, "behind")
		s.Send(a.pid, messages.InForce{Generation: generation})
		is(true, "in line")
		a.way.Cut()
		s.Sleep(ttl)
		is(false, "cut off from the store")
		a.way.Heal()
		s.Sleep(ttl)
		is(true, "joined again")
		s.Send(a.pid, messages.LeaveFleet{})
		is(false, "leaving")
	})
}
