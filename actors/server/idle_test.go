package server_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/actors/server"
	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// sleepy is a script of a server that sleeps when it was not called for
// after.
func sleepy(after time.Duration, sessions chan<- *testkit.Session) func() script {
	return func() script {
		return script{open: opener(sessions), change: func(p *messages.ServerPlan) {
			p.Entry.Settings.IdleStop, p.Entry.Settings.PingInterval = after, 0
		}}
	}
}

func wantState(t *testing.T, r *rig, want endpoint.State) {
	t.Helper()
	if st := r.cell.Status(); st.State != want {
		t.Errorf("the state is %q, want %q", st.State, want)
	}
}

func TestIdle_uncalledServer_sleepsAndWakes(t *testing.T) {
	sessions := make(chan *testkit.Session, 10)
	inRig(t, sleepy(time.Minute, sessions), func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		first := <-sessions
		r.Sleep(time.Minute - time.Second)
		wantState(t, r, endpoint.Ready)
		r.Sleep(time.Minute / 2)
		wantState(t, r, endpoint.Idle)
		if first.Err() == nil {
			t.Error("its session is still open")
		}
		if e := testkit.Expect[messages.ServerSleeping](t, r.events); e.Server != "files" || e.Run != 1 || e.After != time.Minute {
			t.Errorf("got %+v, want files in run 1 after a minute", e)
		}
		if !r.cell.Catalog().Known || len(r.cell.Catalog().Tools) != 2 {
			t.Error("its tools are not listed while it sleeps")
		}
		r.Sleep(time.Hour)
		wantState(t, r, endpoint.Idle)
		r.Send(r.pid, messages.StartServer{})
		if e := testkit.Expect[messages.ServerReady](t, r.events); e.Run != 2 {
			t.Errorf("it woke in run %d, want 2", e.Run)
		}
		r.Sleep(2 * time.Minute)
		wantState(t, r, endpoint.Idle)
		testkit.ExpectNone(t, r.failures)
	})
}

func TestIdle_everyCallPutsItOff(t *testing.T) {
	sessions := make(chan *testkit.Session, 10)
	inRig(t, sleepy(time.Minute, sessions), func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		s := <-sessions
		for range 100 {
			<-call(r, s, time.Second)
			r.Sleep(40 * time.Second)
			wantState(t, r, endpoint.Ready)
		}
		long := call(r, s, time.Hour)
		r.Sleep(time.Hour - time.Second)
		wantState(t, r, endpoint.Ready)
		<-long
		r.Sleep(30 * time.Second)
		wantState(t, r, endpoint.Ready)
		r.Sleep(time.Minute)
		wantState(t, r, endpoint.Idle)
	})
}

// A server that works on a task is not idle, though nobody calls it.
func TestIdle_aTaskPutsItOff(t *testing.T) {
	sessions := make(chan *testkit.Session, 10)
	inRig(t, sleepy(time.Minute, sessions), func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		r.cell.Promise(1)
		r.Sleep(time.Hour)
		wantState(t, r, endpoint.Ready)
		r.cell.Promise(-1)
		r.Sleep(2 * time.Minute)
		wantState(t, r, endpoint.Idle)
	})
}

func TestIdle_changedSettings_areInForceAtOnce(t *testing.T) {
	sessions := make(chan *testkit.Session, 10)
	inRig(t, sleepy(0, sessions), func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		r.Sleep(time.Hour)
		wantState(t, r, endpoint.Ready)
		plan := *r.plan.Load()
		plan.Entry.Settings.IdleStop = time.Second
		r.plan.Store(&plan)
		r.Send(r.pid, messages.SettingsChanged{})
		r.Sleep(2 * time.Second)
		wantState(t, r, endpoint.Idle)
	})
}

// slowEnd is a session that takes its time to end.
type slowEnd struct {
	*testkit.Session

	gone chan struct{}
}

func (s slowEnd) Done() <-chan struct{} { return s.gone }

