package remote_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/actors/remote"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/internal/redact"
	"gatehouse/internal/serversfile"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// rig is one stand-in in a bubble, with an owner that a test plays.
type rig struct {
	*testkit.World
	pid  *actor.PID
	plan messages.ServerPlan

	mu       sync.Mutex
	refuses  error // why no session can be opened
	opened   []messages.OwnedThere
	sessions []*testkit.Session
	lists    int           // how often tools were listed
	unlisted error         // why they cannot be
	slow     time.Duration // how long that takes
}

func inRig(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		r := &rig{World: w, plan: messages.ServerPlan{
			Entry:  serversfile.Entry{Name: "files", Settings: serversfile.DefaultSettings()},
			Cell:   endpoint.NewCell("files", endpoint.Identity{Spec: "print"}, endpoint.Status{State: endpoint.Starting}),
			Redact: redact.New([]redact.Secret{{Name: "TOKEN", Value: "s3cr3t-value"}}),
		}}
		r.pid = w.Spawn(remote.Props(remote.Deps{Open: r.open, List: r.list, Log: w.Logs.Logger()}, func() messages.ServerPlan { return r.plan }))
		f(t, r)
	})
}

func (r *rig) open(_ context.Context, _ messages.ServerPlan, there messages.OwnedThere) (endpoint.Session, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened = append(r.opened, there)
	if r.refuses != nil {
		return nil, r.refuses
	}
	s := testkit.NewSession(0, testkit.Hangs)
	r.sessions = append(r.sessions, s)
	return s, nil
}

func (r *rig) list(context.Context, endpoint.Session) ([]endpoint.Tool, int64, error) {
	r.mu.Lock()
	slow := r.slow
	r.mu.Unlock()
	if slow > 0 {
		time.Sleep(slow)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists++
	if r.unlisted != nil {
		return nil, 0, r.unlisted
	}
	return []endpoint.Tool{{Name: "read"}}, 0, nil
}

// refuse has no session be opened from now on, for that reason; nil has it.
func (r *rig) refuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuses = err
}

// session is the one that was opened last.
func (r *rig) session() *testkit.Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessions[len(r.sessions)-1]
}

func (r *rig) counts() (opened, lists int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.opened), r.lists
}

// says has the fleet say what the owner n2 says.
func (r *rig) says(epoch int64, record fleet.Record) {
	r.Send(r.pid, messages.OwnedThere{Key: "files", Cell: r.plan.Cell, Owner: fleet.Owner{Node: "n2", Epoch: epoch}, Record: record})
	r.Sleep(0)
}

func (r *rig) wants(t *testing.T, state endpoint.State) *endpoint.Status {
	t.Helper()
	st := r.plan.Cell.Status()
	if st.State != state || st.Node != "n2" {
		t.Errorf("got %s at %q, want %s at n2", st.State, st.Node, state)
	}
	return st
}

var ready = fleet.Record{State: endpoint.Ready, Run: 4, Restarts: 2, Opened: 3, Catalog: "a"}

func TestStandIn_ready_isReachedThroughASession(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.says(7, ready)
		st := r.wants(t, endpoint.Ready)
		if st.Session == nil || st.Run != 4 || st.Restarts != 2 || st.Opened != 3 {
			t.Errorf("got %+v, want a session, run 4, 2 restarts and 3 runs that were ready", *st)
		}
		if names := r.plan.Cell.Catalog().Names(); len(names) != 1 || names[0] != "read" {
			t.Errorf("got tools %q, want read", names)
		}
	})
}

func TestStandIn_showsWhatTheOwnerSays(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		due := time.Now().Add(time.Hour)
		for _, from := range endpoint.States()[:6] {
			for _, to := range endpoint.States()[:6] {
				r.says(7, fleet.Record{State: from, Run: 1})
				r.wants(t, from)
				r.says(7, fleet.Record{State: to, Run: 2, Reason: "exit status 3", RetryAt: due})
				st := r.wants(t, to)
				if st.Run != 2 || to != endpoint.Ready && (st.Reason != "exit status 3" || !st.RetryAt.Equal(due) || st.Session != nil) {
					t.Errorf("%s after %s: got %+v, want run 2, its reason and time, and no session", to, from, *st)
				}
				r.plan.Cell = endpoint.NewCell("files", endpoint.Identity{}, endpoint.Status{State: endpoint.Starting})
			}
		}
	})
}

func TestStandIn_listsAgain_onlyWhenTheListHasChanged(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.says(7, ready)
		r.says(7, ready)
		busy := ready
		busy.Busy = true
		r.says(7, busy)
		if opened, lists := r.counts(); opened != 1 || lists != 1 {
			t.Errorf("opened %d sessions and listed %d times, want once each", opened, lists)
		}
		changed := ready
		changed.Catalog = "b"
		r.says(7, changed)
		if opened, lists := r.counts(); opened != 1 || lists != 2 {
			t.Errorf("opened %d sessions and listed %d times, want 1 and 2", opened, lists)
		}
	})
}

func TestStandIn_ownerDrains_callsUnderWayGoOn(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.says(7, ready)
		s := r.session()
		r.says(7, fleet.Record{State: endpoint.Starting, Run: 4})
		r.wants(t, endpoint.Starting)
		if err := s.Err(); err != nil {
			t.Errorf("the session has ended by %v, want it to go on for its calls", err)
		}
	})
}

