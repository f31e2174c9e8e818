package fleet_test

import (
	"context"
	"testing"
	"time"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
	"gatehouse/testkit"
)

func TestFleet_oneOwns_othersHearOfIt(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b := s.sets("a"), s.sets("b")
		a.wants("files")
		b.wants("files")
		s.Sleep(time.Second)
		owner, other := a, b
		if _, ok := b.standing.Owned("files"); ok {
			owner, other = b, a
		}
		m := owner.owns(t, "files")
		if until := owner.guarded(); until <= fleet.Instant(0).Add(ttl/2) {
			t.Errorf("the guard ends it at %d, want a time after the first renewal is due", until)
		}
		owner.says(m, fleet.Record{State: endpoint.Ready, Run: 1})
		if got := other.hears(t, owner.id, endpoint.Ready); got.Owner.Epoch != m.Epoch || got.Owner.Address != owner.id+":1" {
			t.Errorf("got %+v, want epoch %d at the address of %s", got.Owner, m.Epoch, owner.id)
		}
		testkit.ExpectNone(t, other.sup)
	})
}

func TestFleet_inPeace_nothingIsWrittenAndNothingMoves(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b := s.sets("a"), s.sets("b")
		for _, key := range []string{"x", "y", "z"} {
			a.wants(key)
			b.wants(key)
		}
		s.Sleep(5 * time.Second)
		before := s.store.Writes()
		s.Sleep(time.Hour)
		if got := s.store.Writes(); got != before {
			t.Errorf("%d writes in an hour, want none", got-before)
		}
		if n := len(a.standing.Owns()) + len(b.standing.Owns()); n != 3 {
			t.Errorf("%d servers are owned, want 3", n)
		}
	})
}

func TestFleet_cutOff_stopsBeforeAnybodyElseCanBegin(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b, m := s.couple(t)
		b.hears(t, "a", endpoint.Ready)
		a.way.Cut()
		s.Sleep(0)
		a.loses(t)
		if _, known := s.store.View().Owners["files"]; !known {
			t.Error("the store knows no owner, want that the lease outlives the tenure")
		}
		taken := b.owns(t, "files")
		if taken.Epoch <= m.Epoch || taken.Died != "a" || taken.Record.Run != 3 {
			t.Errorf("got %+v, want a later epoch, the record of a and that it died with calls", taken)
		}
		a.way.Heal()
		s.Sleep(3 * time.Second)
		a.hears(t, "b", endpoint.Starting)
	})
}

func TestFleet_ownerDies_itsIdleServersHaveNotFailed(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		a.wants("files")
		m := a.owns(t, "files")
		a.says(m, fleet.Record{State: endpoint.Ready, Run: 3, History: []byte("{}"), Suspects: []string{"burn"}})
		b := s.sets("b")
		b.wants("files")
		a.dies()
		taken := b.owns(t, "files")
		if taken.Died != "" || string(taken.Record.History) != "{}" || len(taken.Record.Suspects) != 1 {
			t.Errorf("got %+v, want its history and suspects, and no failure", taken)
		}
	})
}

func TestFleet_leaseEndedByAnOperator_theNextOwnerAsksFirst(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		a.wants("files")
		a.says(a.owns(t, "files"), readyBusy)
		b := s.sets("b")
		b.wants("files")
		b.hears(t, "a", endpoint.Ready)
		b.with(func() { b.runs["a:1"] = true })
		s.store.Expire("a")
		testkit.Expect[messages.TenureLost](t, a.sup)
		b.hears(t, "", "")
		s.Sleep(time.Second)
		testkit.ExpectNone(t, b.sup)
		b.with(func() { b.runs["a:1"] = false })
		b.owns(t, "files")
	})
}

func TestFleet_storeGone_allStopAndComeBackWithIt(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		a.wants("files")
		m := a.owns(t, "files")
		s.store.Freeze()
		s.Sleep(0)
		began := time.Now()
		a.loses(t)
		if took := time.Since(began); took > ttl {
			t.Errorf("stopped %v after the store, want within a TTL", took)
		}
		s.Sleep(time.Minute)
		s.store.Thaw()
		began = time.Now()
		if again := a.owns(t, "files"); again.Epoch <= m.Epoch {
			t.Errorf("got epoch %d after %d, want a later one", again.Epoch, m.Epoch)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("back %v after the store, want soon", took)
		}
	})
}

func TestFleet_aLateTenure_isNotRenewedAnyMore(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		a.wants("files")
		a.owns(t, "files")
		a.way.Mute() // Renewals arrive, and their answers do not.
		s.Sleep(0)
		testkit.Expect[messages.TenureLost](t, a.sup)
		s.Sleep(ttl + time.Second)
		if _, known := s.store.View().Owners["files"]; known {
			t.Error("the lease is renewed though the gateway may not act on it, want it to end")
		}
	})
}

