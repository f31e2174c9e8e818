package fleet_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/internal/fleet"
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
