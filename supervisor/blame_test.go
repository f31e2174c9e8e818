package supervisor_test

import (
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// crashOf is a crash at which a caller's call of a tool ran alone.
func crashOf(p messages.ServerPlan, agent, tool string) *endpoint.Exit {
	exit := crash(p, endpoint.Serving)
	exit.Calls.Add(endpoint.Call{ID: "x", Agent: agent, Tool: tool})
	return exit
}

// What one agent's calls do to a server blocks these calls; the server goes on,
// with delays as after any failure.
func TestBlame_whoseCallsEndTheServer_isBlocked_andTheServerIsNotQuarantined(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		p.Entry.Settings.Restart.MaxFailures = 1
		h.run(t, p)
		blocks := h.Events()
		var delays []time.Duration
		for i, tool := range []string{"write", "write", "read", "list"} {
			h.fail("files@1", crashOf(p, "a", tool))
			backing := testkit.Expect[messages.ServerBackingOff](t, h.events)
			delays = append(delays, backing.Delay)
			testkit.Expect[note](t, h.notes) // Started again.
			if got, want := len(p.Cell.Guard().InForce(time.Now())), min(i, 2); got != want && i < 3 {
				t.Errorf("after crash %d: %d blocks, want %d", i+1, got, want)
			}
		}
		if delays[0] >= delays[2] {
			t.Errorf("got delays %v, want them to grow", delays)
		}
		first := testkit.Expect[messages.CallerBlocked](t, blocks)
		if b := first.Block; first.Server != "files" || b.Agent != "a" || b.Tool != "write" || b.Crashes != 2 || b.Reason != "exit status 3" || first.For != p.Entry.Settings.Restart.Quarantine {
			t.Errorf("got %+v, want write of a, for quarantine_ms", first)
		}
		if second := testkit.Expect[messages.CallerBlocked](t, blocks); second.Block.Tool != "" || second.Block.Agent != "a" {
			t.Errorf("got %+v, want a on the whole server", second)
		}
		wantState(t, p, endpoint.BackingOff)

		h.Send(h.sup, messages.LiftBlocks{Name: "files", Cell: plan("files", 1).Cell})
		testkit.ExpectNone(t, h.notes)
		if p.Cell.Guard() == nil {
			t.Error("a command for another cell has lifted the blocks, want them to stay")
		}
		h.Send(h.sup, messages.LiftBlocks{Name: "files", Cell: p.Cell})
		if e := testkit.Expect[messages.BlocksLifted](t, h.events); e.Server != "files" || e.Blocks == 0 || p.Cell.Guard() != nil {
			t.Errorf("got %+v and %+v, want all lifted", e, p.Cell.Guard())
		}
	})
}

// A network that is lost is nobody's fault.
func TestBlame_ofAURLServer_isNobodys(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := webPlan("web")
		h.run(t, p)
		for range 3 {
			h.fail("web@1", crashOf(p, "a", "write"))
			testkit.Expect[messages.ServerBackingOff](t, h.events)
			testkit.Expect[note](t, h.notes)
		}
		if g := p.Cell.Guard(); g != nil {
			t.Errorf("got %+v, want no guard", g)
		}
	})
}

// Failures that no call had a part in quarantine as ever.
func TestBlame_aServerThatEndsByItself_isQuarantined(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		p.Entry.Settings.Restart.MaxFailures = 1
		h.run(t, p)
		h.fail("files@1", crashOf(p, "a", "write"))
		testkit.Expect[messages.ServerBackingOff](t, h.events)
		testkit.Expect[note](t, h.notes)
		h.fail("files@1", crash(p, endpoint.Serving))
		testkit.Expect[messages.ServerQuarantined](t, h.events)
	})
}
