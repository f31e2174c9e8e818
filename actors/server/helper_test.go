package server_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/actors/server"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/redact"
	"gatehouse/internal/serversfile"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// rig is one server actor in a bubble, with a script for a server and a
// parent that answers its failures.
type rig struct {
	*testkit.World
	pid      *actor.PID
	parent   *actor.PID
	cell     *endpoint.Cell
	events   *testkit.Events
	failures *testkit.Probe
	reapers  *sync.WaitGroup
	plan     atomic.Pointer[messages.ServerPlan]
}

// script is what the server does; nil fields do the obvious.
type script struct {
	open server.Opener
	list func(ctx context.Context, s endpoint.Session) ([]endpoint.Tool, error)
	read func(ctx context.Context, s endpoint.Session, list endpoint.List) ([]endpoint.Tool, int64, error)
	// slot is taken before the start if it is not nil, by a limit of one.
	slot func(release func())
	// change changes the plan before the start.
	change func(*messages.ServerPlan)
	// ends hears what the parent is told of instances that nobody needs; nil does not.
	ends chan<- messages.EndInstance
	// stays leaves a failed actor stopped; else it is restarted at once.
	stays bool
}

// failure is what the parent saw of one: the reason, and the cell's status at
// that moment.
type failure struct {
	reason any
	status *endpoint.Status
}

// restart tells the parent to restart the actor, as after a bug in it.
type restart struct{}

// inRig runs f with the actor of a server that is named files. The script is
// made inside the bubble, and so are the sessions in it.
func inRig(t *testing.T, write func() script, f func(t *testing.T, r *rig)) {
	t.Helper()
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		s := write()
		r := &rig{World: w, events: w.Events(), failures: w.Probe(), reapers: &sync.WaitGroup{}}
		r.cell = endpoint.NewCell("files", endpoint.Identity{Spec: "print"}, endpoint.Status{State: endpoint.Starting})
		plan := messages.ServerPlan{
			Generation: 3,
			Entry:      serversfile.Entry{Name: "files", Settings: serversfile.DefaultSettings()},
			Cell:       r.cell,
			Redact:     redact.New([]redact.Secret{{Name: "TOKEN", Value: "s3cr3t-value"}}),
		}
		if s.change != nil {
			s.change(&plan)
		}
		r.plan.Store(&plan)
		r.start(s)
		f(t, r)
		if r.pid != nil {
			stopAndWait(t, r)
		}
	})
}

// keptFor is for how many milliseconds the servers let their tools be kept.
const keptFor = 900

func (r *rig) start(s script) {
	deps := server.Deps{Open: s.open, Read: s.read, Starts: server.NewStarts(1), Reapers: r.reapers, Log: r.Logs.Logger()}
	list := s.list
	if list == nil {
		list = lists("read", "write")
	}
	deps.List = func(ctx context.Context, s endpoint.Session) ([]endpoint.Tool, int64, error) {
		tools, err := list(ctx, s)
		return tools, keptFor, err
	}
	if s.slot != nil {
		turn, _ := deps.Starts.Acquire(context.Background(), nil) // It is free.
		s.slot(turn.End)
	}
	props := server.Props(deps, func() messages.ServerPlan { return *r.plan.Load() })
	directive := actor.RestartDirective
	if s.stays {
		directive = actor.StopDirective
	}
	parent := actor.NewOneForOneStrategy(1000, time.Hour, func(reason any) actor.Directive {
		r.Send(r.failures.PID, failure{reason, r.cell.Status()})
		return directive
	})
	spawned := make(chan *actor.PID, 1)
	r.parent = r.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case messages.EndInstance:
			if s.ends != nil {
				s.ends <- m
			}
		case *actor.Started:
			spawned <- c.Spawn(props)
		case restart:
			c.(actor.Supervisor).RestartChildren(r.pid)
		}
	}, actor.WithSupervisor(parent)))
	r.pid = <-spawned
}

// stopAndWait stops the actor and waits until its runs have ended: what it
// opened is closed then, or this never returns.
func stopAndWait(t *testing.T, r *rig) {
	t.Helper()
	if err := r.System.Root.StopFuture(r.pid).Wait(); err != nil {
		t.Fatal(err)
	}
	r.reapers.Wait()
	r.pid = nil
}

// just is a script of which only the opener matters.
func just(open server.Opener) func() script { return func() script { return script{open: open} } }

// ready is a server that opens a session and answers no call.
func ready() script { return script{open: opens(testkit.NewSession(1, testkit.Hangs))} }

// opens opens the session.
func opens(s endpoint.Session) server.Opener {
	return func(context.Context, messages.ServerPlan, uint64, server.Hooks) (endpoint.Session, error) {
		return s, nil
	}
}

// opener opens a fresh session for each run, which it hands to the test.
func opener(sessions chan<- *testkit.Session) server.Opener {
	return func(_ context.Context, _ messages.ServerPlan, run uint64, _ server.Hooks) (endpoint.Session, error) {
		s := testkit.NewSession(int(run)*100, testkit.Hangs)
		sessions <- s
		return s, nil
	}
}

// refuses fails each run with the error.
func refuses(err error) server.Opener {
	return func(context.Context, messages.ServerPlan, uint64, server.Hooks) (endpoint.Session, error) {
		return nil, err
	}
}

// never opens nothing until it is told to stop.
func never(ctx context.Context, _ messages.ServerPlan, _ uint64, _ server.Hooks) (endpoint.Session, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// lists returns tools of these names.
func lists(names ...string) func(context.Context, endpoint.Session) ([]endpoint.Tool, error) {
	var tools []endpoint.Tool
	for _, name := range names {
		tools = append(tools, endpoint.Tool{Name: name, Raw: []byte(`{"name":"` + name + `"}`)})
	}
	return func(context.Context, endpoint.Session) ([]endpoint.Tool, error) { return tools, nil }
}

func names(c *endpoint.Catalog) []string {
	var all []string
	for _, tool := range c.Tools {
		all = append(all, tool.Name)
	}
	return all
}

var errNoList = errors.New("the server said no to s3cr3t-value")

func exit(phase endpoint.Phase, reason string) *endpoint.Exit {
	return &endpoint.Exit{Phase: phase, Reason: reason, Stderr: []string{"last words"}}
}
