package fleet_test

import (
	"slices"
	"testing"
	"time"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// Somebody has revoked the lease of an owner that is well, and whoever claims next has
// never seen that it owned anything.
func TestFleet_newcomer_asksTheOwnerBeforeThatItHasNeverSeen(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		a.wants("files")
		a.says(a.owns(t, "files"), readyBusy)
		a.way.Cut()
		s.store.Expire("a")
		b := s.sets("b")
		b.with(func() { b.runs["a:1"] = true })
		b.wants("files")
		s.Sleep(time.Minute)
		testkit.ExpectNone(t, b.sup)
		if !slices.ContainsFunc(s.Logs.All(), func(l testkit.Logged) bool { return l.Attrs["server"] == "files" && l.Attrs["at"] == "[a]" }) {
			t.Errorf("got the log %v, want that it says at whom the server waits to end", s.Logs.All())
		}
		b.with(func() { b.runs["a:1"] = false })
		b.owns(t, "files")
	})
}

// An entry has said until now that each gateway runs its own copy.
func TestFleet_copiesOfEachGateway_endBeforeTheOneOfTheFleetBegins(t *testing.T) {
	for name, c := range map[string]struct{ before, after func(a *ship) }{
		"one runs": {
			before: func(a *ship) { a.runs["b:1"] = true },
			after:  func(a *ship) { delete(a.runs, "b:1") },
		},
		"its own runs": {
			before: func(a *ship) { a.stuck["files"] = true },
			after:  func(a *ship) { delete(a.stuck, "files") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			atSea(t, func(t *testing.T, s *sea) {
				a := s.sets("a")
				s.sets("b")
				a.with(func() { c.before(a) })
				a.wants("files")
				s.Sleep(time.Minute)
				testkit.ExpectNone(t, a.sup)
				a.with(func() { c.after(a) })
				a.owns(t, "files")
			})
		})
	}
}

func TestFleet_aGatewayThatCannotBeAsked_andIsBehind_mayRunItsOwn(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b := s.sets("a"), s.sets("b")
		a.with(func() { a.away["b:1"] = true })
		s.activates(t)
		a.wants("before") // b decides by nothing yet.
		a.owns(t, "before")
		s.Send(b.pid, messages.InForce{Generation: s.activates(t)})
		generation := s.activates(t)
		s.Send(a.pid, messages.InForce{Generation: generation})
		s.Sleep(time.Second)
		a.wants("files")
		s.Sleep(time.Minute)
		testkit.ExpectNone(t, a.sup)
		s.Send(b.pid, messages.InForce{Generation: generation})
		a.owns(t, "files")
	})
}

// Its own process drains, of a server that the fleet runs once by now. It says so in the
// store, by the write that says that it follows.
func TestFleet_aGatewayThatCannotBeAsked_andSaysThatItsOwnStillRuns_isWaitedFor(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b := s.sets("a"), s.sets("b")
		a.with(func() { a.away["b:1"] = true })
		b.with(func() { b.stuck["files"], b.stuck[fleet.KeyOf("notes", "agent")] = true, true })
		generation := s.activates(t)
		s.Send(b.pid, messages.InForce{Generation: generation})
		s.Send(a.pid, messages.InForce{Generation: generation})
		s.Sleep(time.Second)
		a.wants("other")
		a.owns(t, "other")
		a.wants("files")
		a.wants(fleet.KeyOf("notes", "agent"))
		s.Sleep(time.Minute)
		testkit.ExpectNone(t, a.sup)
		if got := s.waits("a"); len(got) != 2 || !slices.Equal(got[0].At, []string{"b"}) || len(got[0].Unasked) > 0 {
			t.Errorf("got the waits %+v, want one of each for what runs at b", got)
		}
		for _, w := range s.waits("a") {
			if want := map[bool]string{true: "notes", false: ""}[w.Server != "files"]; w.Of != want {
				t.Errorf("got the wait %+v, want it of %q: an instance is of its server", w, want)
			}
		}
		b.with(func() { clear(b.stuck) })
		s.Sleep(2 * ttl)
		if got := a.standing.Owns(); len(got) != 3 {
			t.Errorf("a owns %v once those have ended, want all three", got)
		}
		writes := s.store.Writes()
		s.Sleep(time.Hour)
		if n := s.store.Writes() - writes; n != 0 {
			t.Errorf("%d writes in an hour in which nothing happened, want none", n)
		}
	})
}

