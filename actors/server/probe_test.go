package server_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/actors/server"
	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// pinged is a script of a server with these settings, the sessions of which
// answer as told.
func pinged(interval, timeout time.Duration, answer testkit.Answer, sessions chan<- *testkit.Session) func() script {
	return func() script {
		return script{
			open: func(_ context.Context, _ messages.ServerPlan, run uint64, _ server.Hooks) (endpoint.Session, error) {
				s := testkit.NewSession(int(run), answer)
				sessions <- s
				return s, nil
			},
			change: func(p *messages.ServerPlan) {
				p.Entry.Settings.PingInterval, p.Entry.Settings.PingTimeout = interval, timeout
			},
			stays: true,
		}
	}
}

// call is a tool call as the gateway makes it: counted in, and noted when it
// has reached its deadline.
func call(r *rig, s *testkit.Session, timeout time.Duration) (done <-chan error) {
	ended := make(chan error, 1)
	r.cell.Acquire(10)
	go func() {
		defer r.cell.Release()
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		_, err := s.Call(ctx, endpoint.Request{Method: "tools/call", By: endpoint.Call{ID: "x-1", Agent: "a", Tool: "read"}})
		if errors.Is(err, context.DeadlineExceeded) {
			r.cell.NoteOverdue()
		}
		ended <- err
	}()
	return ended
}

// hungAfter waits for the failure of a hung server and says when it came.
func hungAfter(t *testing.T, r *rig, begun time.Time) time.Duration {
	t.Helper()
	f := testkit.Expect[failure](t, r.failures)
	e, ok := f.reason.(*endpoint.Exit)
	if !ok || e.Phase != endpoint.Serving || !strings.HasPrefix(e.Reason, "hung: no answer to ping within") {
		t.Errorf("it failed with %+v, want that it hung while it served, for want of an answer to ping", f.reason)
	}
	return time.Since(begun)
}

func TestProbe_silentServer_isHung(t *testing.T) {
	sessions := make(chan *testkit.Session, 1)
	inRig(t, pinged(30*time.Second, 10*time.Second, testkit.Hangs, sessions), func(t *testing.T, r *rig) {
		begun := time.Now()
		testkit.Expect[messages.ServerReady](t, r.events)
		if after := hungAfter(t, r, begun); after != 40*time.Second {
			t.Errorf("it was found to hang after %v, want the interval and the timeout", after)
		}
		s := <-sessions
		if calls := s.Calls(); len(calls) != 1 || calls[0].Method != "ping" {
			t.Errorf("it was asked %v, want one ping", calls)
		}
	})
}

func TestProbe_statelessServer_isAskedByDiscover(t *testing.T) {
	stateless := func() script {
		return script{
			open: opens(testkit.NewSession(1, testkit.Hangs).WithInfo(endpoint.ServerInfo{ProtocolVersion: "2026-07-28"})),
			change: func(p *messages.ServerPlan) {
				p.Entry.Settings.PingInterval, p.Entry.Settings.PingTimeout = 30*time.Second, 10*time.Second
			},
			stays: true,
		}
	}
	inRig(t, stateless, func(t *testing.T, r *rig) {
		f := testkit.Expect[failure](t, r.failures)
		if e, ok := f.reason.(*endpoint.Exit); !ok || !strings.HasPrefix(e.Reason, "hung: no answer to server/discover within") {
			t.Errorf("it failed with %+v, want that it hung, for want of an answer to server/discover", f.reason)
		}
	})
}

func TestProbe_signsOfLife(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(*testkit.Session) testkit.Answer
	}{
		{"an answer", func(*testkit.Session) testkit.Answer { return testkit.Says("{}") }},
		{"an error", func(*testkit.Session) testkit.Answer {
			return func(context.Context, endpoint.Request) (endpoint.Response, error) {
				return endpoint.Response{Error: []byte(`{"code":-32601,"message":"no ping"}`)}, nil
			}
		}},
		{"an answer that is too large", func(*testkit.Session) testkit.Answer {
			return func(context.Context, endpoint.Request) (endpoint.Response, error) {
				return endpoint.Response{}, &endpoint.TooLarge{Limit: 1}
			}
		}},
		{"anything else that comes", func(s *testkit.Session) testkit.Answer {
			return func(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
				s.Hear()
				return testkit.Hangs(ctx, req)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sessions := make(chan *testkit.Session, 1)
			var session atomic.Pointer[testkit.Session]
			answer := func(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
				return c.answer(session.Load())(ctx, req)
			}
			inRig(t, pinged(time.Second, 500*time.Millisecond, answer, sessions), func(t *testing.T, r *rig) {
				testkit.Expect[messages.ServerReady](t, r.events)
				session.Store(<-sessions)
				r.Sleep(time.Minute)
				testkit.ExpectNone(t, r.failures)
				if n := len(session.Load().Calls()); n < 39 {
					t.Errorf("it was asked %d times in a minute, want 39 at least", n)
				}
			})
		})
	}
}

