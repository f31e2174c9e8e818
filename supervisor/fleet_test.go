package supervisor_test

import (
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/internal/restart"
	"gatehouse/internal/serversfile"
	"gatehouse/messages"
	"gatehouse/supervisor"
	"gatehouse/testkit"
)

// party is a house whose supervisor is one of a fleet's.
type party struct {
	*house

	fleet  *testkit.Probe
	mu     sync.Mutex
	runs   []*sync.WaitGroup // of servers that were started by a claim, and run
	killed int
	clings chan struct{} // stand-ins end once it is closed; nil is at once
}

func inFleet(t *testing.T, f func(t *testing.T, p *party)) {
	t.Helper()
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		h := &house{
			World: w, notes: w.Probe(), events: w.Events(), logs: &testkit.Logs{},
			pids: map[string]*actor.PID{}, plans: map[string]func() messages.ServerPlan{},
		}
		p := &party{house: h, fleet: w.Probe()}
		h.sup = w.Spawn(supervisor.Props(supervisor.Config{Server: h.server, Log: h.logs.Logger(), Fleet: &supervisor.Fleet{
			Actor: p.fleet.PID, Owned: p.owned, Remote: p.remote,
		}}))
		defer p.ends()
		f(t, p)
	})
}

func (p *party) owned(plan func() messages.ServerPlan, _ int64, runs *sync.WaitGroup) (*actor.Props, func()) {
	p.mu.Lock()
	p.runs = append(p.runs, runs)
	p.mu.Unlock()
	runs.Add(1)
	return p.server(plan), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.killed++
	}
}

// ends has the processes of all servers end.
func (p *party) ends() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, runs := range p.runs {
		runs.Done()
	}
	p.runs = nil
}

// remote is a stand-in that tells what it hears.
func (p *party) remote(func() messages.ServerPlan) *actor.Props {
	return actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case *actor.Started:
			c.Send(p.notes.PID, note{"stands in", ""})
		case messages.OwnedThere:
			c.Send(p.notes.PID, note{"is at", m.Owner.Node})
		case *actor.Stopping:
			if p.clings != nil {
				<-p.clings
			}
			c.Send(p.notes.PID, note{"steps down", ""})
		}
	})
}

// single is the plan of a server that the fleet runs once.
func single(name string, generation uint64) messages.ServerPlan {
	p := plan(name, generation)
	p.Entry.Transport = serversfile.Stdio
	return p
}

// start has a server started, and expects the fleet to be asked for it.
func (p *party) start(t *testing.T, plan messages.ServerPlan) {
	t.Helper()
	p.apply(messages.ApplyDiff{Generation: 1, Start: []messages.ServerPlan{plan}})
	if m := testkit.Expect[messages.WantOwner](t, p.fleet); m.Key != "files" || m.Cell != plan.Cell {
		t.Fatalf("got %+v, want the fleet asked for files", m)
	}
	testkit.ExpectNone(t, p.notes)
}

func here(plan messages.ServerPlan, epoch int64) messages.OwnedHere {
	return messages.OwnedHere{Key: plan.Entry.Name, Cell: plan.Cell, Epoch: epoch}
}

func there(plan messages.ServerPlan, node string) messages.OwnedThere {
	return messages.OwnedThere{Key: plan.Entry.Name, Cell: plan.Cell, Owner: fleet.Owner{Node: node, Epoch: 9}}
}

// claimed has a server run by a claim.
func (p *party) claimed(t *testing.T, plan messages.ServerPlan, m messages.OwnedHere) {
	t.Helper()
	p.start(t, plan)
	p.Send(p.sup, m)
	testkit.ExpectExactly(t, p.notes, note{"started", "files@1"})
}

func TestFleet_aSingleServer_runsOnlyByAClaim(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		p.claimed(t, plan, here(plan, 5))
		p.Send(p.sup, here(plan, 5)) // Once more is nothing new.
		testkit.ExpectNone(t, p.notes)
	})
}

func TestFleet_aServerThatIsNotSingle_runsHereUnasked(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := plan("web", 1) // By url.
		p.apply(messages.ApplyDiff{Generation: 1, Start: []messages.ServerPlan{plan}})
		testkit.ExpectExactly(t, p.notes, note{"started", "web@1"})
		testkit.ExpectNone(t, p.fleet)
	})
}

