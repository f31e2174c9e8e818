package gate_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

const query = `{"agent_id":"a","server":"db","tool":"query"}`

// The wait for a server that is not ready ends at the earlier of
// restart_wait_ms and the call's own deadline, counted from its arrival.
func TestWait_isBounded(t *testing.T) {
	for _, c := range []struct {
		name string
		args string
		want time.Duration
	}{
		{"by restart_wait_ms", query, 10 * time.Second},
		{"by the call's deadline", strings.TrimSuffix(query, "}") + `,"timeout_ms":300}`, 300 * time.Millisecond},
	} {
		for _, state := range []endpoint.State{endpoint.Idle, endpoint.Starting, endpoint.BackingOff, endpoint.Stopped} {
			t.Run(c.name+" when "+string(state), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := server("db", endpoint.Status{State: state})
					g := newGate(t, allowAll, s)
					flaps := time.AfterFunc(c.want/2, func() {
						if state != endpoint.Stopped { // Nothing comes after that.
							testkit.Publish(s.Cell, endpoint.Status{State: state})
						}
					})
					defer flaps.Stop()
					begun := time.Now()
					got := g.call("execute_tool", c.args)
					if got.err.Code != "SERVER_UNAVAILABLE" || got.err.RetryAfterMS < 1 || got.err.State != string(state) || got.err.MayHaveRun {
						t.Errorf("got %+v, want SERVER_UNAVAILABLE that is %s, when to try again, and that it did not run", got.err, state)
					}
					if d := time.Since(begun); d != c.want {
						t.Errorf("it took %v, want %v", d, c.want)
					}
				})
			})
		}
	}
}

func TestWait_statesThatDoNotChangeByThemselves_refuseAtOnce(t *testing.T) {
	for _, state := range []endpoint.State{endpoint.Quarantined, endpoint.Misconfigured, endpoint.NeedsAuth, endpoint.Disabled, endpoint.Held} {
		for _, tool := range []string{"execute_tool", "get_server_tools"} {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(t, allowAll, server("db", endpoint.Status{State: state}))
				args := query
				if tool == "get_server_tools" {
					args = `{"agent_id":"a","server":"db"}`
				}
				begun := time.Now()
				got := g.call(tool, args)
				if got.err.Code != "SERVER_UNAVAILABLE" || got.err.State != string(state) || time.Since(begun) != 0 {
					t.Errorf("%s of a server that is %s: got %+v after %v, want SERVER_UNAVAILABLE at once", tool, state, got.err, time.Since(begun))
				}
			})
		}
	}
}

func TestWait_serverThatNeedsAuth_isTriedOnceForACall(t *testing.T) {
	for name, letsIn := range map[string]bool{"lets in": true, "refuses again": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				refused := endpoint.Status{State: endpoint.NeedsAuth, Run: 4, Reason: "HTTP status 401", RetryAt: time.Now().Add(time.Hour)}
				s := server("db", refused)
				g := newGate(t, allowAll, s)
				g.Wake = func(_ string, cell *endpoint.Cell) {
					if cell.Status().State != endpoint.NeedsAuth {
						return
					}
					testkit.Publish(cell, endpoint.Status{State: endpoint.Starting, Run: 5})
					time.AfterFunc(time.Second, func() {
						next := ready(5, testkit.NewSession(1, testkit.Says(oneText)))
						if !letsIn {
							next = refused
							next.Run = 5
						}
						testkit.Publish(cell, next)
					})
				}
				begun := time.Now()
				got := g.execute("db", "query")
				if got.IsError == letsIn || time.Since(begun) != time.Second {
					t.Errorf("got %s after %v, want one try of 1s, and a result: %v", got.raw, time.Since(begun), letsIn)
				}
				if !letsIn && (got.err.Code != "SERVER_UNAVAILABLE" || got.err.State != "needs-auth") {
					t.Errorf("got %+v, want SERVER_UNAVAILABLE, needs-auth", got.err)
				}
			})
		})
	}
}

func TestWait_goesThroughWhenTheServerIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server("db", endpoint.Status{State: endpoint.BackingOff})
		g := newGate(t, allowAll, s)
		done := g.later(func() answer { return g.execute("db", "query") })
		time.Sleep(3 * time.Second)
		testkit.Publish(s.Cell, endpoint.Status{State: endpoint.Starting})
		time.Sleep(3 * time.Second)
		session := testkit.NewSession(1, testkit.Says(oneText))
		testkit.Publish(s.Cell, ready(2, session))
		if got := <-done; got.IsError || len(session.Calls()) != 1 {
			t.Errorf("got %s, want the result of one call", got.raw)
		}
		if s.Cell.InFlight() != 0 {
			t.Error("the call was not counted out")
		}
	})
}

