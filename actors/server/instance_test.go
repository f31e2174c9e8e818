package server_test

import (
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/redact"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// An instance that nobody calls tells its supervisor, which ends it: its place is
// another's to have.
func TestIdle_anInstance_isNotKept(t *testing.T) {
	sessions := make(chan *testkit.Session, 10)
	ends := make(chan messages.EndInstance, 10)
	inRig(t, func() script {
		s := sleepy(time.Minute, sessions)()
		change := s.change
		s.change = func(p *messages.ServerPlan) {
			change(p)
			entry := endpoint.NewCell("files", endpoint.Identity{}, endpoint.Status{State: endpoint.Idle})
			entry.Split(func(string) *redact.Redactor { return redact.New(nil) })
			cell, _, err := entry.Instances().Obtain(endpoint.Whose{Agent: "a"}, "", nil, 1, endpoint.Status{State: endpoint.Idle})
			if err != nil {
				t.Fatal(err)
			}
			p.Cell, p.Instance = cell, cell.Instance().Label
		}
		s.ends = ends
		return s
	}, func(t *testing.T, r *rig) {
		if e := testkit.Expect[messages.ServerReady](t, r.events); e.Server != "files[a]" {
			t.Errorf("%q is ready, want files[a]", e.Server)
		}
		cell := r.plan.Load().Cell
		if names := cell.Instance().Of.Catalog().Names(); len(names) != 2 {
			t.Errorf("the entry shows %q, want what its instance lists", names)
		}
		r.Sleep(2 * time.Minute)
		select {
		case e := <-ends:
			if e.Cell != cell || e.Name != "files" {
				t.Errorf("the supervisor is told of the end of %+v, want that of the instance of files", e)
			}
		default:
			t.Error("the supervisor is told nothing, want the end of the instance")
		}
	})
}
