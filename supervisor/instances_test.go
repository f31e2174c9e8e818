package supervisor_test

import (
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/redact"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// scoped is the plan of a server that runs once for each agent.
func scoped(name string, generation uint64) messages.ServerPlan {
	p := plan(name, generation)
	p.Spec.Scope, p.Entry.Settings.IdleStop = "agent", 5*time.Minute
	p.Cell.Split(func(string) *redact.Redactor { return redact.New(nil) })
	return p
}

// need has an agent's instance made and woken, as a call does.
func (h *house) need(t *testing.T, p messages.ServerPlan, agent string) *endpoint.Cell {
	t.Helper()
	cell, _, err := p.Cell.Instances().Obtain(endpoint.Whose{Agent: agent}, "", nil, 16, endpoint.Status{State: endpoint.Idle})
	if err != nil {
		t.Fatal(err)
	}
	h.Send(h.sup, messages.WakeServer{Name: p.Entry.Name, Cell: cell})
	return cell
}

func inScopedHouse(t *testing.T, f func(t *testing.T, h *house, p messages.ServerPlan)) {
	t.Helper()
	inHouse(t, func(t *testing.T, h *house) {
		p := scoped("files", 3)
		h.apply(messages.ApplyDiff{Generation: 3, Start: []messages.ServerPlan{p}})
		testkit.ExpectNone(t, h.notes) // Nobody needs it yet.
		f(t, h, p)
	})
}

func TestInstances_startWhenTheyAreNeeded(t *testing.T) {
	inScopedHouse(t, func(t *testing.T, h *house, p messages.ServerPlan) {
		h.need(t, p, "a")
		testkit.ExpectExactly(t, h.notes, note{"started", "files[a]@3"}, note{"start", "files[a]@3"})
		h.need(t, p, "b")
		testkit.ExpectExactly(t, h.notes, note{"started", "files[b]@3"}, note{"start", "files[b]@3"})
		if got := h.seen("files[b]@3").Name(); got != "files[b]" {
			t.Errorf("its plan is that of %q, want files[b]", got)
		}
	})
}

func TestInstances_failEachByItself(t *testing.T) {
	inScopedHouse(t, func(t *testing.T, h *house, p messages.ServerPlan) {
		a, b := h.need(t, p, "a"), h.need(t, p, "b")
		b.Move(endpoint.Begun, time.Now(), nil)
		h.Sleep(0)
		exit := crash(p, endpoint.Serving)
		h.fail("files[a]@3", exit)
		if e := testkit.Expect[messages.ServerBackingOff](t, h.events); e.Server != "files[a]" {
			t.Errorf("%q backs off, want files[a]", e.Server)
		}
		if got := a.Status().State; got != endpoint.BackingOff {
			t.Errorf("the state of a is %s, want backing-off", got)
		}
		if got := b.Status().State; got != endpoint.Starting {
			t.Errorf("the state of b is %s, want starting", got)
		}
	})
}

func TestInstances_oneThatNobodyNeeds_endsAndMakesRoom(t *testing.T) {
	inScopedHouse(t, func(t *testing.T, h *house, p messages.ServerPlan) {
		a := h.need(t, p, "a")
		h.Sleep(0)
		h.Send(h.sup, messages.EndInstance{Name: "files", Cell: a})
		testkit.ExpectThat(t, h.notes, func(n note) bool { return n == note{"stopping", "files[a]@3"} })
		h.Sleep(0)
		if left := p.Cell.Instances().List(); len(left) != 0 {
			t.Errorf("%d instances are counted, want none", len(left))
		}
		if again := h.need(t, p, "a"); again == a {
			t.Error("the instance that has ended is used again, want another")
		}
		testkit.ExpectThat(t, h.notes, func(n note) bool { return n.What == "started" })
	})
}

func TestInstances_quarantined_andNotWanted_isGivenUp(t *testing.T) {
	inScopedHouse(t, func(t *testing.T, h *house, p messages.ServerPlan) {
		p.Entry.Settings.Restart.MaxFailures = 0
		h.apply(messages.ApplyDiff{Generation: 4, Keep: []messages.ServerPlan{p}})
		h.need(t, p, "a")
		h.Sleep(0)
		h.fail("files[a]@3", crash(p, endpoint.Handshake))
		testkit.Expect[messages.ServerQuarantined](t, h.events)
		h.Sleep(time.Hour)
		if left := p.Cell.Instances().List(); len(left) != 0 {
			t.Errorf("%d instances are kept, want none after an hour in quarantine", len(left))
		}
	})
}

func TestInstances_aRemovedEntryTakesThemAlong(t *testing.T) {
	inScopedHouse(t, func(t *testing.T, h *house, p messages.ServerPlan) {
		a := h.need(t, p, "a")
		h.Sleep(0)
		h.apply(messages.ApplyDiff{Generation: 4, Drain: []messages.DrainServer{drainOf(p, time.Minute)}})
		testkit.ExpectThat(t, h.notes, func(n note) bool { return n == note{"stopping", "files[a]@3"} })
		if got := a.Acquire(10); got != endpoint.Closed {
			t.Errorf("a call is answered %v, want the instance closed", got)
		}
		if _, _, err := p.Cell.Instances().Obtain(endpoint.Whose{Agent: "b"}, "", nil, 16, endpoint.Status{}); err == nil {
			t.Error("another instance of a removed entry is made, want none")
		}
	})
}

// sessionClient is the client of a session that a test can end.
type sessionClient struct {
	endpoint.Client

	ended chan struct{}
}

func (c sessionClient) Ended() <-chan struct{} { return c.ended }

func TestInstances_oneOfASession_endsWithIt(t *testing.T) {
	inScopedHouse(t, func(t *testing.T, h *house, p messages.ServerPlan) {
		c := sessionClient{ended: make(chan struct{})}
		cell, _, err := p.Cell.Instances().Obtain(endpoint.Whose{Agent: "a", Session: "secret"}, "", c, 16, endpoint.Status{State: endpoint.Idle})
		if err != nil {
			t.Fatal(err)
		}
		if label := cell.Instance().Label; len(label) != 5 || label[0] != '#' {
			t.Errorf("the instance is called %q, want # and four digits", label)
		}
		h.Send(h.sup, messages.WakeServer{Name: "files", Cell: cell})
		started := testkit.ExpectThat(t, h.notes, func(n note) bool { return n.What == "started" })
		h.Sleep(time.Hour)
		close(c.ended)
		testkit.ExpectThat(t, h.notes, func(n note) bool { return n == note{"stopping", started.ID} })
		h.Sleep(0)
		if left := p.Cell.Instances().List(); len(left) != 0 {
			t.Errorf("%d instances are left, want none", len(left))
		}
	})
}

func TestInstances_stopWithAllServers(t *testing.T) {
	inScopedHouse(t, func(t *testing.T, h *house, p messages.ServerPlan) {
		h.need(t, p, "a")
		h.need(t, p, "b")
		asker := h.Probe()
		h.System.Root.RequestWithCustomSender(h.sup, messages.StopServers{Drain: time.Second}, asker.PID)
		testkit.Expect[messages.ServersStopped](t, asker)
		if left := p.Cell.Instances().List(); len(left) != 0 {
			t.Errorf("%d instances are left, want none", len(left))
		}
	})
}

// obtain asks for a session's instance of a server that may have four, and has it
// started if it is a new one.
func (h *house) obtain(p messages.ServerPlan, session, by string) (*endpoint.Cell, error) {
	cell, fresh, err := p.Cell.Instances().Obtain(endpoint.Whose{Agent: "a", Session: session}, by, nil, 4, endpoint.Status{State: endpoint.Idle, Since: time.Now()})
	if fresh {
		h.Send(h.sup, messages.WakeServer{Name: p.Entry.Name, Cell: cell})
	}
	h.Sleep(time.Second)
	return cell, err
}

func TestInstances_ofWhoHasTheMost_giveWayToSomebodyElse(t *testing.T) {
	inScopedHouse(t, func(t *testing.T, h *house, p messages.ServerPlan) {
		var cells []*endpoint.Cell
		for _, session := range []string{"1", "2", "3", "4"} {
			cell, err := h.obtain(p, session, "hog")
			if err != nil {
				t.Fatal(err)
			}
			cells = append(cells, cell)
		}
		cells[0].Acquire(1) // It has a call, and the second has been used the longest ago.
		if _, err := h.obtain(p, "5", "hog"); err == nil || len(p.Cell.Instances().List()) != 4 {
			t.Errorf("a fifth one of the same: got %v and %d instances, want it refused and four", err, len(p.Cell.Instances().List()))
		}
		if _, err := h.obtain(p, "6", "other"); err == nil {
			t.Error("one beyond the limit is made at once, want that a place has to be made first")
		}
		for i, c := range cells {
			admission := c.Acquire(9)
			if got, want := admission == endpoint.Closed, i == 1; got != want {
				t.Errorf("instance %d is closed: %t, want %t", i+1, got, want)
			}
			if admission == endpoint.Admitted {
				c.Release()
			}
		}
		cells[0].Release()
		if _, err := h.obtain(p, "7", "hog"); err == nil {
			t.Error("whoever had the most takes the place that it gave, want it kept")
		}
		if _, err := h.obtain(p, "6", "other"); err != nil {
			t.Errorf("the place is not there: %v", err)
		}
		h.Sleep(time.Minute)
		if _, err := h.obtain(p, "8", "third"); err == nil {
			t.Error("a fifth one is made, want it refused")
		}
		if _, err := h.obtain(p, "8", "third"); err != nil {
			t.Errorf("the place is not there: %v", err)
		}
		h.Sleep(time.Minute)
		for range 3 {
			_, _ = h.obtain(p, "9", "other")
			h.Sleep(time.Minute)
		}
		if got := len(p.Cell.Instances().List()); got != 4 {
			t.Errorf("%d instances are left where nobody has two more than who asks, want four", got)
		}
	})
}