func TestFleet_ownedElsewhere_aStandInTakesItsPlace(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		p.start(t, plan)
		p.Send(p.sup, there(plan, "n2"))
		testkit.ExpectExactly(t, p.notes, note{"stands in", ""}, note{"is at", "n2"})
		p.Send(p.sup, there(plan, "n3")) // The same stand-in hears of it.
		testkit.ExpectExactly(t, p.notes, note{"is at", "n3"})
		p.Send(p.sup, here(plan, 11))
		testkit.ExpectExactly(t, p.notes, note{"steps down", ""}, note{"started", "files@1"})
	})
}

func TestFleet_theOwnerTellsWhatBecomesOfIt(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		p.claimed(t, plan, here(plan, 5))
		if m := testkit.Expect[messages.ServerState](t, p.fleet); m.Record.State != endpoint.Starting || m.Epoch != 5 || !m.Record.Busy {
			t.Errorf("got %+v, want it starting, and busy by that, by epoch 5", m)
		}
		plan.Cell.Move(endpoint.Opened, time.Now(), func(next *endpoint.Status) { next.PID = 77 })
		if m := testkit.Expect[messages.ServerState](t, p.fleet); m.Record.State != endpoint.Ready || m.Record.PID != 77 || m.Record.Busy {
			t.Errorf("got %+v, want it ready in process 77 and without calls", m)
		}
		plan.Cell.Acquire(10)
		if m := testkit.Expect[messages.ServerState](t, p.fleet); !m.Record.Busy {
			t.Errorf("got %+v, want it busy", m)
		}
		p.Sleep(time.Minute)
		testkit.ExpectNone(t, p.fleet) // A server in use costs no more writes.
		plan.Cell.Release()
		if m := testkit.Expect[messages.ServerState](t, p.fleet); m.Record.Busy {
			t.Errorf("got %+v, want it not busy", m)
		}
		p.Sleep(time.Hour)
		testkit.ExpectNone(t, p.fleet)
	})
}

func TestFleet_theHistoryComesWithTheClaim(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		m := here(plan, 5)
		policy := plan.Entry.Settings.Restart
		var history restart.History
		for range policy.MaxFailures {
			_, history = restart.Next(policy, history, restart.Failure{At: time.Now(), Phase: endpoint.Serving}, 0)
		}
		m.Record = fleet.Record{State: endpoint.Starting, Run: 7, Restarts: 5, History: history.Encode(), Suspects: []string{"burn"}}
		p.claimed(t, plan, m)
		if st := plan.Cell.Status(); st.Restarts != 5 || plan.Cell.NextRun() != 8 {
			t.Errorf("got %+v, want 5 restarts, and runs from 8 on", st)
		}
		if got := plan.Cell.Suspects(); len(got) != 1 || got[0] != "burn" {
			t.Errorf("got suspects %q, want burn", got)
		}
		p.fail("files@1", crash(plan, endpoint.Serving))
		testkit.Expect[messages.ServerQuarantined](t, p.events)
	})
}

func TestFleet_theDeathOfANode_isAFailureOfItsBusyServers(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		p.start(t, plan)
		m := here(plan, 5)
		m.Died, m.Record = "n1", fleet.Record{State: endpoint.Ready, Since: time.Now(), Run: 3, Opened: 1, Busy: true}
		p.Send(p.sup, m)
		if e := testkit.Expect[messages.ServerBackingOff](t, p.events); e.Attempt != 1 || e.Run != 3 {
			t.Errorf("got %+v, want the first failure, of run 3", e)
		}
		wantState(t, plan, endpoint.BackingOff)
		testkit.ExpectNone(t, p.notes)
		p.Sleep(time.Second)
		testkit.ExpectExactly(t, p.notes, note{"started", "files@1"})
	})
}

func TestFleet_quarantineGoesOnAtTheNextOwner(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		p.start(t, plan)
		m := here(plan, 5)
		m.Record = fleet.Record{State: endpoint.Quarantined, Run: 3, RetryAt: time.Now().Add(time.Minute), Reason: "6 failures"}
		p.Send(p.sup, m)
		p.Sleep(59 * time.Second)
		wantState(t, plan, endpoint.Quarantined)
		testkit.ExpectNone(t, p.notes)
		p.Sleep(2 * time.Second)
		testkit.ExpectExactly(t, p.notes, note{"started", "files@1"})
	})
}

