package fleet_test

import (
	"testing"
	"time"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// asks adds a gateway whose judgement of candidates a test plays, and returns what it
// was asked.
func (s *sea) asks(id string) (sh *ship, asked func() []messages.CandidateQuery) {
	var all []messages.CandidateQuery
	sh = s.sets(id, func(c *fleetactor.Config) {
		c.Candidate = func(m messages.CandidateQuery) { all = append(all, m) }
	})
	return sh, func() []messages.CandidateQuery {
		s.Sleep(10 * time.Millisecond)
		return all
	}
}

// proposes puts a candidate.
func (s *sea) proposes(t *testing.T) int64 { t.Helper(); return s.proposesServers(t, "{}") }

func (s *sea) proposesServers(t *testing.T, servers string) int64 {
	t.Helper()
	candidate, err := s.store.Client().Propose(t.Context(), fleet.Content{Servers: []byte(servers), Rules: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	s.Sleep(10 * time.Millisecond)
	return candidate
}

func TestBallot_aNodeAnswersEachCandidateOnce(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, asked := s.asks("a")
		first := s.proposes(t)
		if got := asked(); len(got) != 1 || got[0].Content.Candidate != first {
			t.Fatalf("got %+v, want that it was asked about candidate %d", got, first)
		}
		s.Send(a.pid, messages.CandidateReply{Candidate: first - 1, Problems: []string{"old"}})
		s.Send(a.pid, messages.CandidateReply{Candidate: first, Problems: []string{"why"}, Digests: map[string]string{"x": "1"}})
		s.Sleep(10 * time.Millisecond)
		got := s.store.View().Acks["a"]
		if got.Candidate != first || len(got.Problems) != 1 || got.Problems[0] != "why" || got.Digests["x"] != "1" {
			t.Errorf("got the ack %+v, want what was answered", got)
		}
		second := s.proposes(t)
		if got := asked(); len(got) != 2 || got[1].Content.Candidate != second {
			t.Errorf("got %+v, want that it was asked about candidate %d once more", got, second)
		}
	})
}

// Revisions begin again where the backup ends: another candidate has the number of one that
// was judged before.
func TestBallot_afterARestore_aCandidateOfTheSameNumberIsAnotherOne(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, asked := s.asks("a")
		backup := s.store.Backup()
		lost := s.proposes(t)
		s.Send(a.pid, messages.CandidateReply{Candidate: lost})
		s.Sleep(10 * time.Millisecond)
		s.store.Restore(backup)
		s.Sleep(10 * time.Millisecond)
		again := s.proposes(t)
		if again != lost {
			t.Fatalf("the candidates have the revisions %d and %d, want the same: else this tests nothing", lost, again)
		}
		s.Sleep(ttl) // It joins again: its lease is gone, too.
		if got := asked(); len(got) != 2 {
			t.Errorf("asked %d times, want once about each candidate", len(got))
		}
		if got := s.store.View().Acks["a"]; got.Candidate != 0 {
			t.Errorf("got the ack %+v before it has answered, want none", got)
		}
		s.Send(a.pid, messages.CandidateReply{Candidate: again, Problems: []string{"no"}})
		s.Sleep(10 * time.Millisecond)
		if got := s.store.View().Acks["a"]; got.Candidate != again || len(got.Problems) != 1 {
			t.Errorf("got the ack %+v, want what was answered about this one", got)
		}
	})
}

func TestBallot_aNewLeaseHasTheAnswerToo(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, _ := s.asks("a")
		candidate := s.proposes(t)
		s.Send(a.pid, messages.CandidateReply{Candidate: candidate})
		s.Sleep(10 * time.Millisecond)
		s.store.Expire("a")
		s.Sleep(ttl) // It finds out by its next renewal.
		a.tells(messages.TenureLeft{})
		s.Sleep(3 * ttl)
		if v := s.store.View(); v.Acks["a"].Candidate != candidate || len(v.Nodes) != 1 {
			t.Errorf("got the ack %+v of %d nodes after it has joined again, want candidate %d of one", v.Acks["a"], len(v.Nodes), candidate)
		}
	})
}

// Nothing but its content tells it from the one that was judged before: this gateway has
// not seen the store fall back.
func TestBallot_afterARestoreNobodySaw_aCandidateOfTheSameNumberIsAnotherOne(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, asked := s.asks("a")
		backup := s.store.Backup()
		lost := s.proposes(t)
		s.Send(a.pid, messages.CandidateReply{Candidate: lost})
		s.Sleep(10 * time.Millisecond)
		a.way.Cut()
		s.store.Rewind(backup)
		if again := s.proposesServers(t, `{"again": {}}`); again != lost {
			t.Fatalf("the candidates have the revisions %d and %d, want the same: else this tests nothing", lost, again)
		}
		for range 3 {
			s.store.Damage("later/key", nil)
		}
		a.way.Heal()
		if got := asked(); len(got) != 2 || string(got[1].Content.Servers) != `{"again": {}}` {
			t.Errorf("got %+v, want that it was asked about each candidate", got)
		}
	})
}

func TestBallot_whatIsActiveAlready_isNotJudged(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		candidate := s.proposes(t)
		if _, err := s.store.Client().Activate(t.Context(), candidate, nil, candidate); err != nil {
			t.Fatal(err)
		}
		if _, asked := s.asks("late"); len(asked()) != 0 {
			t.Errorf("got %+v, want no question about what is in force", asked())
		}
	})
}

