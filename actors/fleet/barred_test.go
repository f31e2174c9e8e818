package fleet_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// cannot has a server wanted that this gateway cannot start.
func (sh *ship) cannot(key string, lazy bool) {
	sh.cells[key] = endpoint.NewCell(key, endpoint.Identity{Spec: key, Barred: "TOKEN is not set"}, endpoint.Status{State: endpoint.Starting})
	sh.tells(messages.WantOwner{Key: key, Name: key, Cell: sh.cells[key], Lazy: lazy, Barred: true})
	sh.s.Sleep(time.Second)
}

// nobody waits until the gateway is told that nobody can start a server, or that somebody can.
func (sh *ship) nobody(t *testing.T, want bool) {
	t.Helper()
	if m := testkit.Expect[messages.OwnedThere](t, sh.sup); m.Nobody != want || m.Owner.Node != "" {
		t.Errorf("%s hears that %q owns it and nobody can start it: %t, want nobody to own it and %t", sh.id, m.Owner.Node, m.Nobody, want)
	}
}

func TestFleet_whoCannotStartAServer_neverClaimsIt(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		a.cannot("files", false)
		a.nobody(t, true)
		b := s.sets("b")
		a.nobody(t, false) // It may; its own configuration comes later.
		b.cannot("files", false)
		b.nobody(t, true)
		a.nobody(t, true)
		c := s.sets("c")
		b.nobody(t, false)
		a.nobody(t, false)
		c.wants("files")
		c.owns(t, "files")
		a.hears(t, "c", endpoint.Starting)
		c.dies()
		a.nobody(t, true)
		s.Sleep(time.Minute)
		if n := len(s.store.View().Owners); n != 0 {
			t.Errorf("%d servers are owned, want none: nobody who lives can start it", n)
		}
	})
}

func TestFleet_whatAGatewayCannotStartAnyMore_goesToOthers(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b, m := s.couple(t)
		b.hears(t, "a", endpoint.Ready)
		old := a.cells["files"]
		a.tells(messages.Unwanted{Key: "files", Cell: old})
		a.cannot("files", false) // What ran before still drains.
		testkit.ExpectNone(t, a.sup)
		a.tells(messages.Released{Key: "files", Cell: old, Epoch: m.Epoch})
		b.owns(t, "files")
		a.hears(t, "b", endpoint.Starting)
		a.wants("files") // The variable is back.
		s.Sleep(time.Minute)
		testkit.ExpectNone(t, b.sup)
		if got := s.store.View().Nodes["a"].Cannot; got != "" {
			t.Errorf("a still says that it cannot start %q, want nothing", got)
		}
	})
}

func TestFleet_aLazyServerThatIsBarredHere_isWokenElsewhere(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		var mu sync.Mutex
		asked := map[string]int{}
		times := func(address string) int { mu.Lock(); defer mu.Unlock(); return asked[address] }
		a := s.sets("a", func(cfg *fleetactor.Config) {
			cfg.Wake = func(_ context.Context, address, _ string) error {
				mu.Lock()
				defer mu.Unlock()
				if asked[address]++; address == "b:1" {
					return errors.New("it cannot either")
				}
				return nil
			}
		})
		s.sets("b")
		s.sets("c")
		a.cannot("files", true)
		if n := times("b:1") + times("c:1"); n != 0 {
			t.Errorf("asked %d times without a call, want nobody asked", n)
		}
		a.tells(messages.Awaited{Key: "files", Cell: a.cells["files"]})
		s.Sleep(time.Minute)
		if n := times("c:1"); n == 0 || n > 20 {
			t.Errorf("asked c %d times for one call that nobody answers, want some, and not for ever", n)
		}
		if times("a:1") != 0 {
			t.Error("it asked itself, want others only")
		}
	})
}

// A gateway that takes the call and cannot claim keeps nobody else from being asked.
func TestFleet_aLazyServerThatIsBarredHere_isAskedOfEachInTurn(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		var mu sync.Mutex
		asked := map[string]int{}
		a := s.sets("a", func(cfg *fleetactor.Config) {
			cfg.Wake = func(_ context.Context, address, _ string) error {
				mu.Lock()
				defer mu.Unlock()
				asked[address]++
				return nil
			}
		})
		s.sets("b")
		s.sets("c")
		a.cannot("files", true)
		a.tells(messages.Awaited{Key: "files", Cell: a.cells["files"]})
		s.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if asked["b:1"] == 0 || asked["c:1"] == 0 {
			t.Errorf("got %v, want both asked", asked)
		}
	})
}

func TestFleet_names_areKeptInOneText(t *testing.T) {
	names := []string{"b c", "a", "ü%", "a"}
	got := fleet.NamesIn(fleet.Names(names))
	if len(got) != 3 || got[0] != "ü%" && got[1] != "ü%" && got[2] != "ü%" {
		t.Errorf("got %q back, want a, b c and ü%%", got)
	}
	n := fleet.Node{Cannot: fleet.Names(names)}
	if n.Can("b c") || n.Can(fleet.KeyOf("a", "agent")) || !n.Can("c") {
		t.Errorf("got that it can start b c (%t), a for an agent (%t), c (%t); want c alone", n.Can("b c"), n.Can(fleet.KeyOf("a", "agent")), n.Can("c"))
	}
}

// What a node says of itself is written again with each change of it.
func TestFleet_names_areBounded(t *testing.T) {
	for what, length := range map[string]int{"many names": 1, "long names": 1000} {
		var names []string
		for i := range 5000 {
			names = append(names, strings.Repeat("x", length)+strconv.Itoa(10000+i))
		}
		text := fleet.Names(names)
		got := fleet.NamesIn(text)
		if len(got) < 60 || len(got) > 1001 || len(text) > 65<<10 || got[0] != names[0] || got[len(got)-1] != fleet.More {
			t.Errorf("%s: got %d in %d bytes, the first %.20q, the last %.20q; want the first 1000 or 64 KiB of them, and that there are more", what, len(got), len(text), got[0], got[len(got)-1])
		}
		n := fleet.Node{Cannot: text}
		if n.Can(names[0]) || !n.Can(fleet.More) || !n.Can("other") {
			t.Errorf("%s: got %t, %t, %t for whether it can start the first, one of the name of what stands for more, and another; want false, true, true",
				what, n.Can(names[0]), n.Can(fleet.More), n.Can("other"))
		}
	}
}
