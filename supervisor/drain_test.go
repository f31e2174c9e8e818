package supervisor_test

import (
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

func TestDrain_waitsForTheCallsInside(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		session := testkit.NewSession(7, testkit.Says("{}"))
		testkit.Publish(p.Cell, endpoint.Status{State: endpoint.Ready, Run: 1, PID: 7, Session: session})
		p.Cell.Acquire(10)
		p.Cell.Acquire(10)

		h.apply(messages.ApplyDiff{Generation: 2, Drain: []messages.DrainServer{drainOf(p, time.Hour)}})
		if e := testkit.Expect[messages.ServerDraining](t, h.events); e.Server != "files" || e.InFlight != 2 || e.Generation != 1 {
			t.Errorf("got %+v, want files of generation 1 with 2 calls in flight", e)
		}
		testkit.ExpectNone(t, h.notes)
		st := p.Cell.Status()
		if st.State != endpoint.Draining || st.Session != session || st.PID != 7 || st.Run != 1 {
			t.Errorf("got status %+v, want draining in run 1, with the session and pid 7", st)
		}
		if got := p.Cell.Acquire(10); got != endpoint.Closed {
			t.Errorf("a new call: got %v, want closed", got)
		}
		p.Cell.Release()
		h.Sleep(time.Minute)
		testkit.ExpectNone(t, h.notes)
		p.Cell.Release()
		testkit.ExpectExactly(t, h.notes, note{"stopping", "files@1"})
		if e := testkit.Expect[messages.ServerStopped](t, h.events); e.Server != "files" || e.Reason != "drained" {
			t.Errorf("got %+v, want files, drained", e)
		}
		wantState(t, p, endpoint.Stopped)
		if p.Cell.Status().Session != nil {
			t.Error("a stopped server shows a session")
		}
	})
}

func TestDrain_endsAtItsTimeout(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		p.Cell.Acquire(10) // And never released.
		h.apply(messages.ApplyDiff{Drain: []messages.DrainServer{drainOf(p, 30*time.Second)}})
		h.Sleep(30*time.Second - time.Nanosecond)
		testkit.ExpectNone(t, h.notes)
		h.Sleep(time.Nanosecond)
		testkit.ExpectExactly(t, h.notes, note{"stopping", "files@1"})
	})
}

func TestDrain_withoutCalls_stopsAtOnce(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		h.apply(messages.ApplyDiff{Drain: []messages.DrainServer{drainOf(p, time.Hour)}})
		testkit.ExpectExactly(t, h.notes, note{"stopping", "files@1"})
	})
}

func TestDrain_failureMeanwhile_isAStop(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		p.Cell.Acquire(10)
		h.apply(messages.ApplyDiff{Drain: []messages.DrainServer{drainOf(p, time.Minute)}})
		testkit.Expect[messages.ServerDraining](t, h.events)
		h.fail("files@1", crash(p, endpoint.Serving))
		testkit.Expect[messages.ServerStopped](t, h.events)
		testkit.ExpectExactly(t, h.notes, note{"stopping", "files@1"})
		wantState(t, p, endpoint.Stopped)
		p.Cell.Release()
		h.Sleep(time.Hour)
		testkit.ExpectNone(t, h.notes)
	})
}

func TestDrain_whileBackingOff_stopsTheSuspendedActor(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		h.fail("files@1", crash(p, endpoint.Serving))
		testkit.Expect[messages.ServerBackingOff](t, h.events)
		h.apply(messages.ApplyDiff{Drain: []messages.DrainServer{drainOf(p, time.Hour)}})
		testkit.Expect[messages.ServerStopped](t, h.events)
		h.Sleep(time.Hour)
		testkit.ExpectExactly(t, h.notes, note{"stopping", "files@1"})
	})
}