func TestFleet_lazy_isClaimedByWhoeverNeedsItFirst(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b := s.sets("a"), s.sets("b")
		a.wantsSo("files", true)
		cell := b.wantsSo("files", true)
		s.Sleep(time.Minute)
		testkit.ExpectNone(t, a.sup)
		testkit.ExpectNone(t, b.sup)
		b.tells(messages.Awaited{Key: "files", Cell: cell})
		b.owns(t, "files")
		a.hears(t, "b", endpoint.Starting)
	})
}

func TestFleet_changedEntry_goesOnAtTheSameOwner(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		old := a.wants("files")
		m := a.owns(t, "files")
		a.tells(messages.Unwanted{Key: "files", Cell: old})
		a.wants("files")
		if again := a.owns(t, "files"); again.Epoch != m.Epoch || again.Record.Run != 0 {
			t.Errorf("got %+v, want the same epoch %d and a fresh start", again, m.Epoch)
		}
		a.tells(messages.Released{Key: "files", Cell: old, Epoch: m.Epoch})
		s.Sleep(time.Second)
		if _, ok := a.standing.Owned("files"); !ok {
			t.Error("it is owned no more as its old form has ended, want that it goes on")
		}
	})
}

func TestFleet_removedServer_leavesNothingInTheStore(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		cell := a.wants("files")
		m := a.owns(t, "files")
		a.says(m, readyBusy)
		a.tells(messages.Unwanted{Key: "files", Cell: cell})
		a.tells(messages.Released{Key: "files", Cell: cell, Epoch: m.Epoch})
		s.Sleep(time.Second)
		v := s.store.View()
		if len(v.Owners) != 0 || len(v.Records) != 0 {
			t.Errorf("the store has owners %v and records %v, want neither", v.Owners, v.Records)
		}
	})
}

func TestFleet_statesAreWrittenRarely_andTheLastOneAlways(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		a.wants("files")
		m := a.owns(t, "files")
		before := s.store.Writes()
		for run := range uint64(100) {
			a.says(m, fleet.Record{State: endpoint.Ready, Run: run})
		}
		s.Sleep(2 * time.Second)
		if n := s.store.Writes() - before; n > 7 {
			t.Errorf("%d writes for 100 states in a second, want a few", n)
		}
		if got := s.store.View().Records["files"]; got.Run != 99 || got.Epoch != m.Epoch || got.Node != "a" {
			t.Errorf("got %+v, want run 99 as a wrote it", got)
		}
	})
}

func TestFleet_leaving_givesUpAllAndThenItsLease(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b, m := s.couple(t)
		asker := s.Probe()
		s.System.Root.RequestWithCustomSender(a.pid, messages.LeaveFleet{Drain: time.Minute}, asker.PID)
		if g := testkit.Expect[messages.GiveUp](t, a.sup); g.Timeout != time.Minute || g.Cell != m.Cell {
			t.Errorf("got %+v, want it drained for a minute", g)
		}
		s.Sleep(time.Second)
		if !s.store.View().Nodes["a"].Leaving {
			t.Error("the others do not see that it leaves, want that they do")
		}
		s.Sleep(10 * time.Second) // It drains, and keeps its tenure.
		testkit.ExpectNone(t, asker)
		a.tells(messages.Released{Key: "files", Cell: m.Cell, Epoch: m.Epoch})
		testkit.Expect[messages.FleetLeft](t, asker)
		if taken := b.owns(t, "files"); taken.Died != "" {
			t.Errorf("got %+v, want no failure of a server that was drained", taken)
		}
		if v := s.store.View(); len(v.Nodes) != 1 {
			t.Errorf("got nodes %v, want b alone", v.Nodes)
		}
	})
}

func TestFleet_leaving_withoutALease_isQuick(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		s.store.Freeze()
		a := s.sets("a")
		asker := s.Probe()
		s.System.Root.RequestWithCustomSender(a.pid, messages.LeaveFleet{}, asker.PID)
		testkit.Expect[messages.FleetLeft](t, asker)
	})
}

func TestFleet_moved_goesToTheChosenNode(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		a.wants("files")
		m := a.owns(t, "files")
		a.says(m, readyBusy)
		others := []*ship{s.sets("b"), s.sets("c"), s.sets("d")}
		for _, sh := range others {
			sh.wants("files")
		}
		s.Send(a.pid, messages.MoveServer{Server: "files", Node: "c", Drain: time.Second})
		testkit.Expect[messages.GiveUp](t, a.sup)
		a.tells(messages.Released{Key: "files", Cell: m.Cell, Epoch: m.Epoch})
		others[1].owns(t, "files")
		a.hears(t, "c", endpoint.Starting)
	})
}