// Whether a call's time is up during a try or between two is chance.
func TestWait_thatEndsDuringATry_saysWhyTheOneBeforeFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server("db", endpoint.Status{State: endpoint.BackingOff, Reason: "connection refused", Restarts: 1})
		g := newGate(t, allowAll, s)
		done := g.later(func() answer { return g.execute("db", "query") })
		time.Sleep(time.Second)
		testkit.Publish(s.Cell, endpoint.Status{State: endpoint.Starting, Restarts: 1})
		if got := <-done; got.err.Code != "SERVER_UNAVAILABLE" || !strings.Contains(got.err.Message, `"db" is restarting (connection refused)`) {
			t.Errorf("got %+v, want SERVER_UNAVAILABLE with the reason", got.err)
		}
	})
}

func TestWait_wakesALazyServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server("db", endpoint.Status{State: endpoint.Idle})
		g := newGate(t, allowAll, s)
		g.Wake = func(_ string, cell *endpoint.Cell) {
			if cell.Status().State != endpoint.Idle {
				return
			}
			testkit.Publish(cell, endpoint.Status{State: endpoint.Starting})
			time.AfterFunc(time.Second, func() { testkit.Publish(cell, ready(1, testkit.NewSession(1, testkit.Says(oneText)))) })
		}
		if got := g.execute("db", "query"); got.IsError {
			t.Errorf("got %s, want a result", got.raw)
		}
		if got := g.Heard(); !slices.Equal(got, []string{"wake db", "wake db"}) {
			t.Errorf("the supervisor was asked %v, want to start it and, as a call waits, to start it first", got)
		}
	})
}

// A wake that comes before the supervisor knows the server is lost; the actor's
// own first status makes the call ask again.
func TestWait_asksAgainForAServerThatIsStillIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server("db", endpoint.Status{State: endpoint.Idle})
		g := newGate(t, allowAll, s)
		n := 0
		g.Wake = func(_ string, cell *endpoint.Cell) {
			if n++; n == 1 {
				time.AfterFunc(time.Second, func() { testkit.Publish(cell, endpoint.Status{State: endpoint.Idle}) })
				return
			}
			testkit.Publish(cell, ready(1, testkit.NewSession(1, testkit.Says(oneText))))
		}
		if got := g.execute("db", "query"); got.IsError || n != 2 {
			t.Errorf("after %d wakes: got %s, want a result after 2", n, got.raw)
		}
	})
}

func TestWait_callerHearsEveryFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server("db", endpoint.Status{State: endpoint.Starting})
		s.Entry.Settings.RestartWait = 17 * time.Second
		g := newGate(t, allowAll, s)
		stop := make(chan struct{})
		flapping := make(chan struct{})
		go func() { // However often the server's state changes meanwhile.
			defer close(flapping)
			for {
				select {
				case <-stop:
					return
				case <-time.After(700 * time.Millisecond):
					testkit.Publish(s.Cell, endpoint.Status{State: endpoint.BackingOff})
				}
			}
		}()
		begun := time.Now()
		var at []time.Duration
		last := 0.0
		got := g.callAs(t.Context(), old, "execute_tool", query, func(params json.RawMessage) {
			at = append(at, time.Since(begun))
			var p struct {
				Progress float64
				Message  string
			}
			if err := json.Unmarshal(params, &p); err != nil || p.Progress <= last || p.Progress >= 0.1 || !strings.Contains(p.Message, `"db"`) {
				t.Errorf("got %s after a progress of %v, want a little more progress, and what it waits for", params, last)
			}
			last = p.Progress
		})
		close(stop)
		<-flapping
		if want := []time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("the caller heard after %v, want %v", at, want)
		}
		if got.err.Code != "SERVER_UNAVAILABLE" {
			t.Errorf("got %+v, want SERVER_UNAVAILABLE", got.err)
		}
	})
}