func TestDrain_ofACellThatIsNotCurrent_onlyClosesIt(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p, other := plan("files", 1), plan("files", 9)
		h.run(t, p)
		h.apply(messages.ApplyDiff{Drain: []messages.DrainServer{drainOf(other, time.Hour)}})
		testkit.ExpectNone(t, h.notes)
		if other.Cell.Acquire(1) != endpoint.Closed || p.Cell.Acquire(1) != endpoint.Admitted {
			t.Error("the wrong cell was closed")
		}
	})
}

func TestChangedServer_newActorRunsWhileTheOldDrains(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		old, next := plan("files", 1), plan("files", 2)
		h.run(t, old)
		old.Cell.Acquire(10)
		h.apply(messages.ApplyDiff{
			Generation: 2, Start: []messages.ServerPlan{next},
			Drain: []messages.DrainServer{drainOf(old, time.Hour)},
		})
		testkit.ExpectExactly(t, h.notes, note{"started", "files@2"})
		old.Cell.Release()
		testkit.ExpectExactly(t, h.notes, note{"stopping", "files@1"})
		h.Send(h.sup, messages.WakeServer{Name: "files", Cell: next.Cell})
		testkit.ExpectExactly(t, h.notes, note{"start", "files@2"}) // The old one's end took nothing from it.
	})
}

func TestStopServers_drainsAllAndAnswersOnce(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		busy, quiet, broken := plan("busy", 1), plan("quiet", 1), plan("broken", 1)
		h.run(t, busy, quiet, broken)
		h.fail("broken@1", crash(broken, endpoint.Serving))
		testkit.Expect[messages.ServerBackingOff](t, h.events)
		busy.Cell.Acquire(10)

		asker := h.Probe()
		begun := time.Now()
		h.System.Root.RequestWithCustomSender(h.sup, messages.StopServers{Drain: 8 * time.Second}, asker.PID)
		testkit.ExpectNone(t, asker)
		for _, p := range []messages.ServerPlan{busy, quiet, broken} {
			if p.Cell.Acquire(10) != endpoint.Closed {
				t.Errorf("%s must not take calls", p.Entry.Name)
			}
		}
		testkit.Expect[messages.ServersStopped](t, asker)
		if got := time.Since(begun); got != 8*time.Second {
			t.Errorf("answered after %v, want the whole drain of 8 s", got)
		}
		h.Send(h.sup, messages.StopServers{})
		h.Sleep(time.Hour)
		testkit.ExpectNone(t, asker)
	})
}

func TestStopServers_hurriesWhatDrainsAlready(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		p.Cell.Acquire(10)
		h.apply(messages.ApplyDiff{Drain: []messages.DrainServer{drainOf(p, time.Hour)}})
		testkit.Expect[messages.ServerDraining](t, h.events)
		asker := h.Probe()
		begun := time.Now()
		h.System.Root.RequestWithCustomSender(h.sup, messages.StopServers{Drain: time.Second}, asker.PID)
		testkit.Expect[messages.ServersStopped](t, asker)
		if got := time.Since(begun); got != time.Second {
			t.Errorf("answered after %v, want 1 s", got)
		}
	})
}

func TestStopServers_withNothingToStop_answersAtOnce(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		p.Unusable = endpoint.Disabled
		h.apply(messages.ApplyDiff{Start: []messages.ServerPlan{p}})
		asker := h.Probe()
		h.System.Root.RequestWithCustomSender(h.sup, messages.StopServers{Drain: time.Hour}, asker.PID)
		testkit.ExpectExactly(t, asker, messages.ServersStopped{})
		h.Sleep(2 * time.Hour)
		testkit.ExpectNone(t, asker)
	})
}

func TestStopServers_nothingIsStartedAfterwards(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		h.Send(h.sup, messages.StopServers{})
		h.apply(messages.ApplyDiff{Start: []messages.ServerPlan{plan("late", 2)}})
		h.Sleep(time.Hour)
		testkit.ExpectExactly(t, h.notes, note{"stopping", "files@1"})
	})
}