// Nor can others always ask it while a process of an older form of the entry has calls.
func TestFleet_whatMoves_isReleasedOnceNothingOfItRuns(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b, m := s.couple(t)
		b.with(func() { b.away["a:1"] = true })
		a.with(func() { a.stuck["files"] = true })
		s.Send(a.pid, messages.MoveServer{Server: "files", Node: "b"})
		testkit.Expect[messages.GiveUp](t, a.sup)
		a.tells(messages.Released{Key: "files", Cell: m.Cell, Epoch: m.Epoch})
		s.Sleep(time.Minute)
		if got := s.store.View().Owners["files"]; got.Node != "a" {
			t.Errorf("%q owns it while something of it runs at a, want a", got.Node)
		}
		a.with(func() { clear(a.stuck) })
		b.owns(t, "files")
	})
}

// The supervisor may be told of a change before the fleet's actor is.
func TestFleet_whoIsBehindAndRunsItsOwn_keepsNobodyFromIt(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b := s.sets("a"), s.sets("b")
		before := s.activates(t)
		s.Send(a.pid, messages.InForce{Generation: before})
		s.Send(b.pid, messages.InForce{Generation: before})
		a.with(func() { a.runs["b:1"] = true })
		generation := s.activates(t) // By which each runs its own no more, and b cannot follow.
		s.Send(b.pid, messages.CannotFollow{Generation: generation, Problems: []string{"no"}})
		s.Sleep(time.Second)
		a.wants("files")
		s.Sleep(time.Second)
		s.Send(a.pid, messages.InForce{Generation: generation})
		a.owns(t, "files")
	})
}

func TestFleet_processThatDoesNotEnd_keepsItsGatewayFromNothingElse(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		for _, key := range []string{"files", "stuck"} {
			a.wants(key)
			a.owns(t, key)
		}
		a.with(func() { a.stuck["stuck"] = true })
		s.store.Expire("a")
		testkit.Expect[messages.TenureLost](t, a.sup) // And never TenureLeft.
		s.Sleep(ttl)
		testkit.ExpectNone(t, a.sup)
		a.owns(t, "files")
		if got := a.standing.Stuck(); !slices.Equal(got, []string{"stuck"}) || !s.logged("do not end though they were killed") {
			t.Errorf("got %q as what does not end, want stuck, and that the log says so", got)
		}
		if n := s.store.View().Nodes["a"]; !n.StillRuns("stuck") || n.StillRuns("files") {
			t.Errorf("the others see %+v, want that something of stuck alone runs there: perhaps they cannot ask", n)
		}
		s.Sleep(time.Minute)
		testkit.ExpectNone(t, a.sup)
		a.with(func() { delete(a.stuck, "stuck") })
		a.tells(messages.TenureLeft{})
		a.owns(t, "stuck")
		s.Sleep(ttl)
		if n := s.store.View().Nodes["a"]; n.Still != "" {
			t.Errorf("the others see that %q runs there, want nothing", n.Still)
		}
		if got := a.standing.Stuck(); len(got) > 0 {
			t.Errorf("got %q as what does not end, want nothing", got)
		}
	})
}

// The supervisor says that all has ended once nothing runs by claims: where other servers
// run by then it says nothing.
func TestFleet_processThatDidNotEnd_isForgottenOnceItHas(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		for _, key := range []string{"files", "stuck"} {
			a.wants(key)
			a.owns(t, key)
		}
		a.with(func() { a.stuck["stuck"] = true })
		s.store.Expire("a")
		testkit.Expect[messages.TenureLost](t, a.sup) // And never TenureLeft.
		a.owns(t, "files")
		a.with(func() { a.stuck["files"] = true }) // It runs again.
		s.Sleep(ttl)
		if got := a.standing.Stuck(); !slices.Equal(got, []string{"stuck"}) {
			t.Errorf("got %q as what does not end, want stuck", got)
		}
		a.with(func() { delete(a.stuck, "stuck") })
		a.owns(t, "stuck")
		s.Sleep(ttl)
		if got := a.standing.Stuck(); len(got) > 0 {
			t.Errorf("got %q as what does not end, want nothing", got)
		}
	})
}

