package server_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/actors/server"
	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// letsInAfter refuses the credentials that many times, and then lets in.
func letsInAfter(refusals int32, asked *atomic.Int32) server.Opener {
	return func(context.Context, messages.ServerPlan, uint64, server.Hooks) (endpoint.Session, error) {
		time.Sleep(10 * time.Millisecond)
		if asked.Add(1) <= refusals {
			return nil, exit(endpoint.Unauthorized, "HTTP status 401")
		}
		return testkit.NewSession(0, testkit.Hangs), nil
	}
}

func TestServer_needsAuth_isTriedAgainByItself(t *testing.T) {
	var asked atomic.Int32
	inRig(t, just(letsInAfter(3, &asked)), func(t *testing.T, r *rig) {
		pace := r.plan.Load().Entry.Settings.Restart.Max
		for i := range 3 {
			e := testkit.Expect[messages.ServerNeedsAuth](t, r.events)
			if want := (messages.ServerNeedsAuth{Server: "files", Run: uint64(i) + 1, Reason: "HTTP status 401", Again: i > 0}); e != want {
				t.Errorf("got %+v, want %+v", e, want)
			}
			if st := r.cell.Status(); st.State != endpoint.NeedsAuth || !st.RetryAt.Equal(time.Now().Add(pace)) {
				t.Errorf("got %s until %v, want %s and a try in %v", st.State, st.RetryAt, endpoint.NeedsAuth, pace)
			}
			r.Sleep(pace - time.Nanosecond)
			if got := int(asked.Load()); got != i+1 {
				t.Errorf("got %d tries before the pace is over, want %d", got, i+1)
			}
			r.Sleep(time.Nanosecond)
		}
		testkit.Expect[messages.ServerReady](t, r.events)
		testkit.ExpectNone(t, r.failures)
	})
}

func TestServer_needsAuth_isTriedOnceForAnyNumberOfCalls(t *testing.T) {
	var asked atomic.Int32
	silent := func(p *messages.ServerPlan) { p.Entry.Settings.PingInterval = 0 }
	inRig(t, func() script { return script{open: letsInAfter(2, &asked), change: silent} }, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerNeedsAuth](t, r.events)
		call := func() {
			for range 100 {
				r.Send(r.pid, messages.StartServer{})
			}
			synctest.Wait()
		}
		call()
		if got := asked.Load(); got != 1 {
			t.Errorf("got %d tries right after the refusal, want 1", got)
		}
		r.Sleep(time.Second + 5*time.Millisecond) // The pause is over, and the try under way.
		call()
		testkit.Expect[messages.ServerNeedsAuth](t, r.events)
		if got := asked.Load(); got != 2 {
			t.Errorf("got %d tries for a hundred calls, want 2", got)
		}
		r.Sleep(5 * time.Second)
		r.Send(r.pid, messages.StartServer{})
		testkit.Expect[messages.ServerReady](t, r.events)
		r.Sleep(time.Hour)
		if got := asked.Load(); got != 3 {
			t.Errorf("got %d tries, want 3: a server that is ready is not tried", got)
		}
	})
}

func TestServer_needsAuth_ofALazyServer_isTriedByCallsAlone(t *testing.T) {
	var asked atomic.Int32
	lazy := func(p *messages.ServerPlan) { p.Lazy = true }
	inRig(t, func() script { return script{open: letsInAfter(1, &asked), change: lazy} }, func(t *testing.T, r *rig) {
		r.Send(r.pid, messages.StartServer{})
		testkit.Expect[messages.ServerNeedsAuth](t, r.events)
		r.Sleep(time.Hour)
		if got, st := asked.Load(), r.cell.Status(); got != 1 || st.State != endpoint.NeedsAuth {
			t.Errorf("got %d tries, and %s after an hour, want 1 and %s", got, st.State, endpoint.NeedsAuth)
		}
		r.Send(r.pid, messages.StartServer{})
		testkit.Expect[messages.ServerReady](t, r.events)
	})
}
