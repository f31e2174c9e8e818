package fleet_test

import (
	"testing"
	"time"

	"gatehouse/internal/fleet"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// waits returns what a gateway says of itself that it waits for.
func (s *sea) waits(node string) []fleet.Awaiting {
	return fleet.WaitsIn(s.store.View().Nodes[node].Waits)
}

// ranAt adds gateway a, and others at which something of each server still runs.
func (s *sea) ranAt(others ...string) (a *ship) {
	a = s.sets("a")
	for _, id := range others {
		s.sets(id)
		a.with(func() { a.runs[id+":1"] = true })
	}
	return a
}

// waiting is ranAt where a has claimed files, and has waited for the others for a while.
func (s *sea) waiting(others ...string) (a *ship) {
	a = s.ranAt(others...)
	a.wants("files")
	s.Sleep(10 * time.Second)
	return a
}

// releases has an operator not want a server to wait for nodes, one command right after
// the other.
func (s *sea) releases(t *testing.T, server string, nodes ...string) {
	t.Helper()
	for _, node := range nodes {
		if _, err := s.store.Client().PutHold(t.Context(), server, fleet.Hold{Despite: node, Asked: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	s.Sleep(5 * time.Second)
}

// One stays under the server, which the next one replaces.
func TestFleet_whatWasReleased_leavesNoKeysForEachGateway(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.waiting("b", "c")
		s.activates(t)
		s.releases(t, "files", "b", "c")
		a.owns(t, "files")
		handed := len(a.content)
		s.Sleep(fleet.DespiteLasts)
		if got := s.store.View().Holds; len(got) != 1 || got["files"].Despite != "c" {
			t.Errorf("got the wishes %+v after an hour, want the last one alone, under the server", got)
		}
		if n := len(a.content) - handed; n != 0 {
			t.Errorf("the end of keys was handed on %d times as news, want never", n)
		}
	})
}

// A claim that has seen a wish needs no key of it any more, whether the gateway that the wish
// names was a reason to wait by then or not.
func TestFleet_aReleaseThatWasSeen_countsAfterItsKeyHasGone(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.waiting("b", "c")
		s.Sleep(time.Minute)
		a.with(func() { a.runs["c:1"] = false })
		s.Sleep(time.Minute)
		s.releases(t, "files", "c")
		s.Sleep(fleet.DespiteLasts)
		if _, err := s.store.Client().PutHold(t.Context(), "files", fleet.Hold{}); err != nil { // In the place of the other one.
			t.Fatal(err)
		}
		s.Sleep(5 * time.Second)
		a.with(func() { a.runs["b:1"], a.runs["c:1"] = false, true })
		a.owns(t, "files")
	})
}

func TestFleet_twoReleasesInARow_bothCount(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.waiting("b", "c")
		s.releases(t, "files", "b", "c")
		a.owns(t, "files")
	})
}

// A gateway of an older version that is asked puts the wish under the server alone.
func TestFleet_aReleaseOfAnOlderVersion_counts(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.waiting("b")
		s.store.Damage(fleet.HoldKey("files"), []byte(`{"held":false,"despite":"b"}`))
		a.owns(t, "files")
	})
}

// A gateway that says for ever that a server still runs there keeps it down everywhere.
func TestFleet_whoWaitsForWhom_isSeenByAll_andAnOperatorMayEndIt(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.ranAt("b", "c")
		s.releases(t, "files", "b") // Before the claim: it is about an earlier one.
		begun := time.Now()
		a.wants("files")
		s.Sleep(4 * time.Second)
		if got := s.waits("a"); len(got) != 0 {
			t.Errorf("got the waits %+v after 4 s, want none yet: most end within moments", got)
		}
		s.Sleep(4 * time.Second)
		got := s.waits("a")
		if len(got) != 1 || got[0].Server != "files" || !got[0].For("b") || !got[0].For("c") || got[0].Since.Sub(begun).Abs() > 4*time.Second {
			t.Fatalf("got the waits %+v, want one of files for b and c since about %v", got, begun)
		}
		writes := s.store.Writes()
		s.Sleep(fleet.DespiteLasts / 2) // Then what was released goes.
		if n := s.store.Writes() - writes; n != 0 {
			t.Errorf("%d writes in half an hour of waiting, want none", n)
		}
		s.releases(t, "files", "b")
		if got := s.waits("a"); len(got) != 1 || got[0].For("b") || !got[0].For("c") {
			t.Errorf("got the waits %+v, want one for c alone", got)
		}
		testkit.ExpectNone(t, a.sup)
		s.releases(t, "files", "c")
		a.owns(t, "files")
		s.Sleep(time.Second)
		if got := s.waits("a"); len(got) != 0 {
			t.Errorf("got the waits %+v once it has begun, want none", got)
		}
		if !s.logged("if it still runs there, there are two copies") {
			t.Error("the log says nothing of what the operator has risked, want that it does")
		}
	})
}

