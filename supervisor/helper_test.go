package supervisor_test

import (
	"path"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/serversfile"
	"gatehouse/messages"
	"gatehouse/supervisor"
	"gatehouse/testkit"
)

// note is what a fake server actor tells: that it was started (also anew),
// that it is being stopped, or what it was sent.
type note struct {
	What string
	ID   string // such as "files@1"
}

// house is a supervisor with fake server actors, in a bubble.
type house struct {
	*testkit.World
	sup    *actor.PID
	notes  *testkit.Probe
	events *testkit.Events
	logs   *testkit.Logs

	mu    sync.Mutex
	pids  map[string]*actor.PID
	plans map[string]func() messages.ServerPlan
}

func inHouse(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		h := &house{
			World: w, notes: w.Probe(), events: w.Events(), logs: &testkit.Logs{},
			pids: map[string]*actor.PID{}, plans: map[string]func() messages.ServerPlan{},
		}
		h.sup = w.Spawn(supervisor.Props(supervisor.Config{Server: h.server, Log: h.logs.Logger()}))
		f(t, h)
	})
}

// fail makes a fake server actor panic with its value.
type fail struct{ with any }

func (h *house) server(plan func() messages.ServerPlan) *actor.Props {
	return actor.PropsFromFunc(func(c actor.Context) {
		id := path.Base(c.Self().Id)
		tell := func(what string) { c.Send(h.notes.PID, note{what, id}) }
		switch m := c.Message().(type) {
		case *actor.Started:
			h.mu.Lock()
			h.pids[id], h.plans[id] = c.Self(), plan
			h.mu.Unlock()
			tell("started")
		case *actor.Stopping:
			tell("stopping")
		case messages.StartServer:
			tell("start")
		case messages.RefreshTools:
			tell("refresh")
		case fail:
			panic(m.with)
		}
	})
}

// fail makes the actor with that id fail.
func (h *house) fail(id string, with any) {
	h.mu.Lock()
	pid := h.pids[id]
	h.mu.Unlock()
	h.Send(pid, fail{with})
}

// seen is the plan that the actor with that id sees.
func (h *house) seen(id string) messages.ServerPlan {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.plans[id]()
}

func (h *house) apply(d messages.ApplyDiff) { h.Send(h.sup, d) }

// run starts servers and waits until each has been.
func (h *house) run(t *testing.T, plans ...messages.ServerPlan) {
	t.Helper()
	h.apply(messages.ApplyDiff{Generation: 1, Start: plans})
	for range plans {
		testkit.ExpectThat(t, h.notes, func(n note) bool { return n.What == "started" })
	}
	testkit.ExpectNone(t, h.notes)
}

// plan is one for the named server with a cell of its own.
func plan(name string, generation uint64) messages.ServerPlan {
	return messages.ServerPlan{
		Generation: generation,
		Serial:     generation,
		Entry:      serversfile.Entry{Name: name, Settings: serversfile.DefaultSettings()},
		Cell:       endpoint.NewCell(name, endpoint.Identity{Spec: name}, endpoint.Status{State: endpoint.Starting, Since: time.Now()}),
	}
}

func drainOf(p messages.ServerPlan, timeout time.Duration) messages.DrainServer {
	return messages.DrainServer{Name: p.Entry.Name, Cell: p.Cell, Timeout: timeout}
}

// crash is an exit as a server's actor panics with it.
func crash(p messages.ServerPlan, phase endpoint.Phase) *endpoint.Exit {
	return &endpoint.Exit{Server: p.Entry.Name, Run: 1, Phase: phase, Reason: "exit status 3", At: time.Now()}
}

// wantState fails the test unless the cell shows that state.
func wantState(t *testing.T, p messages.ServerPlan, want endpoint.State) {
	t.Helper()
	if got := p.Cell.Status().State; got != want {
		t.Errorf("state of %s: got %s, want %s", p.Entry.Name, got, want)
	}
}