func TestIdle_wakingWhileItsProcessStillEnds_waitsForTheEnd(t *testing.T) {
	var open atomic.Int64
	opens := func(context.Context, messages.ServerPlan, uint64, server.Hooks) (endpoint.Session, error) {
		if open.Add(1) > 1 {
			t.Error("two processes of one server")
		}
		s := slowEnd{testkit.NewSession(1, testkit.Hangs), make(chan struct{})}
		go func() {
			<-s.Session.Done()
			time.Sleep(time.Second)
			open.Add(-1)
			close(s.gone)
		}()
		return s, nil
	}
	inRig(t, func() script {
		return script{open: opens, change: func(p *messages.ServerPlan) {
			p.Entry.Settings.IdleStop, p.Entry.Settings.PingInterval = 10*time.Second, 0
		}}
	}, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		testkit.Expect[messages.ServerSleeping](t, r.events)
		r.Send(r.pid, messages.StartServer{})
		synctest.Wait()
		wantState(t, r, endpoint.Idle)
		if e := testkit.Expect[messages.ServerReady](t, r.events); e.Run != 2 {
			t.Errorf("it woke in run %d, want 2", e.Run)
		}
		testkit.ExpectNone(t, r.failures)
	})
}

// TestIdle_callsAtTheMomentOfIdleStop_areNeverLost plays the gateway: a call
// is counted in, looks for the session, and where there is none it wakes the
// server and waits. Every call must get an answer from a session that was not
// being closed.
//
// It runs without the race detector, in a step of its own of "make test": with
// it, the many timers of its bubbles can crash the Go runtime
// (golang/go#78156).
func TestIdle_callsAtTheMomentOfIdleStop_areNeverLost(t *testing.T) {
	if raceDetector {
		t.Skip("skipped under the race detector, which crashes on the timers of large synctest bubbles (golang/go#78156); make test runs it without")
	}
	const bubbles, callers, calls = 25, 8, 100
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var runs atomic.Int64
	for n := range uint64(bubbles) {
		callAroundIdleStops(t, &runs, rand.New(rand.NewPCG(seed, n)), callers, calls)
	}
	if runs.Load() < 10*bubbles {
		t.Errorf("only %d runs: this proves little", runs.Load())
	}
	t.Logf("%d calls, %d runs", bubbles*callers*calls, runs.Load())
}

// callAroundIdleStops has callers make calls each, in a bubble of its own.
func callAroundIdleStops(t *testing.T, runs *atomic.Int64, rnd *rand.Rand, callers, calls int) {
	t.Helper()
	const beat = 12 * time.Millisecond
	echo := func(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
		select {
		case <-time.After(time.Duration(len(req.Params)) * time.Millisecond):
			return endpoint.Response{Result: []byte("{}")}, nil
		case <-ctx.Done():
			return endpoint.Response{}, context.Cause(ctx)
		}
	}
	open := func(context.Context, messages.ServerPlan, uint64, server.Hooks) (endpoint.Session, error) {
		runs.Add(1)
		return testkit.NewSession(1, echo), nil
	}
	inRig(t, func() script {
		return script{open: open, change: func(p *messages.ServerPlan) { p.Entry.Settings.IdleStop = 8 * time.Millisecond }}
	}, func(t *testing.T, r *rig) {
		var crowd sync.WaitGroup
		for range callers {
			own := rand.New(rand.NewPCG(rnd.Uint64(), 0))
			crowd.Go(func() {
				for range calls {
					if err := callThrough(r, make([]byte, own.IntN(3))); err != nil {
						t.Errorf("a call was lost: %v", err)
					}
					// A common beat, so that there are pauses of about idle_stop_ms.
					next := time.Now().Truncate(beat).Add(beat)
					time.Sleep(time.Until(next) + time.Duration(own.IntN(4))*time.Millisecond)
				}
			})
		}
		crowd.Wait()
		testkit.ExpectNone(t, r.failures)
	})
}

// callThrough makes a call as the gateway does.
func callThrough(r *rig, params []byte) error {
	for {
		st := r.cell.Status()
		if st.State == endpoint.Ready {
			r.cell.Acquire(1000)
			if st = r.cell.Status(); st.State == endpoint.Ready {
				_, err := st.Session.Call(context.Background(), endpoint.Request{Method: "tools/call", Params: params})
				r.cell.Release()
				return err
			}
			r.cell.Release()
		}
		if st.State == endpoint.Idle {
			r.Send(r.pid, messages.StartServer{})
		}
		<-st.Replaced()
	}
}