// One claim waits for all forms of an entry, and says so once.
func TestFleet_entryThatIsAwayAndComesBackWhileItWaits_isStillSeenToWait(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.ranAt("b")
		old := a.wants("files")
		s.Sleep(3 * time.Second)
		a.tells(messages.Unwanted{Key: "files", Cell: old})
		s.Sleep(7 * time.Second)
		a.wants("files")
		s.Sleep(10 * time.Second)
		if got := s.waits("a"); len(got) != 1 || !got[0].For("b") {
			t.Errorf("got the waits %+v, want one of files for b", got)
		}
		a.with(func() { a.runs["b:1"] = false })
		a.owns(t, "files")
		s.Sleep(time.Second)
		if got := s.waits("a"); len(got) != 0 {
			t.Errorf("got the waits %+v once it has begun, want none", got)
		}
	})
}

// Its claim ended with its lease. It claims anew by the next one, and waits for that.
func TestFleet_waitOfALostLease_endsWithIt(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.waiting("b")
		s.store.Expire("a")
		a.loses(t)
		again := time.Now()
		s.Sleep(10 * time.Second)
		if got := s.store.View().Owners["files"]; got.Node != "a" {
			t.Errorf("%q has claimed it, want a by its next lease", got.Node)
		}
		if got := s.waits("a"); len(got) != 1 || got[0].Since.Before(again) {
			t.Errorf("got the waits %+v, want one since %v", got, again)
		}
		a.with(func() { a.runs["b:1"] = false })
		a.owns(t, "files")
	})
}

// A machine that answers now and then makes no news of it.
func TestFleet_waitForAGatewayThatAnswersNowAndThen_isWrittenOnce(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.waiting("b", "c")
		writes := s.store.Writes()
		for i := range 20 {
			a.with(func() { a.away["c:1"] = i%2 == 0 })
			s.Sleep(3 * time.Second)
		}
		if n := s.store.Writes() - writes; n != 0 {
			t.Errorf("%d writes while a gateway answered now and then, want none", n)
		}
		if got := s.waits("a"); len(got) != 1 || !got[0].For("b") || !got[0].For("c") {
			t.Errorf("got the waits %+v, want one of files for both", got)
		}
		a.with(func() { a.runs["c:1"] = false })
		s.Sleep(time.Minute)
		if got := s.waits("a"); len(got) != 1 || got[0].For("c") {
			t.Errorf("got the waits %+v a minute after it has ended at c, want one for b alone", got)
		}
	})
}

func TestWaitMemory_whoIsSeenToRunIt_isNotUnasked(t *testing.T) {
	var m fleet.WaitMemory
	m.See(fleet.Awaiting{Unasked: []string{"b", "c"}}, time.Unix(1, 0))
	got := m.See(fleet.Awaiting{At: []string{"b"}}, time.Unix(2, 0))
	if len(got.At) != 1 || got.At[0] != "b" || len(got.Unasked) != 1 || got.Unasked[0] != "c" {
		t.Errorf("got %+v, want that it runs at b, and c not asked", got)
	}
	if got = m.See(fleet.Awaiting{}, time.Unix(40, 0)); len(got.At)+len(got.Unasked) != 0 {
		t.Errorf("got %+v long after both, want nobody", got)
	}
}

func TestWaits_noMoreThanAnybodyReads(t *testing.T) {
	var all []fleet.Awaiting
	for i := range 1000 {
		all = append(all, fleet.Awaiting{Server: "s", Since: time.Unix(int64(1000-i), 0), At: []string{"n1"}})
	}
	got := fleet.WaitsIn(fleet.Waits(all))
	if len(got) != 100 || !got[0].Since.Equal(time.Unix(1, 0)) {
		t.Errorf("got %d waits, the first since %v; want the 100 longest", len(got), got[0].Since)
	}
	if got := fleet.WaitsIn("{"); len(got) != 0 {
		t.Errorf("got %+v of what is damaged, want none", got)
	}
}
