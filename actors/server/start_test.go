package server_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/actors/server"
	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

func TestServer_eager_startsAndBecomesReady(t *testing.T) {
	var session *testkit.Session
	open := func(context.Context, messages.ServerPlan, uint64, server.Hooks) (endpoint.Session, error) {
		time.Sleep(2 * time.Second)
		session = testkit.NewSession(42, testkit.Hangs)
		return session, nil
	}
	inRig(t, just(open), func(t *testing.T, r *rig) {
		if e := testkit.Expect[messages.ServerStarting](t, r.events); e != (messages.ServerStarting{Server: "files", Generation: 3, Run: 1}) {
			t.Errorf("got %+v, want the first run of files, generation 3", e)
		}
		synctest.Wait()
		if st := r.cell.Status(); st.State != endpoint.Starting || st.Run != 1 {
			t.Errorf("while it starts: got status %+v, want starting in run 1", st)
		}
		want := messages.ServerReady{Server: "files", Run: 1, PID: 42, Tools: 2, Elapsed: 2 * time.Second}
		if e := testkit.Expect[messages.ServerReady](t, r.events); e != want {
			t.Errorf("got %+v, want %+v", e, want)
		}
		st := r.cell.Status()
		if st.State != endpoint.Ready || st.Session != session || st.PID != 42 || st.Run != 1 || !st.Since.Equal(time.Now()) {
			t.Errorf("got status %+v, want ready in run 1 from now on, with the session and pid 42", st)
		}
		catalog := r.cell.Catalog()
		if !catalog.Known || !slices.Equal(names(catalog), []string{"read", "write"}) || catalog.Info.Name != "fake" {
			t.Errorf("got catalog %+v, want read and write of the server fake", catalog)
		}
	})
}

// Whoever sees Ready sees the tools, too.
func TestServer_toolsAreThereBeforeReady(t *testing.T) {
	for range 10 {
		inRig(t, ready, func(t *testing.T, r *rig) {
			for r.cell.Status().State != endpoint.Ready {
				runtime.Gosched()
			}
			if !r.cell.Catalog().Known {
				t.Error("ready without tools")
			}
		})
	}
}

func TestServer_crash_isShownToCallersAndThenASupervisedFailure(t *testing.T) {
	sessions := make(chan *testkit.Session, 10)
	inRig(t, just(opener(sessions)), func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		first := <-sessions
		r.Sleep(7 * time.Second)
		first.Close(exit(endpoint.Serving, "exit status 3"))

		got := testkit.Expect[failure](t, r.failures)
		e, ok := got.reason.(*endpoint.Exit)
		if !ok {
			t.Fatalf("it failed with %T, want *endpoint.Exit", got.reason)
		}
		if e.Server != "files" || e.Run != 1 || e.Phase != endpoint.Serving || e.Reason != "exit status 3" ||
			e.ReadyFor != 7*time.Second || !slices.Equal(e.Stderr, []string{"last words"}) || e.At.IsZero() {
			t.Errorf("got exit %+v, want files in run 1, serving for 7 s, then exit status 3 with its last words and the time", e)
		}
		if got.status.State != endpoint.BackingOff || got.status.Session != nil || got.status.Reason != "exit status 3" {
			t.Errorf("when the supervisor heard of it the status was %+v, want backing off without a session, because of exit status 3", got.status)
		}
		if crashed := testkit.Expect[messages.ServerCrashed](t, r.events); crashed.Exit != e {
			t.Errorf("got event %+v, want that of the actor's failure", crashed)
		}
		if again := testkit.Expect[messages.ServerReady](t, r.events); again.Run != 2 || again.PID != 200 {
			t.Errorf("after the restart: got %+v, want run 2", again)
		}
		if r.cell.Status().Session != <-sessions {
			t.Error("callers are not given the new session")
		}
	})
}