// An operator restarts a server that waits for the end of what ran before it.
func TestFleet_entryThatChangesWhileItWaits_isTakenOverOnce(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b := s.sets("a"), s.sets("b")
		a.with(func() { a.runs["b:1"] = true })
		old := a.wants("files")
		s.Sleep(1020 * time.Millisecond) // Those who wait ask at different moments.
		a.tells(messages.Unwanted{Key: "files", Cell: old})
		a.wants("files")
		s.Sleep(time.Second)
		a.with(func() { a.runs["b:1"] = false })
		m := a.owns(t, "files")
		for range 5 { // What comes fast is written later.
			a.tells(messages.ServerState{Key: m.Key, Epoch: m.Epoch, Record: fleet.Record{State: endpoint.Starting, Run: 1}})
		}
		a.tells(messages.ServerState{Key: m.Key, Epoch: m.Epoch, Record: fleet.Record{State: endpoint.Ready, Run: 1}})
		s.Sleep(10 * time.Second)
		testkit.ExpectNone(t, a.sup)
		b.wants("files")
		b.hears(t, "a", endpoint.Ready)
	})
}

// A restart right before the end of what ran there, and a move right after it.
func TestFleet_entryThatChangesWhileItWaits_andMovesRightAway_runsOnce(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b := s.sets("a"), s.sets("b")
		a.wants("other")
		other := a.owns(t, "other")
		a.with(func() { a.runs["b:1"] = true })
		old := a.wants("files")
		s.Sleep(1020 * time.Millisecond) // Those who wait ask at different moments.
		a.tells(messages.Unwanted{Key: "files", Cell: old})
		a.wants("files")
		s.Sleep(4 * time.Second)
		a.with(func() { a.runs["b:1"] = false })
		m := a.owns(t, "files")
		b.wants("files")
		s.Send(a.pid, messages.MoveServer{Server: "files", Node: "b"})
		testkit.Expect[messages.GiveUp](t, a.sup)
		a.tells(messages.Released{Key: "files", Cell: m.Cell, Epoch: m.Epoch})
		there := b.owns(t, "files")
		s.Sleep(1100 * time.Millisecond)
		if a.standing.Holds("files", m.Epoch) {
			t.Error("a runs files that b runs, want b alone")
		}
		b.says(there, readyBusy)
		if !a.standing.Holds("other", other.Epoch) {
			t.Error("a does not own other any more, want that nothing becomes of it")
		}
	})
}

// Somebody deletes the key of a claim that waits, and another gateway claims the server.
func TestFleet_claimThatWaits_andIsDeleted_givesWayToTheNextOne(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b := s.sets("a"), s.sets("b")
		a.wants("other")
		other := a.owns(t, "other")
		a.with(func() { a.runs["b:1"] = true })
		a.wants("files")
		s.Sleep(10 * time.Second)
		if got := s.waits("a"); len(got) != 1 {
			t.Errorf("got the waits %+v, want that of files", got)
		}
		b.wants("files")
		b.hears(t, "a", endpoint.Starting)
		s.store.Delete(fleet.OwnerKey("files"))
		b.says(b.owns(t, "files"), readyBusy)
		a.hears(t, "b", endpoint.Ready)
		s.Sleep(10 * time.Second)
		if got := s.waits("a"); len(got) != 0 {
			t.Errorf("got the waits %+v once b has claimed it, want none", got)
		}
		a.with(func() { clear(a.runs) }) // b moves it to somebody else, say.
		s.Sleep(10 * time.Second)
		testkit.ExpectNone(t, a.sup)
		if !a.standing.Holds("other", other.Epoch) {
			t.Error("a does not own other any more, want that nothing becomes of it")
		}
		if !s.logged("while its claim waited") {
			t.Error("the log does not say that the claim was lost, want that it does")
		}
	})
}