func TestFleet_tenureLost_killsAtOnceAndWaitsForTheProcess(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		p.claimed(t, plan, here(plan, 5))
		plan.Cell.Move(endpoint.Opened, time.Now(), nil)
		plan.Cell.Acquire(10) // A call is under way: nobody waits for it.
		p.Sleep(0)
		asker := p.Probe()
		p.System.Root.RequestWithCustomSender(p.sup, messages.TenureLost{}, asker.PID)
		testkit.ExpectExactly(t, p.notes, note{"stopping", "files@1"})
		testkit.ExpectNone(t, asker)
		p.mu.Lock()
		if p.killed != 1 {
			t.Errorf("killed %d times, want once", p.killed)
		}
		p.mu.Unlock()
		p.ends()
		testkit.Expect[messages.TenureLeft](t, asker)
		wantState(t, plan, endpoint.Starting)
		p.Send(p.sup, there(plan, "n2"))
		testkit.ExpectExactly(t, p.notes, note{"stands in", ""}, note{"is at", "n2"})
	})
}

func TestFleet_tenureLost_withNothingRunning_isLeftAtOnce(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		asker := p.Probe()
		p.System.Root.RequestWithCustomSender(p.sup, messages.TenureLost{}, asker.PID)
		testkit.Expect[messages.TenureLeft](t, asker)
	})
}

// What the fleet's actor says next it says to whom this came from.
func TestFleet_tenureLeft_saysWhoItIsFrom(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		from := make(chan *actor.PID, 1)
		asker := p.System.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
			if _, ok := c.Message().(messages.TenureLeft); ok {
				from <- c.Sender()
			}
		}))
		p.System.Root.RequestWithCustomSender(p.sup, messages.TenureLost{}, asker)
		if got := <-from; !p.sup.Equal(got) {
			t.Errorf("got it from %v, want %v", got, p.sup)
		}
	})
}

func TestFleet_giveUp_drainsInTheSameCell(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		p.claimed(t, plan, here(plan, 5))
		plan.Cell.Move(endpoint.Opened, time.Now(), nil)
		plan.Cell.Acquire(10)
		p.Send(p.sup, messages.GiveUp{Key: "files", Cell: plan.Cell, Timeout: time.Minute})
		p.Sleep(time.Second)
		wantState(t, plan, endpoint.Starting)
		testkit.ExpectNone(t, p.notes) // The call goes on.
		plan.Cell.Release()
		p.Sleep(time.Second)
		testkit.ExpectExactly(t, p.notes, note{"stopping", "files@1"})
		p.ends()
		if m := testkit.Expect[messages.Released](t, p.fleet); m.Epoch != 5 || m.Cell != plan.Cell {
			t.Errorf("got %+v, want epoch 5 released", m)
		}
		select {
		case <-plan.Cell.ClosedC():
			t.Error("its cell is closed, want it open for the next owner")
		default:
		}
	})
}

func TestFleet_giveUp_doesNotWaitForEver(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		p.claimed(t, plan, here(plan, 5))
		plan.Cell.Acquire(10)
		p.Send(p.sup, messages.GiveUp{Key: "files", Cell: plan.Cell, Timeout: time.Minute})
		p.Sleep(time.Minute + time.Second)
		testkit.ExpectExactly(t, p.notes, note{"stopping", "files@1"})
		p.ends()
		testkit.Expect[messages.Released](t, p.fleet)
	})
}

func TestFleet_giveUp_asTheEntrySays(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		plan.Entry.Settings.DrainTimeout = time.Hour
		p.claimed(t, plan, here(plan, 5))
		plan.Cell.Acquire(10)
		p.Send(p.sup, messages.GiveUp{Key: "files", Cell: plan.Cell, Timeout: messages.OwnDrain})
		p.Sleep(59 * time.Minute)
		testkit.ExpectNone(t, p.notes)
		p.Sleep(2 * time.Minute)
		testkit.ExpectExactly(t, p.notes, note{"stopping", "files@1"})
		p.ends()
		testkit.Expect[messages.Released](t, p.fleet)
	})
}

func TestFleet_aRemovedServer_isReleasedOnceItHasEnded(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		p.claimed(t, plan, here(plan, 5))
		p.apply(messages.ApplyDiff{Generation: 2, Drain: []messages.DrainServer{drainOf(plan, time.Minute)}})
		testkit.Expect[messages.Unwanted](t, p.fleet)
		testkit.ExpectExactly(t, p.notes, note{"stopping", "files@1"})
		testkit.ExpectNone(t, p.fleet)
		p.ends()
		testkit.Expect[messages.Released](t, p.fleet)
	})
}

func TestFleet_ownedTooLate_isReleased(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		p.start(t, plan)
		p.apply(messages.ApplyDiff{Generation: 2, Drain: []messages.DrainServer{drainOf(plan, time.Minute)}})
		testkit.Expect[messages.Unwanted](t, p.fleet)
		p.Send(p.sup, here(plan, 5))
		if m := testkit.Expect[messages.Released](t, p.fleet); m.Epoch != 5 {
			t.Errorf("got %+v, want epoch 5 released", m)
		}
		testkit.ExpectNone(t, p.notes)
	})
}