func TestFleet_idTaken_waitsAndSaysSo(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		s.sets("a")
		again := s.sets("a", func(c *fleetactor.Config) { c.Node.Boot = "another" })
		s.Sleep(2*ttl + time.Second)
		if err := again.gaveUp(); err != nil {
			t.Errorf("it gives up by %v within 2 TTL, want it to wait", err)
		}
		s.Sleep(3 * time.Second)
		if again.gaveUp() == nil {
			t.Error("it waits for ever, want it to give up")
		}
	})
}

func TestFleet_restartedInPlace_goesOnAtOnce(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		var lease fleet.Lease
		a := s.sets("a", func(c *fleetactor.Config) { c.Joined = func(l fleet.Lease) { lease = l } })
		a.wants("files")
		a.owns(t, "files")
		a.dies()
		again := s.sets("a", func(c *fleetactor.Config) { c.Node.Boot, c.Previous = "another", lease })
		again.wants("files")
		began := time.Now()
		again.owns(t, "files")
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v, want it without waiting for its old lease", took)
		}
	})
}

func TestFleet_whatIsAgreedOn_isHandedOnOnce(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		ctx := context.Background()
		candidate, err := a.way.Propose(ctx, fleet.Content{Servers: []byte("{}"), Rules: []byte("{}"), By: "me"})
		if err != nil {
			t.Fatal(err)
		}
		generation, err := a.way.Activate(ctx, candidate, nil, candidate)
		if err != nil {
			t.Fatal(err)
		}
		s.Sleep(time.Minute)
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.content) != 1 || a.content[0].Generation != generation || a.content[0].Content.By != "me" {
			t.Errorf("got %+v, want generation %d once", a.content, generation)
		}
	})
}

func TestFleet_theGenerationInForce_isSeenByOthers(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		s.Send(a.pid, messages.InForce{Generation: 1}) // Its own, empty one.
		candidate, err := a.way.Propose(context.Background(), fleet.Content{Servers: []byte("{}"), Rules: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		generation, err := a.way.Activate(context.Background(), candidate, nil, candidate)
		if err != nil {
			t.Fatal(err)
		}
		s.Sleep(time.Second)
		if got := a.standing.Generation(); got != 0 {
			t.Errorf("it decides by generation %d, want none before it says so", got)
		}
		s.Send(a.pid, messages.InForce{Generation: generation})
		s.Sleep(time.Second)
		if got := s.store.View().Nodes["a"].Generation; got != generation || a.standing.Generation() != generation {
			t.Errorf("got generation %d, and %d itself; want %d", got, a.standing.Generation(), generation)
		}
	})
}

// slowStore takes its time for what a node says of itself, and for its joining.
type slowStore struct {
	fleet.Store
	puts []time.Duration // for the first ones
	join time.Duration
}

func (s *slowStore) PutNode(ctx context.Context, n fleet.Node, l fleet.Lease) error {
	if len(s.puts) > 0 {
		wait := s.puts[0]
		s.puts = s.puts[1:]
		time.Sleep(wait)
	}
	return s.Store.PutNode(ctx, n, l)
}

func (s *slowStore) Join(ctx context.Context, n fleet.Node, ttl time.Duration, previous fleet.Lease) (fleet.Lease, time.Duration, error) {
	time.Sleep(s.join)
	return s.Store.Join(ctx, n, ttl, previous)
}

// The next owner need not try, unless the entry may have changed since.
func TestFleet_whatAnOwnerHasFoundOutOfAServer_movesAlong(t *testing.T) {
	for name, c := range map[string]struct {
		then string // the servers file that is applied while it runs
		says endpoint.Era
		want endpoint.Era
	}{
		"the same servers":       {"{}", endpoint.EraInitialize, endpoint.EraInitialize},
		"other servers":          {`{"files": {}}`, endpoint.EraInitialize, endpoint.EraUnknown},
		"one of a later version": {"{}", "psychic", endpoint.EraUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			atSea(t, func(t *testing.T, s *sea) {
				a, b := s.sets("a"), s.sets("b")
				inForce := func(servers string) {
					generation, err := s.store.Client().Activate(t.Context(), s.proposesServers(t, servers), nil, s.store.View().Revision)
					if err != nil {
						t.Fatal(err)
					}
					s.Sleep(10 * time.Millisecond)
					s.Send(a.pid, messages.InForce{Generation: generation})
					s.Send(b.pid, messages.InForce{Generation: generation})
					s.Sleep(10 * time.Millisecond)
				}
				inForce("{}")
				a.wants("files").NoteEra(c.says)
				a.says(a.owns(t, "files"), readyBusy)
				next := b.wants("files")
				inForce(c.then)
				a.dies()
				b.owns(t, "files")
				if got := next.Era(); got != c.want {
					t.Errorf("got the era %q at the next owner, want %q", got, c.want)
				}
			})
		})
	}
}

