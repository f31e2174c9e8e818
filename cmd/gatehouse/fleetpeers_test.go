package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/fleet"
	"gatehouse/testkit"
)

// strangers are other gateways as a test wants them.
type strangers struct {
	nodes map[string]fleet.Node
	away  map[string]bool          // by address
	ahead map[string]time.Duration // by address
	told  [][]string
}

func watching(logs *testkit.Logs) (*strangers, *peerWatch) {
	s := &strangers{nodes: map[string]fleet.Node{}, away: map[string]bool{}, ahead: map[string]time.Duration{}}
	for _, id := range []string{"n1", "n2", "n3"} {
		s.nodes[id] = fleet.Node{ID: id, Address: id + ":1"}
	}
	return s, &peerWatch{
		self: "n1", nodes: func() map[string]fleet.Node { return s.nodes }, log: logs.Logger(),
		ask: func(_ context.Context, address string) (fleet.TenureAnswer, error) {
			switch {
			case address == "n1:1":
				return fleet.TenureAnswer{}, errors.New("asked itself")
			case s.away[address]:
				return fleet.TenureAnswer{}, errors.New("no answer")
			}
			return fleet.TenureAnswer{Now: time.Now().Add(s.ahead[address])}, nil
		},
		tell: func(away []string) { s.told = append(s.told, away) },
	}
}

func TestPeerWatch_tellsWhomItCannotReach_onceAndNotAtTheFirstMiss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := watching(&testkit.Logs{})
		for _, step := range []struct {
			what   string
			change func()
			looks  int
			want   []string
			told   int
		}{
			{"all is well", func() {}, 3, nil, 0},
			{"one answer is lost", func() { s.away["n2:1"] = true }, 1, nil, 0},
			{"it stays away", func() {}, 5, []string{"n2"}, 1},
			{"another one too", func() { s.away["n3:1"] = true }, 2, []string{"n2", "n3"}, 2},
			{"it is back", func() { delete(s.away, "n2:1") }, 1, []string{"n3"}, 3},
			{"the other one has left", func() { delete(s.nodes, "n3") }, 1, nil, 4},
		} {
			step.change()
			for range step.looks {
				w.look(t.Context(), time.Second)
			}
			var last []string
			if n := len(s.told); n > 0 {
				last = s.told[n-1]
			}
			if len(s.told) != step.told || !slices.Equal(last, step.want) {
				t.Errorf("%s: got %q in the end, told %d times, want %q and %d", step.what, last, len(s.told), step.want, step.told)
			}
		}
	})
}

func TestPeerWatch_clocksThatDiffer_areSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs testkit.Logs
		s, w := watching(&logs)
		s.ahead["n2:1"], s.ahead["n3:1"] = time.Minute, time.Second
		for range 3 {
			w.look(t.Context(), time.Second)
		}
		if got := w.clocks(); len(got) != 1 || got["n2"] != time.Minute {
			t.Errorf("got %v, want n2 a minute ahead", got)
		}
		if all := logs.All(); len(all) != 1 || all[0].Attrs["node"] != "n2" {
			t.Errorf("logged %v, want n2 once", all)
		}
		s.ahead["n2:1"] = 0
		w.look(t.Context(), time.Second)
		if got := w.clocks(); len(got) != 0 {
			t.Errorf("got %v once the clock is right, want none", got)
		}
	})
}

func TestPeerWatch_endsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := watching(&testkit.Logs{})
		s.away["n2:1"] = true
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		w.run(ctx, 3*time.Second)
		if len(s.told) != 1 {
			t.Errorf("told %v, want n2 once", s.told)
		}
	})
}

// A log that is slow to take a line keeps nobody else waiting.
func TestPeerWatch_nobodyWaitsForItsLog(t *testing.T) {
	s, w := watching(&testkit.Logs{})
	log := newSlowLog()
	w.log, s.ahead["n2:1"] = log.logger(), time.Hour
	log.keepsNobody(t, func() { w.look(t.Context(), testkit.Patience) }, func() { w.clocks() })
}

// Nor does who hears of it.
func TestPeerWatch_nobodyWaitsForWhoHearsOfIt(t *testing.T) {
	s, w := watching(&testkit.Logs{})
	log := newSlowLog()
	w.tell = func([]string) { log.logger().Info("told") }
	s.away["n2:1"] = true
	w.look(t.Context(), testkit.Patience)
	log.keepsNobody(t, func() { w.look(t.Context(), testkit.Patience) }, func() { w.clocks() })
}