func TestBallot_aHoldThatIsOver_isReleasedOnceForAll(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b := s.sets("a"), s.sets("b")
		held, err := s.store.Client().PutHold(t.Context(), "s", fleet.Hold{Held: true})
		if err != nil {
			t.Fatal(err)
		}
		s.Sleep(10 * time.Millisecond)
		over := messages.HoldLapsed{Server: "s", Hold: s.store.View().Holds["s"]}
		s.Send(a.pid, over)
		s.Send(b.pid, over)
		s.Sleep(10 * time.Millisecond)
		v := s.store.View()
		if v.Holds["s"].Held || v.Generation <= held {
			t.Fatalf("got %+v in generation %d, want it released in a later one than %d", v.Holds["s"], v.Generation, held)
		}
		again := v.Generation
		s.Send(a.pid, over)
		s.Sleep(10 * time.Millisecond)
		if got := s.store.View().Generation; got != again {
			t.Errorf("got generation %d after late news of it, want %d still", got, again)
		}
	})
}

// It has not seen the newer hold yet: the store is asked whether it is the one whose time is over.
func TestBallot_aHoldThatIsOver_doesNotEndANewerOne(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, operator := s.sets("a"), s.store.Client()
		if _, err := operator.PutHold(t.Context(), "s", fleet.Hold{Held: true, Until: time.Now().Add(time.Second)}); err != nil {
			t.Fatal(err)
		}
		s.Sleep(10 * time.Millisecond)
		over := messages.HoldLapsed{Server: "s", Hold: s.store.View().Holds["s"]}
		a.way.Mute()
		newer, err := operator.PutHold(t.Context(), "s", fleet.Hold{Held: true, Why: "for long"})
		if err != nil {
			t.Fatal(err)
		}
		s.Send(a.pid, over)
		s.Sleep(10 * time.Millisecond)
		a.way.Heal()
		s.Sleep(ttl)
		if v := s.store.View(); !v.Holds["s"].Held || v.Holds["s"].Why != "for long" || v.Generation != newer {
			t.Errorf("got %+v in generation %d, want the newer hold of %d still", v.Holds["s"], v.Generation, newer)
		}
	})
}

// The store begins again where the backup ends, so what was agreed on there may have the
// generation of something that is lost. This gateway sees nothing in between.
func TestBallot_afterARestore_aGenerationOfTheSameNumberIsHandedOn(t *testing.T) {
	for name, differs := range map[string]func(t *testing.T, s *sea, again bool){
		"the files": func(t *testing.T, s *sea, again bool) {
			candidate := s.proposesServers(t, map[bool]string{true: `{"again": {}}`, false: `{"lost": {}}`}[again])
			if _, err := s.store.Client().Activate(t.Context(), candidate, nil, s.store.View().Revision); err != nil {
				t.Fatal(err)
			}
		},
		"a hold": func(t *testing.T, s *sea, again bool) {
			_, err := s.store.Client().PutHold(t.Context(), "s", fleet.Hold{Held: true, Why: map[bool]string{true: "again", false: "lost"}[again]})
			if err != nil {
				t.Fatal(err)
			}
		},
		"a restart": func(t *testing.T, s *sea, _ bool) {
			if _, err := s.store.Client().Restart(t.Context(), "s"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			atSea(t, func(t *testing.T, s *sea) {
				a := s.sets("a")
				s.activates(t)
				backup := s.store.Backup()
				differs(t, s, false)
				s.Sleep(10 * time.Millisecond)
				lost := a.handed()
				a.way.Cut()
				s.store.Rewind(backup)
				differs(t, s, true)
				s.store.Damage("later/key", nil) // So that its revision has not fallen, either.
				if got := s.store.View().Generation; got != lost.Generation {
					t.Fatalf("the fleet has generation %d after the restore and %d before, want the same: else this tests nothing", got, lost.Generation)
				}
				a.way.Heal()
				s.Sleep(10 * time.Millisecond)
				got := a.handed()
				if got.Content.Same(lost.Content) && fleet.SameWishes(got.Holds, lost.Holds, got.Restarts, lost.Restarts) {
					t.Errorf("%+v was handed on last, want what the fleet has agreed on since", got)
				}
			})
		})
	}
}

func TestFleet_aDamagedKey_isSaidOnce_andAllElseGoesOn(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		s.store.Damage(fleet.NodeKey("b"), []byte("{"))
		s.sets("c")
		if v := a.standing.View(); len(v.Nodes) != 2 {
			t.Errorf("got the nodes %v, want a and c", v.Nodes)
		}
		const message = "keys of the fleet's store cannot be read and are left out"
		if said := len(s.Logs.With(message)); said != 2 {
			t.Errorf("got it said %d times by two gateways, want once each", said)
		}
	})
}

// It must not be sent calls: it may honour what has been revoked.
func TestBallot_aNodeThatCannotFollow_saysSoUntilItCan(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.sets("a")
		generation := s.activates(t)
		s.Send(a.pid, messages.CannotFollow{Generation: generation, Problems: []string{"why"}})
		s.Sleep(10 * time.Millisecond)
		if got := a.standing.CannotFollow(); got != generation {
			t.Errorf("it says that it cannot follow generation %d, want %d", got, generation)
		}
		s.Send(a.pid, messages.InForce{Generation: s.activates(t)})
		s.Sleep(10 * time.Millisecond)
		if got := a.standing.CannotFollow(); got != 0 {
			t.Errorf("it says that it cannot follow generation %d though it has, want none", got)
		}
	})
}
