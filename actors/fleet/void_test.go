package fleet_test

import (
	"testing"
	"time"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// byHand are claims that somebody may write past all gateways.
var byHand = map[string]string{
	"unreadable": "who?", "the owner's own": `{"node":"a","boot":"boot of a","address":"a:1"}`, "of nobody": `{"node":"ghost","boot":"x","address":"ghost:1"}`,
}

// overwrites writes a claim past all gateways.
func (s *sea) overwrites(value string) {
	s.store.Damage(fleet.OwnerKey("files"), []byte(value))
	s.Sleep(10 * time.Millisecond)
}

// nobodyOwns asserts that no gateway is told to run the server for a while.
func (s *sea) nobodyOwns(t *testing.T, during time.Duration, ships ...*ship) {
	t.Helper()
	for range int(during / time.Second) {
		s.Sleep(time.Second)
		for _, sh := range ships {
			if _, owned := sh.standing.Owned("files"); owned {
				t.Fatalf("%s owns files, want that nobody does", sh.id)
			}
		}
	}
}

// The key has no lease by then, so it does not end with that of its owner.
func TestFleet_overwrittenClaim_ofAGatewayThatDies_isClaimedByAnother(t *testing.T) {
	for name, value := range byHand {
		for when, first := range map[string]func(s *sea, a *ship){
			"after":              func(s *sea, a *ship) { a.dies(); s.overwrites(value) },
			"before, it drained": func(s *sea, a *ship) { s.overwrites(value); a.dies() },
		} {
			t.Run(name+" "+when, func(t *testing.T) {
				atSea(t, func(t *testing.T, s *sea) {
					c := s.sets("c") // It is older than the claim, and wants nothing.
					a, b, _ := s.couple(t)
					first(s, a)
					began := time.Now()
					s.nobodyOwns(t, ttl-time.Second, b, c) // By then its lease may live.
					b.owns(t, "files")
					if took := time.Since(began); took > 4*ttl {
						t.Errorf("it took %v, want at most %v", took, 4*ttl)
					}
					if got := s.store.View(); got.Owners["files"].Node != "b" || len(got.Damaged) != 0 {
						t.Errorf("got the owners %v and %v damaged, want b and nothing", got.Owners, got.Damaged)
					}
					if !s.logged("a void claim was removed") {
						t.Error("the log does not say that the claim was removed, want that it does")
					}
				})
			})
		}
	}
}

// Nothing but the owner knows when it has ended what it runs.
func TestFleet_overwrittenClaim_ofAGatewayThatLives_isLeftToIt(t *testing.T) {
	for name, change := range map[string]func(b *ship){
		"it drains":          func(b *ship) { b.runs["a:1"] = true },
		"it does not answer": func(b *ship) { b.away["a:1"] = true },
	} {
		t.Run(name, func(t *testing.T) {
			atSea(t, func(t *testing.T, s *sea) {
				a, b, m := s.couple(t)
				b.with(func() { change(b) })
				s.overwrites("who?")
				testkit.Expect[messages.GiveUp](t, a.sup)
				s.nobodyOwns(t, 5*time.Minute, b)
				if got := s.store.View().Damaged[fleet.OwnerKey("files")]; got == "" {
					t.Error("the claim was removed, want it there until its owner has given it up")
				}
				if !s.logged("keeps a server from running") {
					t.Error("the log does not say so, want that it does")
				}
				b.with(func() { clear(b.runs) }) // It is asked as at each claim.
				a.tells(messages.Released{Key: "files", Cell: m.Cell, Epoch: m.Epoch})
				s.Sleep(5 * time.Second)
				if got := s.store.View(); len(got.Damaged) != 0 || got.Owners["files"].Epoch <= m.Epoch {
					t.Errorf("got the owners %v and %v damaged once it was given up, want a later claim, and nothing", got.Owners, got.Damaged)
				}
			})
		})
	}
}

func TestFleet_claimByHand_isNoClaim(t *testing.T) {
	for name, value := range byHand {
		t.Run(name, func(t *testing.T) {
			atSea(t, func(t *testing.T, s *sea) {
				b, c := s.sets("b"), s.sets("c")
				s.overwrites(value)
				b.wants("files")
				c.with(func() { c.stuck["files"] = true })
				b.with(func() { b.runs["c:1"] = true }) // An operator may have had a reason.
				s.nobodyOwns(t, time.Minute, b, c)
				b.with(func() { clear(b.runs) })
				b.owns(t, "files")
			})
		})
	}
}

// Somebody deletes the claim, and mends that by writing it again as it was.
func TestFleet_claimThatWaits_andIsDeletedAndPutBack_isMadeAnew(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a := s.waiting("b")
		first := s.store.View().Owners["files"].Epoch
		s.store.Delete(fleet.OwnerKey("files"))
		s.overwrites(byHand["the owner's own"])
		s.nobodyOwns(t, time.Minute, a)
		a.with(func() { clear(a.runs) })
		if m := a.owns(t, "files"); m.Epoch <= first {
			t.Errorf("it runs by epoch %d, want a later one than %d", m.Epoch, first)
		}
	})
}

// Whoever was started again since the claim was made has ended what ran by it.
func TestFleet_overwrittenClaim_ofAnOwnerThatWasStartedAgain_isClaimed(t *testing.T) {
	atSea(t, func(t *testing.T, s *sea) {
		a, b, _ := s.couple(t)
		a.dies()
		s.overwrites("who?")
		b.with(func() { b.away["a:1"] = true })
		s.Sleep(ttl)
		s.sets("a", func(c *fleetactor.Config) { c.Node.Boot = "another" })
		m := b.owns(t, "files")
		b.says(m, fleet.Record{State: endpoint.Ready})
	})
}