func TestFleet_aCallWaitsForALazyServer_theFleetHearsOfIt(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		plan.Lazy = true
		plan.Cell.Move(endpoint.Parked, time.Now(), nil)
		p.start(t, plan)
		p.Send(p.sup, messages.WakeServer{Name: "files", Cell: plan.Cell})
		testkit.Expect[messages.Awaited](t, p.fleet)
		p.Send(p.sup, here(plan, 5))
		testkit.ExpectExactly(t, p.notes, note{"started", "files@1"}, note{"start", "files@1"})
	})
}

func TestFleet_singleTurnedOff_theCallsOfTheClaimedProcessEnd(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		was := single("files", 1)
		p.claimed(t, was, here(was, 5))
		was.Cell.Move(endpoint.Opened, time.Now(), nil)
		was.Cell.Acquire(10)
		no, is := false, single("files", 2)
		is.Entry.Settings.Single = &no
		p.apply(messages.ApplyDiff{Generation: 2, Drain: []messages.DrainServer{drainOf(was, time.Minute)}, Start: []messages.ServerPlan{is}})
		testkit.Expect[messages.Unwanted](t, p.fleet)
		testkit.ExpectExactly(t, p.notes, note{"started", "files@2"}) // Nobody waits for the call.
		p.Sleep(30 * time.Second)
		testkit.ExpectNone(t, p.notes)
		was.Cell.Release()
		testkit.ExpectExactly(t, p.notes, note{"stopping", "files@1"})
		p.ends()
		if m := testkit.Expect[messages.Released](t, p.fleet); m.Key != "files" || m.Epoch != 5 {
			t.Errorf("got %+v released, want files by epoch 5: what it was claimed by", m)
		}
	})
}

func TestFleet_claimedAgainAfterTheTenureWasLostInABackoff_theOwnerTellsOfIt(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		p.start(t, plan)
		m := here(plan, 5)
		m.Record = fleet.Record{State: endpoint.BackingOff, Run: 3, RetryAt: time.Now().Add(time.Minute)}
		p.Send(p.sup, m)
		if m := testkit.Expect[messages.ServerState](t, p.fleet); m.Epoch != 5 {
			t.Fatalf("got %+v, want what becomes of it by epoch 5", m)
		}
		asker := p.Probe()
		p.System.Root.RequestWithCustomSender(p.sup, messages.TenureLost{}, asker.PID)
		testkit.Expect[messages.TenureLeft](t, asker)
		p.Send(p.sup, here(plan, 8))
		testkit.ExpectExactly(t, p.notes, note{"started", "files@1"})
		if m := testkit.Expect[messages.ServerState](t, p.fleet); m.Epoch != 8 {
			t.Errorf("got %+v, want what becomes of it by epoch 8", m)
		}
	})
}

func TestFleet_anInstanceThatEndedWhereItRan_makesRoom(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := scoped("files", 1)
		plan.Entry.Transport = serversfile.Stdio
		p.apply(messages.ApplyDiff{Generation: 1, Start: []messages.ServerPlan{plan}})
		cell := p.need(t, plan, "a")
		want := testkit.Expect[messages.WantOwner](t, p.fleet)
		at := func(node string) {
			p.Send(p.sup, messages.OwnedThere{Key: want.Key, Cell: cell, Owner: fleet.Owner{Node: node, Epoch: 9}})
			p.Sleep(time.Second)
		}
		at("n2")
		at("") // Its gateway has died: a call may be waiting.
		at("n2")
		if left := len(plan.Cell.Instances().List()); left != 1 {
			t.Fatalf("got %d instances while it runs elsewhere, want 1", left)
		}
		p.Sleep(plan.Entry.Settings.IdleStop)
		at("")
		if left := len(plan.Cell.Instances().List()); left != 0 {
			t.Errorf("got %d instances once nobody needs it anywhere, want none: others need its place", left)
		}
		testkit.Expect[messages.Unwanted](t, p.fleet)
	})
}