// The store begins again where the backup ends, so another claim may have the number of one
// that is lost.
func TestFleet_afterARestore_anEpochOfTheSameNumberIsAnotherClaim(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		backup := s.store.Backup()
		a.wants("other") // Else there is no revision for b to join with.
		a.owns(t, "other")
		a.wants("files")
		m := a.owns(t, "files")
		a.way.Cut()
		s.store.Rewind(backup)
		way, b := s.store.Client(), fleet.Node{ID: "b", Boot: "of b", Address: "b:1"}
		lease, _, err := way.Join(t.Context(), b, time.Minute, 0)
		if err != nil {
			t.Fatal(err)
		}
		for s.store.View().Revision < m.Epoch-1 {
			s.store.Damage("later/key", nil)
		}
		if _, won, err := way.Claim(t.Context(), "files", fleet.Owner{Node: b.ID, Boot: b.Boot, Address: b.Address}, lease); err != nil || !won {
			t.Fatalf("got %t (%v), want that b has claimed files", won, err)
		}
		if got := s.store.View().Owners["files"]; got.Node != "b" || got.Epoch != m.Epoch {
			t.Fatalf("got the owner %+v, want b by epoch %d: else this tests nothing", got, m.Epoch)
		}
		for range 5 {
			s.store.Damage("later/key", nil) // So that its revision has not fallen, either.
		}
		a.way.Heal()
		s.Sleep(10 * time.Millisecond) // Before its next renewal.
		if a.standing.Holds("files", m.Epoch) {
			t.Error("a still acts on what b owns, want that it has lost it")
		}
		a.loses(t)
	})
}

// activates has the fleet agree on something, and returns its generation.
func (s *sea) activates(t *testing.T) uint64 {
	t.Helper()
	way := s.store.Client()
	generation, err := way.Activate(t.Context(), s.proposes(t), nil, s.store.View().Revision)
	if err != nil {
		t.Fatal(err)
	}
	s.Sleep(10 * time.Millisecond)
	return generation
}

func TestFleet_theGenerationInForce_isTheLatestWhateverIsSlow(t *testing.T) {
	for name, slow := range map[string]*slowStore{
		"the first write": {puts: []time.Duration{time.Second}},
		"joining":         {join: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			atSea(t, func(t *testing.T, s *sea) {
				a := s.sets("a", func(c *fleetactor.Config) { slow.Store, c.Store = c.Store, slow })
				for range 2 {
					s.Send(a.pid, messages.InForce{Generation: s.activates(t)})
				}
				s.Sleep(3 * time.Second)
				if got, want := s.store.View().Nodes["a"].Generation, a.standing.Generation(); got != want || want == 0 {
					t.Errorf("the others see generation %d, want %d, by which it decides", got, want)
				}
			})
		})
	}
}

// claimCounter counts the claims of a gateway, whose view shows nothing of a claim that is there.
type claimCounter struct {
	fleet.Store
	claims int
}

func (s *claimCounter) Follow(ctx context.Context, hear func(fleet.View)) error {
	return s.Store.Follow(ctx, func(v fleet.View) {
		v.Owners, v.Void, v.Damaged = nil, nil, nil
		hear(v)
	})
}

func (s *claimCounter) Claim(ctx context.Context, key string, o fleet.Owner, l fleet.Lease) (fleet.Owner, bool, error) {
	s.claims++
	time.Sleep(time.Millisecond)
	return s.Store.Claim(ctx, key, o, l)
}

// Somebody else writes to the store, or a view is late.
func TestFleet_anOwnerThatTheViewDoesNotShow_costsNoStormOfClaims(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		s.store.Damage(fleet.OwnerKey("files"), []byte("who?"))
		var counter claimCounter
		a := s.sets("a", func(c *fleetactor.Config) { counter.Store, c.Store = c.Store, &counter })
		a.wants("files")
		s.Sleep(10 * time.Second)
		if counter.claims == 0 || counter.claims > 25 {
			t.Errorf("claimed %d times in 10 s, want it tried again, and no storm", counter.claims)
		}
		if _, owned := a.standing.Owned("files"); owned {
			t.Error("it owns what is owned by somebody, want that it does not")
		}
	})
}
