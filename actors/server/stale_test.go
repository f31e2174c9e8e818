package server_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"gatehouse/actors/server"
	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// late opens a session for each run once the test says so, though the run may
// be over by then.
func late(open map[uint64]chan struct{}, made chan<- *testkit.Session) server.Opener {
	return func(_ context.Context, _ messages.ServerPlan, run uint64, _ server.Hooks) (endpoint.Session, error) {
		<-open[run]
		s := testkit.NewSession(int(run)*100, testkit.Hangs)
		made <- s
		return s, nil
	}
}

func TestStale_sessionOfARunThatIsOver_isNotUsed(t *testing.T) {
	var open map[uint64]chan struct{}
	var made chan *testkit.Session
	inRig(t, func() script {
		open, made = map[uint64]chan struct{}{1: make(chan struct{}), 2: make(chan struct{})}, make(chan *testkit.Session, 2)
		return script{open: late(open, made)}
	}, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerStarting](t, r.events)
		synctest.Wait() // a start given up before its turn would open nothing
		r.Send(r.parent, restart{})
		testkit.Expect[messages.ServerStarting](t, r.events)
		close(open[1])
		synctest.Wait()
		if st := r.cell.Status(); st.State != endpoint.Starting || st.Run != 2 || st.Session != nil {
			t.Errorf("when the first run's session came late: got %s in run %d with process %d; want %s in run 2, for the second run has not opened one",
				st.State, st.Run, st.PID, endpoint.Starting)
		}
		if old := <-made; !errors.Is(old.Err(), endpoint.ErrStopped) {
			t.Errorf("the late session ended with %v, want %v", old.Err(), endpoint.ErrStopped)
		}
		close(open[2])
		if e := testkit.Expect[messages.ServerReady](t, r.events); e.Run != 2 || e.PID != 200 {
			t.Errorf("got run %d with process %d, want run 2 with process 200", e.Run, e.PID)
		}
	})
}

func TestStale_failureOfARunThatIsOver_isNotCounted(t *testing.T) {
	var fail chan struct{}
	inRig(t, func() script {
		fail = make(chan struct{})
		return script{open: func(ctx context.Context, _ messages.ServerPlan, run uint64, _ server.Hooks) (endpoint.Session, error) {
			if run == 1 {
				<-fail
				return nil, exit(endpoint.Handshake, "exit status 1")
			}
			return never(ctx, messages.ServerPlan{}, run, server.Hooks{})
		}}
	}, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerStarting](t, r.events)
		synctest.Wait() // a start given up before its turn would open nothing
		r.Send(r.parent, restart{})
		testkit.Expect[messages.ServerStarting](t, r.events)
		close(fail)
		synctest.Wait()
		testkit.ExpectNone(t, r.failures)
		if st := r.cell.Status(); st.State != endpoint.Starting || st.Run != 2 {
			t.Errorf("got %s in run %d, want %s in run 2", st.State, st.Run, endpoint.Starting)
		}
	})
}
