package fleet_test

import (
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// wishes are what ends the wait of a server that has failed.
func wishes(t *testing.T) map[string]func(s *sea) error {
	t.Helper()
	return map[string]func(s *sea) error{
		"a release": func(s *sea) error {
			_, err := s.store.Client().PutHold(t.Context(), "files", fleet.Hold{Asked: time.Now()})
			return err
		},
		"a restart": func(s *sea) error {
			_, err := s.store.Client().Restart(t.Context(), "files")
			return err
		},
	}
}

// eachWish plays with a fleet in which the server is quarantined at a, once for each wish.
func eachWish(t *testing.T, play func(t *testing.T, s *sea, a, b *ship, m messages.OwnedHere, wish func())) {
	t.Helper()
	for name, wish := range wishes(t) {
		t.Run(name, func(t *testing.T) {
			atSea(t, func(t *testing.T, s *sea) {
				a, b, m := s.quarantined(t)
				play(t, s, a, b, m, func() {
					if err := wish(s); err != nil {
						t.Fatal(err)
					}
				})
			})
		})
	}
}

// quarantined is a fleet in which a runs a lazy server that failed too often, and b may run it.
func (s *sea) quarantined(t *testing.T) (a, b *ship, m messages.OwnedHere) {
	t.Helper()
	s.activates(t)
	a = s.sets("a")
	a.tells(messages.Awaited{Key: "files", Cell: a.wantsSo("files", true)})
	m = a.owns(t, "files")
	a.says(m, fleet.Record{State: endpoint.Quarantined, Run: 6, History: []byte("6 failures"), RetryAt: time.Now().Add(time.Hour)})
	b = s.sets("b")
	b.wantsSo("files", true)
	b.hears(t, "a", endpoint.Quarantined)
	return a, b, m
}

// calls has a gateway run the server for a call, and checks whether it waits for what failed before.
func (sh *ship) calls(t *testing.T, waits bool) {
	t.Helper()
	sh.tells(messages.Awaited{Key: "files", Cell: sh.cells["files"]})
	if r := sh.owns(t, "files").Record; (r.State == endpoint.Quarantined) != waits || (len(r.History) > 0) != waits {
		t.Errorf("%s goes on with the record %+v, want that it waits for what failed before: %t", sh.id, r, waits)
	}
}

func TestFleet_whatNobodyRuns_isReleasedAndRestartedToo(t *testing.T) {
	eachWish(t, func(t *testing.T, s *sea, a, b *ship, m messages.OwnedHere, wish func()) {
		a.stops(t, m)
		b.hears(t, "", "")
		wish()
		s.Sleep(10 * time.Millisecond) // As long as b has not seen it, its supervisor ends the wait.
		b.calls(t, false)
	})
}

func TestFleet_whatNobodyRan_staysReleasedForWhoJoinsLater(t *testing.T) {
	eachWish(t, func(t *testing.T, s *sea, a, b *ship, m messages.OwnedHere, wish func()) {
		a.stops(t, m)
		b.hears(t, "", "")
		wish()
		c := s.sets("c")
		c.wantsSo("files", true)
		c.calls(t, false)
	})
}

// Its owner has died, and its lease is about to end.
func TestFleet_releasedBeforeTheDeathOfItsOwnerShows_beginsAfresh(t *testing.T) {
	eachWish(t, func(t *testing.T, _ *sea, a, b *ship, _ messages.OwnedHere, wish func()) {
		a.dies()
		wish()
		b.hears(t, "", "")
		b.calls(t, false)
	})
}

// What failed since the wish is waited for again, and so is what the wish was not about.
func TestFleet_aWishThatIsOver_endsNoLaterWait(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b, m := s.quarantined(t)
		if _, err := s.store.Client().PutHold(t.Context(), "files", fleet.Hold{Asked: time.Now()}); err != nil {
			t.Fatal(err)
		}
		s.Sleep(time.Second)
		a.says(m, fleet.Record{State: endpoint.Quarantined, Run: 12, History: []byte("6 failures"), RetryAt: time.Now().Add(time.Hour)})
		if _, err := s.store.Client().PutHold(t.Context(), "db", fleet.Hold{Asked: time.Now()}); err != nil {
			t.Fatal(err)
		}
		a.stops(t, m)
		b.hears(t, "", "")
		b.calls(t, true)
	})
}