func TestStandIn_ownerLosesIt_callsUnderWayMayHaveRun(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.says(7, ready)
		s := r.session()
		r.Send(r.pid, messages.OwnedThere{Key: "files", Cell: r.plan.Cell})
		r.Sleep(0)
		if exit, ok := errors.AsType[*endpoint.Exit](s.Err()); !ok || exit.Phase != endpoint.Serving {
			t.Errorf("the session has ended by %v, want an exit while it served", s.Err())
		}
		if st := r.plan.Cell.Status(); st.State != endpoint.Starting || st.Node != "" {
			t.Errorf("got %s at %q, want starting, nowhere", st.State, st.Node)
		}
	})
}

// Its owner may just have had a newer configuration, for example.
func TestStandIn_toolsCannotBeRead_theyAreReadAgain(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.mu.Lock()
		r.unlisted = errors.New("the owner has a newer configuration")
		r.mu.Unlock()
		r.says(7, ready)
		r.Sleep(time.Second)
		if _, lists := r.counts(); lists < 2 || lists > 6 {
			t.Errorf("listed %d times in a second, want it tried again, and more and more seldom", lists)
		}
		r.mu.Lock()
		r.unlisted = nil
		r.mu.Unlock()
		r.Sleep(3 * time.Second)
		if names := r.plan.Cell.Catalog().Names(); len(names) != 1 || names[0] != "read" {
			t.Errorf("got tools %q, want read", names)
		}
		_, before := r.counts()
		r.Sleep(time.Hour)
		if _, lists := r.counts(); lists != before {
			t.Errorf("listed %d times more once they had been read, want none", lists-before)
		}
	})
}

func TestStandIn_connectionLostWhileToolsAreRead_theyAreReadInTheNext(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.says(7, ready)
		first := r.session()
		r.mu.Lock()
		r.slow = time.Minute
		r.mu.Unlock()
		changed := ready
		changed.Catalog = "b"
		r.says(7, changed)
		first.Close(errors.New("the connection failed"))
		r.Sleep(time.Second)
		r.wants(t, endpoint.Starting)
		r.Sleep(2 * time.Minute)
		r.wants(t, endpoint.Ready)
		if _, lists := r.counts(); lists != 3 {
			t.Errorf("listed %d times, want the changed tools read in the next session too", lists)
		}
	})
}

func TestStandIn_sessionFails_isTriedAgainAndNeverRestartsAnything(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.says(7, ready)
		r.refuse(errors.New("cannot reach it with s3cr3t-value"))
		r.session().Close(errors.New("the connection failed"))
		r.Sleep(time.Second)
		if st := r.wants(t, endpoint.Starting); st.Reason == "" || st.Reason == "cannot reach it with s3cr3t-value" {
			t.Errorf("got reason %q, want one without the secret", st.Reason)
		}
		r.refuse(nil)
		r.Sleep(3 * time.Second)
		r.wants(t, endpoint.Ready)
		if opened, _ := r.counts(); opened < 3 || opened > 8 {
			t.Errorf("tried %d times in 4 s, want more and more seldom", opened)
		}
	})
}

func TestStandIn_idle_isWokenAtItsOwner(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.says(7, fleet.Record{State: endpoint.Idle, Run: 4})
		r.refuse(errors.New("it is idle"))
		r.Send(r.pid, messages.StartServer{})
		r.Sleep(0)
		if opened, _ := r.counts(); opened != 1 {
			t.Errorf("asked the owner %d times, want once", opened)
		}
		r.wants(t, endpoint.Idle)
		r.Sleep(time.Hour) // It may not have heard it.
		if opened, _ := r.counts(); opened < 3 || opened > 8 {
			t.Errorf("asked the owner %d times, want some more, and not for ever", opened)
		}
		r.Send(r.pid, messages.StartServer{})
		r.refuse(nil)
		r.Sleep(time.Second)
		r.wants(t, endpoint.Ready)
	})
}

func TestStandIn_stops_withItItsSessions(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.says(7, ready)
		s := r.session()
		if err := r.System.Root.StopFuture(r.pid).Wait(); err != nil {
			t.Fatal(err)
		}
		r.Sleep(0)
		if s.Err() == nil {
			t.Error("the session goes on, want it to end")
		}
	})
}

func TestStandIn_nobodyCanStartIt_saysWhy(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		r.plan.Barred = "TOKEN is not set"
		r.says(5, fleet.Record{State: endpoint.Ready, Run: 3})
		r.Send(r.pid, messages.OwnedThere{Key: "files", Cell: r.plan.Cell, Nobody: true})
		r.Sleep(0)
		if st := r.plan.Cell.Status(); st.State != endpoint.Misconfigured || st.Reason != r.plan.Barred {
			t.Errorf("got %s (%q), want misconfigured with what is missing", st.State, st.Reason)
		}
		r.says(6, fleet.Record{State: endpoint.Ready, Run: 4})
		r.wants(t, endpoint.Ready)
		for i, state := range []endpoint.State{endpoint.Idle, endpoint.BackingOff, endpoint.Quarantined, endpoint.NeedsAuth} {
			r.Send(r.pid, messages.OwnedThere{Key: "files", Cell: r.plan.Cell, Nobody: true})
			r.Sleep(0)
			r.says(int64(7+i), fleet.Record{State: state, Run: 4})
			r.wants(t, state) // As soon as somebody can.
		}
	})
}