func TestWait_endsWithTheGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, allowAll, server("db", endpoint.Status{State: endpoint.Starting}))
		done := g.later(func() answer { return g.execute("db", "query") })
		synctest.Wait()
		begun := time.Now()
		g.router.Stop()
		if got := <-done; got.err.Code != "SERVER_UNAVAILABLE" || got.err.State != "stopped" || time.Since(begun) != 0 {
			t.Errorf("got %+v, want SERVER_UNAVAILABLE at once, as it is stopped", got.err)
		}
	})
}

func TestStop_leavesRunningCallsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		g := newGate(t, allowAll, up("db", func(context.Context, endpoint.Request) (endpoint.Response, error) {
			<-let
			return endpoint.Response{Result: []byte(oneText)}, nil
		}))
		done := g.later(func() answer { return g.execute("db", "query") })
		synctest.Wait()
		g.router.Stop()
		synctest.Wait()
		close(let)
		if got := <-done; got.IsError {
			t.Errorf("got %s, want a result", got.raw)
		}
	})
}

// A call that had to wait is decided again, whole, by the generation that is
// current when it is about to be written.
func TestWait_isFollowedByAFreshDecision(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules string
		// next returns the servers of the next generation, of which the old one
		// is the first of the last.
		next func(was *srv) []*srv
		want string
	}{
		{"the rules deny it now", `{"agents": {"a": {}}}`, func(was *srv) []*srv { return []*srv{was} }, "DENIED_BY_POLICY"},
		{"the agent is gone", `{"agents": {"b": {}}}`, func(was *srv) []*srv { return []*srv{was} }, "DENIED_BY_POLICY"},
		{"the server is removed", allowAll, func(*srv) []*srv { return nil }, "SERVER_NOT_FOUND"},
		{"the server is disabled", allowAll, func(was *srv) []*srv { return []*srv{was.Again(endpoint.Status{State: endpoint.Disabled})} }, "SERVER_UNAVAILABLE"},
		{"the server has changed and is ready", allowAll, func(was *srv) []*srv {
			return []*srv{was.Again(ready(1, testkit.NewSession(2, testkit.Says(oneText))))}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				was := server("db", endpoint.Status{State: endpoint.Starting})
				g := newGate(t, allowAll, was)
				done := g.later(func() answer { return g.execute("db", "query") })
				time.Sleep(time.Second)
				stale := testkit.NewSession(1, testkit.Says(oneText))
				g.Next(c.rules, c.next(was)...)
				if c.want == "DENIED_BY_POLICY" {
					testkit.Publish(was.Cell, ready(1, stale)) // Its own session is fine, the rules are not.
				} else {
					was.Cell.Close()
				}
				got := <-done
				if got.err.Code != c.want || g.Record().Generation != 2 || len(stale.Calls()) > 0 {
					t.Errorf("got %+v by generation %d, want %q by generation 2, and nothing sent to the old server", got.err, g.Record().Generation, c.want)
				}
				if c.want == "" && !strings.Contains(string(got.raw), `"io.gatehouse/generation":2`) {
					t.Errorf("got %s, want a result of generation 2", got.raw)
				}
			})
		})
	}
}

func TestWait_countsFromArrivalOverGenerations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		was := server("db", endpoint.Status{State: endpoint.Starting})
		g := newGate(t, allowAll, was)
		begun := time.Now()
		done := g.later(func() answer { return g.execute("db", "query") })
		time.Sleep(6 * time.Second)
		g.Next(allowAll, was.Again(endpoint.Status{State: endpoint.Starting}))
		was.Cell.Close()
		got := <-done
		if d := time.Since(begun); got.err.Code != "SERVER_UNAVAILABLE" || d != 10*time.Second {
			t.Errorf("got %+v after %v, want 10 s in all", got.err, d)
		}
	})
}

func TestClosedCell_thatIsStillCurrent_isRefused(t *testing.T) {
	s := up("db", testkit.Says(oneText))
	g := newGate(t, allowAll, s)
	s.Cell.Close() // As at shutdown.
	if got := g.execute("db", "query"); got.err.Code != "SERVER_UNAVAILABLE" {
		t.Errorf("got %s, want SERVER_UNAVAILABLE", got.raw)
	}
}