func TestProbe_off_asksNothing(t *testing.T) {
	sessions := make(chan *testkit.Session, 1)
	inRig(t, pinged(0, 10*time.Second, testkit.Hangs, sessions), func(t *testing.T, r *rig) {
		r.Sleep(24 * time.Hour)
		testkit.ExpectNone(t, r.failures)
		if s := <-sessions; len(s.Calls()) != 0 {
			t.Errorf("it was asked %v, want nothing", s.Calls())
		}
	})
}

// A server may be so busy with a call that it does not answer a ping.
func TestProbe_whileACallRuns_waitsForItsTimeout(t *testing.T) {
	sessions := make(chan *testkit.Session, 1)
	inRig(t, pinged(30*time.Second, 10*time.Second, testkit.Hangs, sessions), func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		s := <-sessions
		begun := time.Now()
		short, long := call(r, s, 5*time.Minute), call(r, s, time.Hour)
		r.Sleep(5*time.Minute - time.Second)
		testkit.ExpectNone(t, r.failures)
		if after := hungAfter(t, r, begun); after < 5*time.Minute || after > 6*time.Minute {
			t.Errorf("it was found to hang after %v, want between 5 and 6 minutes", after)
		}
		<-short
		if err := <-long; !strings.HasPrefix(err.Error(), "hung") {
			t.Errorf("the other call ended with %v, want hung", err)
		}
		crashed := testkit.Expect[messages.ServerCrashed](t, r.events)
		if calls := crashed.Exit.Calls; calls.Len() != 1 || calls.First[0] != (endpoint.Call{ID: "x-1", Agent: "a", Tool: "read"}) {
			t.Errorf("the crash tells of the calls %+v, want the call x-1 of a to read", calls)
		}
	})
}

// Each call that reaches its timeout is worth one proof of life.
func TestProbe_aliveAfterATimeout_isBusyAgain(t *testing.T) {
	sessions := make(chan *testkit.Session, 1)
	pings := 0
	answer := func(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
		if req.Method == "ping" {
			if pings++; pings == 1 {
				return endpoint.Response{Result: []byte("{}")}, nil
			}
		}
		return testkit.Hangs(ctx, req)
	}
	inRig(t, pinged(time.Second, time.Second, answer, sessions), func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		s := <-sessions
		long := call(r, s, time.Hour)
		<-call(r, s, time.Minute)
		r.Sleep(50 * time.Minute)
		testkit.ExpectNone(t, r.failures)
		if pings != 1 {
			t.Errorf("it was asked %d times, want once, after the timeout", pings)
		}
		<-long
		hungAfter(t, r, time.Now())
	})
}

func TestProbe_callThatBeganDuringIt_isNotJudged(t *testing.T) {
	sessions := make(chan *testkit.Session, 1)
	inRig(t, pinged(30*time.Second, 10*time.Second, testkit.Hangs, sessions), func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		r.Sleep(35 * time.Second)
		ended := call(r, <-sessions, time.Hour)
		r.Sleep(50 * time.Minute)
		testkit.ExpectNone(t, r.failures)
		<-ended
		testkit.Expect[failure](t, r.failures)
	})
}

func TestProbe_changedSettings_areInForceAtOnce(t *testing.T) {
	sessions := make(chan *testkit.Session, 1)
	inRig(t, pinged(0, time.Second, testkit.Hangs, sessions), func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		r.Sleep(time.Hour)
		plan := *r.plan.Load()
		plan.Entry.Settings.PingInterval = 2 * time.Second
		r.plan.Store(&plan)
		begun := time.Now()
		r.Send(r.pid, messages.SettingsChanged{})
		if after := hungAfter(t, r, begun); after != 3*time.Second {
			t.Errorf("it was found to hang after %v, want 3 s", after)
		}
	})
}