func TestServer_startThatFails_isASupervisedFailure(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		phase  endpoint.Phase
		reason string
	}{
		{"an exit keeps its phase", exit(endpoint.CannotStart, "not found"), endpoint.CannotStart, "not found"},
		{"any other error is the handshake's, without secrets", errors.New("no s3cr3t-value"), endpoint.Handshake, "no [redacted TOKEN]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inRig(t, func() script { return script{open: refuses(c.err), stays: true} }, func(t *testing.T, r *rig) {
				got := testkit.Expect[failure](t, r.failures)
				e, ok := got.reason.(*endpoint.Exit)
				if !ok || e.Phase != c.phase || e.Reason != c.reason || e.Run != 1 || e.Server != "files" || e.ReadyFor != 0 || e.At.IsZero() {
					t.Errorf("got %+v, want phase %s of run 1 of files, because of %q, never ready", got.reason, c.phase, c.reason)
				}
			})
		})
	}
}

func TestServer_startupTimeout_isNamedAndLeavesNothingOpen(t *testing.T) {
	var opened *testkit.Session
	hangsInList := func(ctx context.Context, s endpoint.Session) ([]endpoint.Tool, error) {
		_, err := s.Call(ctx, endpoint.Request{Method: "tools/list"})
		return nil, err
	}
	for _, c := range []struct {
		name   string
		script func() script
		opens  bool
		want   string
	}{
		{"while it is opened", func() script { return script{open: never, stays: true, change: startupTimeout(5 * time.Second)} }, false, "not ready within startup_timeout_ms (5000)"},
		{"while it lists its tools", func() script {
			opened = testkit.NewSession(1, testkit.Hangs)
			return script{open: opens(opened), list: hangsInList, stays: true, change: startupTimeout(5 * time.Second)}
		}, true, "not ready within startup_timeout_ms (5000): it has not answered tools/list"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inRig(t, c.script, func(t *testing.T, r *rig) {
				begun := time.Now()
				got := testkit.Expect[failure](t, r.failures)
				e, ok := got.reason.(*endpoint.Exit)
				if !ok || e.Phase != endpoint.Handshake || e.Reason != c.want {
					t.Errorf("got %+v, want a handshake that ended as %q", got.reason, c.want)
				}
				if d := time.Since(begun); d != 5*time.Second {
					t.Errorf("it failed after %v, want 5 s", d)
				}
				synctest.Wait()
				if c.opens && opened.Err() == nil {
					t.Error("the session was left open")
				}
			})
		})
	}
}

func startupTimeout(d time.Duration) func(*messages.ServerPlan) {
	return func(p *messages.ServerPlan) { p.Entry.Settings.StartupTimeout = d }
}

func TestServer_settingsOfThePlan_countFromTheNextRun(t *testing.T) {
	inRig(t, func() script { return script{open: never, change: startupTimeout(20 * time.Second)} }, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerStarting](t, r.events)
		plan := *r.plan.Load()
		plan.Entry.Settings.StartupTimeout = time.Second
		r.plan.Store(&plan)
		testkit.Expect[failure](t, r.failures) // Of the first run, 20 s later.
		begun := time.Now()
		testkit.Expect[failure](t, r.failures)
		if d := time.Since(begun); d != time.Second {
			t.Errorf("the second run had %v to start, want 1 s", d)
		}
	})
}

func TestServer_stopped_leavesNothingOpen(t *testing.T) {
	for _, c := range []struct {
		name  string
		make  func(s *testkit.Session) script
		opens bool
	}{
		{"while it waits for its turn", func(s *testkit.Session) script { return script{open: opens(s), slot: func(func()) {}} }, false},
		{"while it is being opened", func(*testkit.Session) script { return script{open: never} }, false},
		{"while it is being opened by one that notices late", func(s *testkit.Session) script {
			return script{open: func(ctx context.Context, _ messages.ServerPlan, _ uint64, _ server.Hooks) (endpoint.Session, error) {
				<-ctx.Done()
				return s, nil
			}}
		}, true},
		{"while it lists its tools", func(s *testkit.Session) script {
			return script{open: opens(s), list: func(ctx context.Context, _ endpoint.Session) ([]endpoint.Tool, error) {
				<-ctx.Done()
				return nil, context.Cause(ctx)
			}}
		}, true},
		{"when it is ready", func(s *testkit.Session) script { return script{open: opens(s)} }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s *testkit.Session
			inRig(t, func() script {
				s = testkit.NewSession(1, testkit.Hangs)
				return c.make(s)
			}, func(t *testing.T, r *rig) {
				testkit.Expect[messages.ServerStarting](t, r.events)
				synctest.Wait()
				stopAndWait(t, r) // Or never: the run's goroutine waits for the session's end.
				if c.opens && !errors.Is(s.Err(), endpoint.ErrStopped) {
					t.Errorf("the session ended with %v, want ErrStopped", s.Err())
				}
				testkit.ExpectNone(t, r.failures)
			})
		})
	}
}

