package fleet_test

import (
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// The network between gateways is cut, and all reach the store.
func TestFleet_ownerThatMostCannotReach_leavesItsServersToOthers(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		a.wants("files")
		m := a.owns(t, "files")
		a.says(m, readyBusy)
		others := []*ship{s.sets("b"), s.sets("c")}
		for _, sh := range others {
			sh.wants("files")
			s.Send(sh.pid, messages.PeersUnreached{Nodes: []string{"a"}})
		}
		s.Sleep(10*ttl - time.Second)
		testkit.ExpectNone(t, a.sup)
		testkit.Expect[messages.GiveUp](t, a.sup)
		a.tells(messages.Released{Key: "files", Cell: m.Cell, Epoch: m.Epoch})
		there := others[1].owns(t, "files") // It was started last.
		others[1].says(there, fleet.Record{State: endpoint.Ready})
		a.hears(t, "c", endpoint.Ready)
		a.wants("more")
		s.Sleep(time.Minute)
		testkit.ExpectNone(t, a.sup)
		s.Send(others[0].pid, messages.PeersUnreached{})
		a.owns(t, "more")
	})
}

func TestFleet_ownerThatIsReachedInTime_keepsItsServers(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b, c := s.sets("a"), s.sets("b"), s.sets("c")
		a.wants("files")
		a.owns(t, "files")
		for range 3 {
			for _, sh := range []*ship{b, c} {
				s.Send(sh.pid, messages.PeersUnreached{Nodes: []string{"a"}})
			}
			s.Sleep(9 * ttl)
			s.Send(b.pid, messages.PeersUnreached{})
			s.Sleep(time.Second)
		}
		before := s.store.Writes()
		for range 100 {
			s.Send(b.pid, messages.PeersUnreached{})
		}
		s.Sleep(20 * ttl)
		testkit.ExpectNone(t, a.sup)
		if n := s.store.Writes() - before; n > 0 {
			t.Errorf("%d writes for what was said already, want none", n)
		}
	})
}