func TestClosedCell_isFollowedToItsSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		was := up("db", testkit.Says(oneText))
		next := testkit.NewSession(2, testkit.Says(oneText))
		g := newGate(t, allowAll, was)
		// The old snapshot is loaded, then all changes, then the cell is entered:
		// the caller is held in between by the list of tools.
		was.HasFrom(time.Now().Add(-time.Hour), "other")
		g.Refresh = func(string, *endpoint.Cell) {
			g.Next(allowAll, was.Again(ready(1, next)))
			was.Cell.Close()
		}
		if got := g.execute("db", "query"); got.IsError || len(next.Calls()) != 1 || g.Record().Generation != 2 {
			t.Errorf("got %s, want the result of one call by generation 2", got.raw)
		}
	})
}

func TestNotWritten_isTriedAgainOnTheNextSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := up("db", testkit.Says(oneText))
		s.Cell.Status().Session.Close(&endpoint.Exit{Reason: "gone"}) // Nobody has heard of it yet.
		g := newGate(t, allowAll, s)
		done := g.later(func() answer { return g.execute("db", "query") })
		synctest.Wait()
		next := testkit.NewSession(2, testkit.Says(oneText))
		testkit.Publish(s.Cell, endpoint.Status{State: endpoint.BackingOff})
		time.Sleep(time.Second)
		testkit.Publish(s.Cell, ready(2, next))
		if got := <-done; got.IsError || len(next.Calls()) != 1 {
			t.Errorf("got %s, %d calls, want a result of 1", got.raw, len(next.Calls()))
		}
	})
}

func TestWritten_isNeverSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, next := testkit.NewSession(1, testkit.Hangs), testkit.NewSession(2, testkit.Says(oneText))
		s := server("db", ready(1, first))
		g := newGate(t, allowAll, s)
		done := g.later(func() answer { return g.execute("db", "query") })
		synctest.Wait()
		testkit.Publish(s.Cell, ready(2, next)) // A new session is there before the old one ends.
		first.Close(&endpoint.Exit{Reason: "exit status 3"})
		got := <-done
		if got.err.Code != "SERVER_CRASHED" || !got.err.MayHaveRun || len(first.Calls()) != 1 || len(next.Calls()) != 0 {
			t.Errorf("got %+v, %d and %d calls, want SERVER_CRASHED that may have run, 1 and 0", got.err, len(first.Calls()), len(next.Calls()))
		}
	})
}

// While a server is not ready nothing of it is in use: its limit of calls in
// flight refuses nobody who waits.
func TestLimit_doesNotCountThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server("db", endpoint.Status{State: endpoint.Starting}).With(func(e *serversfile.Entry) { e.Settings.MaxInFlight = 1 })
		g := newGate(t, allowAll, s)
		var calls []<-chan answer
		for range 50 {
			calls = append(calls, g.later(func() answer { return g.execute("db", "query") }))
		}
		for _, done := range calls {
			if got := <-done; got.err.Code != "SERVER_UNAVAILABLE" {
				t.Fatalf("got %+v, want SERVER_UNAVAILABLE", got.err)
			}
		}
	})
}

func TestTimeout_isCappedAtTheServersOwn(t *testing.T) {
	for timeout, want := range map[string]time.Duration{
		`null`: 5 * time.Minute, `250`: 250 * time.Millisecond, `"100"`: 100 * time.Millisecond, `900000000`: 5 * time.Minute,
		`9223372036854775807`: 5 * time.Minute,
		`18446744073710`:      5 * time.Minute, // Its nanoseconds overflow to half a millisecond.
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate(t, allowAll, up("db", testkit.Hangs))
			begun := time.Now()
			got := g.call("execute_tool", strings.TrimSuffix(query, "}")+`,"timeout_ms":`+timeout+`}`)
			if d := time.Since(begun); got.err.Code != "TIMEOUT" || d != want {
				t.Errorf("timeout_ms %s: got %s after %v, want %v", timeout, got.err.Code, d, want)
			}
		})
	}
}

func TestListServers_neverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, allowAll, server("idle", endpoint.Status{State: endpoint.Idle}), server("starting", endpoint.Status{State: endpoint.Starting}),
			up("hung", testkit.Hangs), server("gone", endpoint.Status{State: endpoint.Quarantined}))
		begun := time.Now()
		if got := serverNames(t, g.call("list_servers", `{"agent_id":"a"}`)); len(got) != 4 || time.Since(begun) != 0 || len(g.Heard()) != 0 {
			t.Errorf("got %v after %v, the supervisor heard %v, want 4 names at once, and nothing", got, time.Since(begun), g.Heard())
		}
	})
}