// Somebody overwrites the key of a claim that waits.
func TestFleet_claimThatWaits_andIsOverwritten_isMadeAnew(t *testing.T) {
	for name, value := range map[string]string{"unreadable": "who?", "somebody else": `{"node":"b","boot":"x","address":"b:1"}`} {
		t.Run(name, func(t *testing.T) {
			atSea(t, func(t *testing.T, s *sea) {
				a := s.sets("a")
				s.sets("b")
				a.with(func() { a.runs["b:1"] = true })
				a.wants("files")
				s.Sleep(time.Second)
				first := s.store.View().Owners["files"].Epoch
				s.store.Damage(fleet.OwnerKey("files"), []byte(value))
				s.Sleep(2 * time.Second) // It waits, and asks now and then.
				a.with(func() { clear(a.runs) })
				if m := a.owns(t, "files"); m.Epoch <= first {
					t.Errorf("it runs by epoch %d, want a later one than %d", m.Epoch, first)
				}
				s.Sleep(time.Minute)
				if got := s.store.View().Owners["files"].Node; got != "a" {
					t.Errorf("the store says that %q owns it, want a", got)
				}
			})
		})
	}
}

// The lease of an earlier process keeps others from what that has left running.
func TestFleet_restartedInPlace_itsOldLeaseOutlivesWhatItLeft(t *testing.T) {
	for name, c := range map[string]struct {
		sweeps bool
		within time.Duration
	}{
		"swept":              {sweeps: true, within: 500 * time.Millisecond},
		"not swept for long": {within: 2*ttl + 4*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			atSea(t, func(t *testing.T, s *sea) {
				var lease fleet.Lease
				a := s.sets("a", func(c *fleetactor.Config) { c.Joined = func(l fleet.Lease) { lease = l } })
				a.wants("files")
				a.owns(t, "files")
				a.dies()
				swept := make(chan struct{})
				again := s.sets("a", func(c *fleetactor.Config) { c.Node.Boot, c.Previous, c.Swept = "another", lease, swept })
				again.wants("files")
				s.Sleep(time.Second)
				if n := s.store.View().Nodes["a"]; n.Boot != "boot of a" {
					t.Errorf("got %+v, want the lease of the earlier process while that is swept up", n)
				}
				if c.sweeps {
					close(swept)
				}
				began := time.Now()
				again.owns(t, "files")
				if took := time.Since(began); took > c.within {
					t.Errorf("took %v, want it within %v", took, c.within)
				}
			})
		})
	}
}

func TestFleet_overwrittenOwner_movesThatServerAlone(t *testing.T) {
	for name, value := range map[string]string{
		"unreadable": "who?", "somebody else": `{"node":"b","boot":"x","address":"b:1"}`, "the same, without its lease": `{"node":"a","boot":"boot of a","address":"a:1"}`,
	} {
		t.Run(name, func(t *testing.T) { overwritten(t, value) })
	}
}

func overwritten(t *testing.T, value string) {
	t.Helper()
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		a.wants("files")
		m := a.owns(t, "files")
		a.wants("other")
		other := a.owns(t, "other")
		s.store.Damage(fleet.OwnerKey("files"), []byte(value))
		if g := testkit.Expect[messages.GiveUp](t, a.sup); g.Key != "files" || g.Timeout != messages.OwnDrain {
			t.Errorf("got %+v, want files given up as its entry says", g)
		}
		a.tells(messages.Released{Key: "files", Cell: m.Cell, Epoch: m.Epoch})
		a.owns(t, "files")
		if !a.standing.Holds("other", other.Epoch) {
			t.Error("other is not its own any more, want that nothing becomes of it")
		}
		if !s.logged("was overwritten by somebody") {
			t.Error("the log does not say so, want that it does")
		}
	})
}

// "apply --skip" goes on without a gateway that cannot follow.
func TestFleet_whoCannotFollow_ownsNothingUntilItCan(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b, m := s.couple(t)
		generation := s.activates(t)
		s.Send(a.pid, messages.CannotFollow{Generation: generation, Problems: []string{"no"}})
		testkit.Expect[messages.GiveUp](t, a.sup)
		a.wants("more")
		a.tells(messages.Released{Key: "files", Cell: m.Cell, Epoch: m.Epoch})
		there := b.owns(t, "files")
		b.says(there, fleet.Record{State: endpoint.Ready})
		a.hears(t, "b", endpoint.Ready)
		s.Sleep(time.Minute)
		testkit.ExpectNone(t, a.sup)
		if n := s.store.View().Nodes["a"]; !n.Behind {
			t.Errorf("the others see %+v, want that it cannot follow", n)
		}
		s.Send(a.pid, messages.InForce{Generation: generation})
		a.owns(t, "more")
	})
}
