package supervisor_test

import (
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

func TestApply_startsEachServerUnderNameAndGeneration(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.apply(messages.ApplyDiff{Generation: 5, Start: []messages.ServerPlan{plan("files", 5)}})
		testkit.ExpectExactly(t, h.notes, note{"started", "files@5"})
	})
}

func TestApply_keep_keepsTheActorAndShowsItTheNewSettings(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		p.Entry.Settings.StartupTimeout = time.Hour
		h.apply(messages.ApplyDiff{Generation: 2, Keep: []messages.ServerPlan{p}})
		testkit.ExpectNone(t, h.notes)
		if got := h.seen("files@1").Entry.Settings.StartupTimeout; got != time.Hour {
			t.Errorf("the actor sees a startup timeout of %v, want the new one", got)
		}
	})
}

func TestApply_keep_newRestartPolicyCountsFromTheNextFailure(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		p.Entry.Settings.Restart.MaxFailures = 0
		h.apply(messages.ApplyDiff{Generation: 2, Keep: []messages.ServerPlan{p}})
		testkit.ExpectNone(t, h.notes) // The supervisor has heard of it.
		h.fail("files@1", crash(p, endpoint.Serving))
		testkit.Expect[messages.ServerQuarantined](t, h.events)
	})
}

func TestApply_keep_ofAnotherCell_isIgnored(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		other := plan("files", 2)
		other.Entry.Description = "other"
		h.apply(messages.ApplyDiff{Keep: []messages.ServerPlan{other, plan("unknown", 2)}})
		testkit.ExpectNone(t, h.notes)
		if got := h.seen("files@1").Entry.Description; got != "" {
			t.Errorf("the actor sees %q, the description of another, want nothing of it", got)
		}
	})
}

func TestApply_keep_startsALazyServerThatBecomesEager(t *testing.T) {
	for _, c := range []struct {
		name     string
		was, now bool // lazy
		want     []any
	}{
		{"lazy becomes eager", true, false, []any{note{"start", "files@1"}}},
		{"lazy stays lazy", true, true, nil},
		{"eager becomes lazy", false, true, nil},
		{"eager stays eager", false, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inHouse(t, func(t *testing.T, h *house) {
				p := plan("files", 1)
				p.Lazy = c.was
				h.run(t, p)
				p.Lazy = c.now
				h.apply(messages.ApplyDiff{Keep: []messages.ServerPlan{p}})
				testkit.ExpectExactly(t, h.notes, c.want...)
			})
		})
	}
}

func TestApply_unusableServers_areNamedAndNotSpawned(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		p.Unusable, p.Reason = endpoint.Misconfigured, "variable TOKEN is not set"
		h.apply(messages.ApplyDiff{Start: []messages.ServerPlan{p}})
		if e := testkit.Expect[messages.ServerUnusable](t, h.events); e != (messages.ServerUnusable{Server: "files", State: endpoint.Misconfigured, Reason: p.Reason}) {
			t.Errorf("got %+v, want files misconfigured because of %q", e, p.Reason)
		}
		h.Send(h.sup, messages.WakeServer{Name: "files", Cell: p.Cell})
		h.apply(messages.ApplyDiff{Keep: []messages.ServerPlan{p}})
		testkit.ExpectNone(t, h.notes)

		mended := plan("files", 2)
		h.apply(messages.ApplyDiff{Start: []messages.ServerPlan{mended}, Drain: []messages.DrainServer{drainOf(p, time.Hour)}})
		testkit.ExpectExactly(t, h.notes, note{"started", "files@2"})
		if p.Cell.Acquire(1) != endpoint.Closed {
			t.Error("the old cell is still open")
		}
	})
}

func TestWakeAndRefresh_reachOnlyTheSameCell(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		stale := plan("files", 0).Cell
		h.Send(h.sup, messages.WakeServer{Name: "files", Cell: stale})
		h.Send(h.sup, messages.RefreshTools{Name: "files", Cell: stale})
		h.Send(h.sup, messages.WakeServer{Name: "other", Cell: p.Cell})
		testkit.ExpectNone(t, h.notes)
		h.Send(h.sup, messages.WakeServer{Name: "files", Cell: p.Cell})
		h.Send(h.sup, messages.RefreshTools{Name: "files", Cell: p.Cell})
		testkit.ExpectExactly(t, h.notes, note{"start", "files@1"}, note{"refresh", "files@1"})
	})
}
