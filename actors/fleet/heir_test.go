package fleet_test

import (
	"testing"
	"time"

	"gatehouse/internal/fleet"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// stops has a gateway leave, as a supervisor that drains what it gives up at once.
func (sh *ship) stops(t *testing.T, owned ...messages.OwnedHere) {
	t.Helper()
	asker := sh.s.Probe()
	sh.s.System.Root.RequestWithCustomSender(sh.pid, messages.LeaveFleet{Drain: time.Second}, asker.PID)
	for _, m := range owned {
		testkit.ExpectThat(t, sh.sup, func(g messages.GiveUp) bool { return g.Key == m.Key })
		sh.tells(messages.Released{Key: m.Key, Cell: m.Cell, Epoch: m.Epoch})
	}
	testkit.Expect[messages.FleetLeft](t, asker)
}

// In an upgrade what runs goes to a gateway that has been restarted, whatever the order of
// claims is else.
func TestFleet_leaving_theOneStartedLastInherits(t *testing.T) {
	for _, key := range []string{"s1", "s2", "s3", "s4", "s5"} {
		atSea(t, func(t *testing.T, s *sea) {
			a := s.sets("a")
			a.wants(key)
			m := a.owns(t, key)
			a.says(m, readyBusy)
			others := []*ship{s.sets("b"), s.sets("c"), s.sets("d")}
			for _, sh := range others {
				sh.wants(key)
			}
			s.store.Expire("b") // It joins again, and was not started again by that.
			testkit.Expect[messages.TenureLost](t, others[0].sup)
			others[0].tells(messages.TenureLeft{})
			s.Sleep(3 * time.Second)
			began := time.Now()
			a.stops(t, m)
			others[2].owns(t, key)
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s: taken over after %v, want at once", key, took)
			}
		})
	}
}

func TestFleet_leaving_anHeirThatDoesNotTakeIt_isNotWaitedForLong(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b, m := s.couple(t)
		s.sets("c") // It wants nothing: it does not follow.
		a.stops(t, m)
		began := time.Now()
		b.owns(t, "files")
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("taken over after %v, want within 3 s", took)
		}
	})
}

// There and back again: the second time nobody has anything to wait for.
func TestFleet_movedStraightBack_isClaimedAtOnce(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b, m := s.couple(t)
		s.Send(a.pid, messages.MoveServer{Server: "files", Node: "b", Drain: time.Second})
		a.tells(messages.Released{Key: "files", Cell: m.Cell, Epoch: m.Epoch})
		there := b.owns(t, "files")
		b.says(there, fleet.Record{State: "ready"})
		s.Send(b.pid, messages.MoveServer{Server: "files", Node: "a", Drain: time.Second})
		b.tells(messages.Released{Key: "files", Cell: there.Cell, Epoch: there.Epoch})
		began := time.Now()
		a.owns(t, "files")
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("taken over after %v, want at once", took)
		}
	})
}