// A stop may hit any moment of a start.
func TestServer_stoppedAtAnyMoment_leavesNothingOpen(t *testing.T) {
	for i := range 25 {
		var s *testkit.Session
		open := func(context.Context, messages.ServerPlan, uint64, server.Hooks) (endpoint.Session, error) {
			s = testkit.NewSession(1, testkit.Hangs)
			return s, nil
		}
		inRig(t, just(open), func(t *testing.T, r *rig) {
			for range i {
				runtime.Gosched()
			}
			stopAndWait(t, r)
			if s != nil && s.Err() == nil {
				t.Errorf("after %d yields the session was left open, want it closed", i)
			}
		})
	}
}

func TestServer_needsAuth_isNoCrash(t *testing.T) {
	refused := exit(endpoint.Unauthorized, "HTTP status 401; put valid credentials into the entry's headers")
	t.Run("at the start", func(t *testing.T) {
		inRig(t, just(refuses(refused)), func(t *testing.T, r *rig) {
			if e := testkit.Expect[messages.ServerNeedsAuth](t, r.events); e != (messages.ServerNeedsAuth{Server: "files", Run: 1, Reason: refused.Reason}) {
				t.Errorf("got %+v, want run 1 of files, because of %q", e, refused.Reason)
			}
			r.Sleep(time.Hour)
			testkit.ExpectNone(t, r.failures)
			if st := r.cell.Status(); st.State != endpoint.NeedsAuth || st.Reason != refused.Reason {
				t.Errorf("got status %+v, want needs auth because of %q", st, refused.Reason)
			}
		})
	})
	t.Run("while serving", func(t *testing.T) {
		sessions := make(chan *testkit.Session, 1)
		inRig(t, just(opener(sessions)), func(t *testing.T, r *rig) {
			testkit.Expect[messages.ServerReady](t, r.events)
			(<-sessions).Close(refused)
			testkit.Expect[messages.ServerNeedsAuth](t, r.events)
			testkit.ExpectNone(t, r.failures)
			if st := r.cell.Status(); st.State != endpoint.NeedsAuth || st.Session != nil {
				t.Errorf("got status %+v, want needs auth and no session", st)
			}
		})
	})
}

func TestServer_lazy_startsWhenItIsTold(t *testing.T) {
	sessions := make(chan *testkit.Session, 10)
	lazy := func(p *messages.ServerPlan) { p.Lazy = true }
	inRig(t, func() script { return script{open: opener(sessions), change: lazy} }, func(t *testing.T, r *rig) {
		testkit.ExpectNone(t, r.events)
		if st := r.cell.Status(); st.State != endpoint.Idle || len(sessions) != 0 {
			t.Errorf("got status %+v and %d runs, want idle and none", st, len(sessions))
		}
		for range 3 {
			r.Send(r.pid, messages.StartServer{})
		}
		testkit.Expect[messages.ServerReady](t, r.events)
		synctest.Wait()
		if len(sessions) != 1 {
			t.Fatalf("got %d runs, want 1", len(sessions))
		}
		(<-sessions).Close(exit(endpoint.Serving, "exit status 1"))
		testkit.Expect[failure](t, r.failures)
		synctest.Wait()
		if st := r.cell.Status(); st.State != endpoint.Idle || st.Run != 1 {
			t.Errorf("after the crash of run 1: got %+v, want idle", st)
		}
		r.Send(r.pid, messages.StartServer{})
		if e := testkit.Expect[messages.ServerReady](t, r.events); e.Run != 2 {
			t.Errorf("got %+v, want run 2", e)
		}
	})
}
