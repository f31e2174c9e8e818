package fleet_test

import (
	"testing"
	"time"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/messages"
	"gatehouse/testkit"
)

func TestFleet_leaving_withNothingToGiveUp_endsItsLeaseAtOnce(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, asker := s.sets("a"), s.Probe()
		s.System.Root.RequestWithCustomSender(a.pid, messages.LeaveFleet{}, asker.PID)
		testkit.Expect[messages.FleetLeft](t, asker)
		if v := s.store.View(); len(v.Nodes) != 0 {
			t.Errorf("got nodes %v, want none", v.Nodes)
		}
	})
}

// A lease that comes after its node has left ends again: the others would wait for it.
func TestFleet_leaving_whileItJoins_leavesNoLease(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a", func(c *fleetactor.Config) { c.Store = &slowStore{Store: c.Store, join: time.Second} })
		asker := s.Probe()
		s.System.Root.RequestWithCustomSender(a.pid, messages.LeaveFleet{}, asker.PID)
		testkit.Expect[messages.FleetLeft](t, asker)
		s.Sleep(1100 * time.Millisecond)
		if v := s.store.View(); len(v.Nodes) != 0 {
			t.Errorf("got nodes %v, want none", v.Nodes)
		}
	})
}

// What its owner has ended by itself has not failed: whoever has it next starts it at once.
func TestFleet_givenUpByItsOwner_isNotBusyAnyMore(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, _, m := s.couple(t)
		s.Sleep(time.Second)
		if !s.store.View().Records["files"].Busy {
			t.Fatal("the others do not see that it is busy, want that they do")
		}
		a.tells(messages.Released{Key: "files", Cell: m.Cell, Epoch: m.Epoch})
		s.Sleep(10 * time.Millisecond)
		if got := s.store.View().Records["files"]; got.Busy {
			t.Errorf("got %+v, want that nothing runs there any more", got)
		}
	})
}
