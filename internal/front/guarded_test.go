package front_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/identity"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/snapshot"
	"gatehouse/testkit"
)

// A caller whose calls end the server is told so, and why and until when; no
// other one notices.
func TestUnblocked_refusesWhatIsBlockedAndNothingElse(t *testing.T) {
	block := func(origin, agent, tool string) endpoint.Block {
		return endpoint.Block{
			Caller: endpoint.Caller{Origin: origin, Agent: agent}, Tool: tool, Until: time.Now().Add(90 * time.Second), Reason: "signal: killed s3cr3t-value", Crashes: 2,
		}
	}
	credentials := identity.Compile(identity.Credentials{Tokens: []identity.Token{
		{ID: "laptop", Agents: []string{"a"}, Digest: identity.DigestOf(strings.Repeat("t", 32))},
	}})
	who, err := credentials.CheckToken(strings.Repeat("t", 32), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	token := agents.Caller{Identity: who, From: "192.0.2.1"}
	for _, c := range []struct {
		name   string
		block  endpoint.Block
		caller agents.Caller
		want   string // the message; "" goes through
	}{
		{
			"its tool", block("", "a", uri),
			agents.Caller{},
			`Your calls of "file:///notes.txt" ended "db" 2 times (signal: killed [redacted TOKEN]), so they are refused for 90 s more; not run. Use other tools, or tell the user. Don't repeat the call that did it.`,
		},
		{
			"the whole server", block("", "a", ""),
			agents.Caller{},
			`Your calls ended "db" 2 times (signal: killed [redacted TOKEN]), so they are refused for 90 s more; not run. Tell the user; other servers work, and so does "db" for others. Don't repeat the call that did it.`,
		},
		{"any name from its address", block("192.0.2.1", "", ""), agents.Caller{From: "192.0.2.1"}, "Your calls ended"},
		{"another tool", block("", "a", "other"), agents.Caller{}, ""},
		{"another agent", block("", "b", ""), agents.Caller{}, ""},
		{"the same name from elsewhere", block("192.0.2.1", "a", ""), agents.Caller{From: "192.0.2.2"}, ""},
		{"a credential is what counts where there is one", block("192.0.2.1", "a", ""), token, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.block.Until = time.Now().Add(90 * time.Second)
				session := testkit.NewSession(1, testkit.Says(contents))
				db := testkit.NewBackend("db", testkit.Ready(1, session))
				db.Cell.PublishGuard(&endpoint.Guard{Blocks: []endpoint.Block{c.block}})
				h := newHouse(t, front.Config{}, db)
				h.Change(func(s *snapshot.Snapshot) { s.Credentials = credentials })
				_, fail := h.readAs(t.Context(), c.caller, uri)
				if c.want == "" {
					if fail != nil || len(session.Calls()) != 1 {
						t.Errorf("got %+v, want it sent", fail)
					}
					return
				}
				if codeOf(fail) != front.CodeBlocked || !strings.HasPrefix(fail.Message, c.want) || fail.RetryAfterMS != 90_000 || len(session.Calls()) != 0 {
					t.Errorf("got %+v, want CALL_BLOCKED, not sent: %s", fail, c.want)
				}
				if r := h.Record(); r.Outcome != front.CodeBlocked || r.Decision != "ALLOW" {
					t.Errorf("the audit log has %s %s, want ALLOW CALL_BLOCKED", r.Decision, r.Outcome)
				}
				time.Sleep(90 * time.Second)
				if _, fail := h.readAs(t.Context(), c.caller, uri); fail != nil {
					t.Errorf("after its time: got %v, want it sent", fail)
				}
			})
		})
	}
}

// A call that waited for a restart is looked at again: meanwhile the crash was
// found to be its caller's.
func TestUnblocked_aCallThatWaitedForTheRestart_isRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := testkit.NewSession(2, testkit.Says(contents))
		db := testkit.NewBackend("db", endpoint.Status{State: endpoint.Starting})
		h := newHouse(t, front.Config{}, db)
		time.AfterFunc(time.Millisecond, func() {
			db.Cell.PublishGuard(&endpoint.Guard{Blocks: []endpoint.Block{{Caller: endpoint.Caller{Agent: "a"}, Until: time.Now().Add(time.Minute)}}})
			testkit.Publish(db.Cell, testkit.Ready(2, session))
		})
		if _, fail := h.read(t.Context(), uri); codeOf(fail) != front.CodeBlocked || len(session.Calls()) != 0 {
			t.Errorf("got %+v and %d requests, want CALL_BLOCKED and none", fail, len(session.Calls()))
		}
	})
}

// Suspects run one at a time, so that the next crash shows who it is; others
// run beside them.
func TestInTurn_suspectsRunOneAtATime(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		running += n
		most = max(most, running)
	}
	slow := func(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
		if req.By.Origin != "free" {
			count(+1)
			defer count(-1)
		}
		select {
		case <-time.After(100 * time.Millisecond):
			return endpoint.Response{Result: json.RawMessage(contents)}, nil
		case <-ctx.Done():
			return endpoint.Response{}, context.Cause(ctx)
		}
	}
	for _, c := range []struct {
		name  string
		trial time.Duration
		most  int
		took  time.Duration
	}{
		{"on trial", time.Minute, 1, 300 * time.Millisecond},
		{"once the trial is over, those that wait go on", 150 * time.Millisecond, 2, 250 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				running, most = 0, 0
				db := testkit.ReadyBackend("db", slow)
				db.Cell.PublishGuard(&endpoint.Guard{Suspects: map[string]bool{"x": true, "y": true}, TrialEnds: time.Now().Add(c.trial)})
				h := newHouse(t, front.Config{}, db)
				began := time.Now()
				ended := make(chan string, 4)
				for _, origin := range []string{"x", "y", "x", "free"} {
					go func() {
						_, fail := h.readAs(t.Context(), agents.Caller{From: origin}, uri)
						if fail != nil {
							t.Errorf("%s: got %v, want no failure", origin, fail)
						}
						ended <- origin
					}()
				}
				synctest.Wait()
				for range 4 {
					<-ended
				}
				if most != c.most || time.Since(began) != c.took {
					t.Errorf("%d ran at once, all in %v; want %d, in %v", most, time.Since(began), c.most, c.took)
				}
				if n := db.Cell.InFlight(); n != 0 {
					t.Errorf("%d calls are in flight afterwards, want 0", n)
				}
			})
		})
	}
}

// A turn that never comes ends with the call's time, and is not lost by it.
func TestInTurn_aCallWhoseTimeIsUp_leaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := testkit.ReadyBackend("db", testkit.Hangs)
		db.Cell.PublishGuard(&endpoint.Guard{Suspects: map[string]bool{"": true}, TrialEnds: time.Now().Add(time.Hour)})
		h := newHouse(t, front.Config{}, db)
		go h.read(t.Context(), uri)
		synctest.Wait()
		if _, fail := h.read(t.Context(), uri); codeOf(fail) != front.CodeTimeout || fail.MayHaveRun {
			t.Errorf("got %+v, want TIMEOUT, not run", fail)
		}
		synctest.Wait()
		guard := db.Cell.Guard()
		select {
		case guard.Turn(endpoint.Call{}, time.Now()) <- struct{}{}:
		default:
			t.Error("nobody runs, and yet nobody may; want the turn to be free")
		}
	})
}
