package fleet_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// A later version has raised the format of the fleet: this one must not go on by half.
func TestFleet_whoDoesNotKnowTheFormat_ends(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		var mu sync.Mutex
		var why []error
		s.sets("a", func(cfg *fleetactor.Config) {
			cfg.Unfit = func(err error) { mu.Lock(); defer mu.Unlock(); why = append(why, err) }
		})
		for _, fine := range []string{"1", "x", ""} { // What cannot be read is damaged, and no other format.
			s.store.Damage(fleet.KeyFormat, []byte(fine))
			s.Sleep(time.Second)
		}
		if got := s.store.View().Damaged[fleet.KeyFormat]; got == "" {
			t.Error("a format that cannot be read is not named as damaged, want that it is")
		}
		if len(why) != 0 {
			t.Errorf("got %v, want that it goes on", why)
		}
		s.store.Damage(fleet.KeyFormat, []byte("2"))
		s.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if len(why) != 1 || !strings.Contains(why[0].Error(), "format 2") || !strings.Contains(why[0].Error(), "install the version") {
			t.Errorf("got %v, want once that it does not know format 2, and what to do", why)
		}
	})
}

// It cannot know by which rules others claim what it runs: so it ends that as at the loss of
// its lease, and neither drains nor says who shall have it.
func TestFleet_whoDoesNotKnowTheFormat_endsWhatItOwnsAtOnce(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		a.wants("files")
		m := a.owns(t, "files")
		s.store.Damage(fleet.KeyFormat, []byte("2"))
		a.loses(t)
		a.says(m, readyBusy)
		asker := s.Probe()
		s.System.Root.RequestWithCustomSender(a.pid, messages.LeaveFleet{}, asker.PID)
		testkit.Expect[messages.FleetLeft](t, asker)
		s.Sleep(time.Minute)
		testkit.ExpectNone(t, a.sup)
		if v := s.store.View(); len(v.Nodes) != 0 || len(v.Records) != 0 {
			t.Errorf("got the nodes %v and the records %v; want that it is gone, and has written nothing more", v.Nodes, v.Records)
		}
	})
}

// While it ends it takes nothing more over: it would write what nobody reads.
func TestFleet_whoDoesNotKnowTheFormat_claimsNothing(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a", func(cfg *fleetactor.Config) { cfg.Unfit = func(error) {} })
		s.store.Damage(fleet.KeyFormat, []byte("2"))
		s.Sleep(time.Second)
		a.wants("files")
		s.Sleep(time.Minute)
		if got := s.store.View().Owners; len(got) != 0 {
			t.Errorf("got the owners %v, want none", got)
		}
	})
}