// A release, a restart or another entry ends the wait that it has inherited. So its claim goes
// over to the new cell: by a claim of its own that would inherit it once more.
func TestFleet_renewedWhileItWaits_keepsItsClaim(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		was, is := single("files", 1), single("files", 2)
		p.start(t, was)
		m := here(was, 5)
		m.Record = fleet.Record{State: endpoint.Quarantined, Run: 3, RetryAt: time.Now().Add(time.Minute), Reason: "6 failures"}
		p.Send(p.sup, m)
		p.Sleep(time.Second)
		p.apply(messages.ApplyDiff{Generation: 2, Drain: []messages.DrainServer{drainOf(was, time.Minute)}, Start: []messages.ServerPlan{is}})
		for wanted := false; ; {
			switch m := testkit.ExpectThat(t, p.fleet, func(any) bool { return true }).(type) {
			case messages.WantOwner:
				wanted = m.Cell == is.Cell
			case messages.Released:
				if !wanted || m.Cell != was.Cell || m.Epoch != 5 {
					t.Errorf("got %+v while the new cell was wanted: %v, want it wanted before the claim of the old one is released", m, wanted)
				}
				p.Send(p.sup, here(is, 5)) // As the fleet's actor does then.
				testkit.ExpectExactly(t, p.notes, note{"started", "files@2"})
				return
			}
		}
	})
}

// The stand-in for the owner before is still ending then.
func TestFleet_claimLostBeforeItBegan_isNotBegunBy(t *testing.T) {
	for name, lose := range map[string]func(p *party, plan messages.ServerPlan) any{
		"given up": func(_ *party, plan messages.ServerPlan) any {
			return messages.GiveUp{Key: "files", Cell: plan.Cell, Timeout: time.Minute}
		},
		"tenure lost": func(*party, messages.ServerPlan) any { return messages.TenureLost{} },
	} {
		t.Run(name, func(t *testing.T) {
			inFleet(t, func(t *testing.T, p *party) {
				plan := single("files", 1)
				p.start(t, plan)
				p.clings = make(chan struct{})
				p.Send(p.sup, there(plan, "n2"))
				testkit.ExpectExactly(t, p.notes, note{"stands in", ""}, note{"is at", "n2"})
				p.Send(p.sup, here(plan, 11))
				p.System.Root.RequestWithCustomSender(p.sup, lose(p, plan), p.fleet.PID)
				p.Sleep(time.Second)
				close(p.clings)
				testkit.ExpectExactly(t, p.notes, note{"steps down", ""})
				p.Sleep(time.Minute)
				testkit.ExpectNone(t, p.notes) // Somebody else may run it by now.
			})
		})
	}
}

func TestFleet_removedBeforeItBegan_isReleased(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := single("files", 1)
		p.start(t, plan)
		p.clings = make(chan struct{})
		p.Send(p.sup, there(plan, "n2"))
		p.Send(p.sup, here(plan, 11))
		p.apply(messages.ApplyDiff{Generation: 2, Drain: []messages.DrainServer{drainOf(plan, time.Minute)}})
		p.Sleep(time.Second)
		close(p.clings)
		testkit.Expect[messages.Unwanted](t, p.fleet)
		if m := testkit.Expect[messages.Released](t, p.fleet); m.Key != "files" || m.Epoch != 11 {
			t.Errorf("got %+v released, want files by epoch 11", m)
		}
	})
}

// barred is the plan of a server that this gateway cannot start.
func barred(name string) messages.ServerPlan {
	p := single(name, 1)
	p.Barred = "TOKEN is not set"
	return p
}

func TestFleet_barred_hasAStandInWhileAnotherRunsIt(t *testing.T) {
	inFleet(t, func(t *testing.T, p *party) {
		plan := barred("files")
		p.apply(messages.ApplyDiff{Generation: 1, Start: []messages.ServerPlan{plan}})
		if m := testkit.Expect[messages.WantOwner](t, p.fleet); !m.Barred {
			t.Errorf("got %+v, want the fleet told that it cannot be started here", m)
		}
		nobody := messages.OwnedThere{Key: "files", Cell: plan.Cell, Nobody: true}
		p.Send(p.sup, nobody)
		p.Sleep(0)
		wantState(t, plan, endpoint.Misconfigured)
		if got := plan.Cell.Status().Reason; got != plan.Barred {
			t.Errorf("got the reason %q, want %q", got, plan.Barred)
		}
		p.Send(p.sup, messages.OwnedThere{Key: "files", Cell: plan.Cell}) // Somebody can by now.
		p.Sleep(0)
		wantState(t, plan, endpoint.Starting)
		p.Send(p.sup, nobody)
		p.Send(p.sup, there(plan, "n2"))
		testkit.ExpectExactly(t, p.notes, note{"stands in", ""}, note{"is at", "n2"})
		p.Send(p.sup, nobody)
		testkit.ExpectExactly(t, p.notes, note{"is at", ""}) // The stand-in shows it.
	})
}
