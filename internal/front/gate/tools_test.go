package gate_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/testkit"
)

func TestTools_areAnsweredFromMemoryInAnyState(t *testing.T) {
	for _, state := range []endpoint.State{endpoint.Idle, endpoint.Starting, endpoint.BackingOff, endpoint.Quarantined, endpoint.Ready} {
		synctest.Test(t, func(t *testing.T) {
			s := server("db", endpoint.Status{State: state, Session: testkit.NewSession(1, testkit.Hangs)}).Has("query")
			begun := time.Now()
			a := newGate(t, allowAll, s).tools("")
			want := string(state)
			if state == endpoint.Ready {
				want = ""
			}
			if a.Returned != 1 || a.State != want || time.Since(begun) != 0 {
				t.Errorf("%s: got %+v, want one tool of a server that is %s, at once", state, a, want)
			}
		})
	}
}

func TestTools_firstListIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server("db", endpoint.Status{State: endpoint.Idle})
		g := newGate(t, allowAll, s)
		g.Wake = func(string, *endpoint.Cell) {
			time.AfterFunc(2*time.Second, func() {
				s.Has("query")
				testkit.Publish(s.Cell, ready(1, testkit.NewSession(1, testkit.Hangs)))
			})
		}
		if a := g.tools(""); a.Returned != 1 {
			t.Errorf("got %+v, want one tool", a)
		}
	})
}

func TestTools_serverThatDoesNotListThem(t *testing.T) {
	t.Run("is asked once more", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := up("db", testkit.Hangs)
			g := newGate(t, allowAll, s)
			g.Refresh = func(string, *endpoint.Cell) { time.AfterFunc(time.Second, func() { s.Has("query") }) }
			if a := g.tools(""); a.Returned != 1 {
				t.Errorf("got %+v, want one tool", a)
			}
		})
	})
	t.Run("is an error that says why", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := up("db", testkit.Hangs)
			g := newGate(t, allowAll, s)
			g.Refresh = func(string, *endpoint.Cell) {
				s.Cell.PublishCatalog(endpoint.Catalog{At: time.Now(), Err: "no list for s3cr3t-value"})
			}
			got := g.call("get_server_tools", `{"agent_id":"a","server":"db"}`)
			if got.err.Code != "SERVER_ERROR" || !strings.Contains(got.err.Message, "no list for [redacted TOKEN]") {
				t.Errorf("got %+v, want SERVER_ERROR with the token redacted", got.err)
			}
		})
	})
	t.Run("is an error if it never answers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			got := newGate(t, allowAll, up("db", testkit.Hangs)).call("get_server_tools", `{"agent_id":"a","server":"db"}`)
			if got.err.Code != "SERVER_ERROR" || !strings.Contains(got.err.Message, "did not answer in time") {
				t.Errorf("got %+v, want SERVER_ERROR: it did not answer in time", got.err)
			}
		})
	})
	t.Run("is waited for if it dies meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := up("db", testkit.Hangs)
			g := newGate(t, allowAll, s)
			g.Refresh = func(string, *endpoint.Cell) {
				testkit.Publish(s.Cell, endpoint.Status{State: endpoint.BackingOff})
				time.AfterFunc(time.Second, func() {
					s.Has("query")
					testkit.Publish(s.Cell, ready(2, testkit.NewSession(2, testkit.Hangs)))
				})
			}
			if a := g.tools(""); a.Returned != 1 {
				t.Errorf("got %+v, want one tool", a)
			}
		})
	})
	t.Run("can still be called", func(t *testing.T) {
		if got := newGate(t, allowAll, up("db", testkit.Says(oneText))).execute("db", "anything"); got.IsError {
			t.Errorf("got %s, want a result", got.raw)
		}
	})
}

func TestToolNotFound_isSaidOnlyOfAFreshList(t *testing.T) {
	for _, c := range []struct {
		name    string
		age     time.Duration
		refresh func(s *srv)
		want    string
		heard   []string
	}{
		{"a list of less than a second ago is fresh", 999 * time.Millisecond, nil, "TOOL_NOT_FOUND", nil},
		{"an older one is read again, and has it", time.Second, func(s *srv) { s.Has("other", "query") }, "", []string{"refresh db"}},
		{"an older one is read again, and has it not", time.Hour, func(s *srv) { s.Has("other") }, "TOOL_NOT_FOUND", []string{"refresh db"}},
		{"an older one can't be read again", time.Hour, func(s *srv) { s.HasFrom(time.Now().Add(-time.Hour), "other") }, "TOOL_NOT_FOUND", []string{"refresh db"}},
		{"an older one is not read again in time", time.Hour, nil, "TOOL_NOT_FOUND", []string{"refresh db"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				session := testkit.NewSession(1, testkit.Says(oneText))
				s := server("db", ready(1, session)).HasFrom(time.Now().Add(-c.age), "other")
				g := newGate(t, allowAll, s)
				if c.refresh != nil {
					g.Refresh = func(string, *endpoint.Cell) { time.AfterFunc(time.Second, func() { c.refresh(s) }) }
				}
				begun := time.Now()
				got := g.execute("db", "query")
				if got.err.Code != c.want || !slices.Equal(g.Heard(), c.heard) || time.Since(begun) > 5*time.Second {
					t.Errorf("got %s after %v, the supervisor heard %v, want code %q within 5 s, and %v", got.raw, time.Since(begun), g.Heard(), c.want, c.heard)
				}
				if c.want != "" && (len(session.Calls()) > 0 || !slices.Equal(got.err.Available, []string{"other"})) {
					t.Errorf("got %d calls, available %v, want 0, [other]", len(session.Calls()), got.err.Available)
				}
			})
		})
	}
}

// The list was waited for, so what happened meanwhile counts.
func TestToolNotFound_freshListIsFollowedByAFreshDecision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := testkit.NewSession(1, testkit.Says(oneText))
		s := server("db", ready(1, session)).HasFrom(time.Now().Add(-time.Hour), "other")
		g := newGate(t, allowAll, s)
		g.Refresh = func(string, *endpoint.Cell) {
			g.Next(`{"agents": {"a": {}}}`, s)
			s.Has("query")
		}
		if got := g.execute("db", "query"); got.err.Code != "DENIED_BY_POLICY" || len(session.Calls()) != 0 {
			t.Errorf("got %s, want DENIED_BY_POLICY and no call sent", got.raw)
		}
	})
}

// Nobody is kept from a drain by a call that only waits for a list.
func TestToolNotFound_waitingForAListHoldsNoPlaceInTheCell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := up("db", testkit.Says(oneText)).HasFrom(time.Now().Add(-time.Hour), "other")
		g := newGate(t, allowAll, s)
		done := g.later(func() answer { return g.execute("db", "query") })
		synctest.Wait()
		if n := s.Cell.InFlight(); n != 0 {
			t.Errorf("%d calls are in flight, want 0", n)
		}
		<-done
	})
}
