package front_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/snapshot"
	"gatehouse/testkit"
)

// limited are rules in which agent a may use everything within these limits.
func limited(limits string) string {
	return `{"agents": {"a": {"allow": {"servers": ["*"]}, "limits": ` + limits + `}}}`
}

// Beyond a limit the agent is told which, and when again; nothing is sent, and the
// audit log has it.
func TestLimited_aCallBeyondALimit_isRefused(t *testing.T) {
	for _, c := range []struct {
		name, limits, want string
		good               int
		wait               time.Duration
	}{
		{
			"calls a minute", `{"calls_per_minute": 20, "burst": 2}`,
			`{"code":"RATE_LIMITED","message":"You may make 20 calls a minute, and 2 at once, and have made them; not run. Try again after 3 s, at most twice, then tell the user.",` +
				`"server":"db","resource":"file:///notes.txt","rule":"agents.a.limits.calls_per_minute","retry_after_ms":3000,"generation":1,"call_id":"gw-3"}`, 2, 3 * time.Second,
		},
		{
			"of some tools", `{"per_tool": {"d*": {"file:*": {"calls_per_minute": 1}}}}`,
			`{"code":"RATE_LIMITED","message":"You may make 1 call of \"file:*\" on \"d*\" a minute, and 1 at once, and have made them; not run. Try again after 60 s, at most twice, then tell the user.",` +
				`"server":"db","resource":"file:///notes.txt","rule":"agents.a.limits.per_tool[\"d*\"][\"file:*\"].calls_per_minute","retry_after_ms":60000,"generation":1,"call_id":"gw-2"}`, 1, time.Minute,
		},
		{
			"bytes an hour", `{"result_bytes_per_hour": 60}`,
			`{"code":"RATE_LIMITED","message":"Your calls have returned 60 bytes within an hour, as many as you may have; not run. Try again after 2940 s, at most twice, then tell the user. Ask for less.",` +
				`"server":"db","resource":"file:///notes.txt","rule":"agents.a.limits.result_bytes_per_hour","retry_after_ms":2940000,"generation":1,"call_id":"gw-3"}`, 2, 2940 * time.Second,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				session := testkit.NewSession(1, testkit.Says(contents))
				h := newHouse(t, front.Config{}, testkit.NewBackend("db", testkit.Ready(1, session)))
				h.Next(limited(c.limits), testkit.NewBackend("db", testkit.Ready(1, session)))
				h.Change(func(s *snapshot.Snapshot) { s.Generation = 1 })
				for range c.good {
					if _, fail := h.read(t.Context(), uri); fail != nil {
						t.Fatalf("got %v, want it sent", fail)
					}
				}
				_, fail := h.read(t.Context(), uri)
				if fail == nil || string(fail.JSON()) != c.want || len(session.Calls()) != c.good {
					t.Fatalf("got  %s\nwant %s, not sent", fail.JSON(), c.want)
				}
				records := h.Records()
				if r := records[len(records)-1]; r.Outcome != front.CodeRateLimited || r.Decision != "ALLOW" {
					t.Errorf("the audit log has %s %s, want ALLOW RATE_LIMITED", r.Decision, r.Outcome)
				}
				if refused := h.router.Refused(); len(refused) != 1 || refused[0].Calls != 1 || refused[0].Agent != "a" {
					t.Errorf("counted: got %+v, want one refusal of a", refused)
				}
				time.Sleep(c.wait)
				if _, fail := h.read(t.Context(), uri); fail != nil {
					t.Errorf("after its time: got %v, want it sent", fail)
				}
			})
		})
	}
}

// A call that waits, is decided anew and is sent at last is one call.
func TestLimited_aCallThatWaits_countsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := testkit.NewSession(1, testkit.Says(contents))
		db := testkit.NewBackend("db", endpoint.Status{State: endpoint.Starting})
		h := newHouse(t, front.Config{}, db)
		h.Next(limited(`{"calls_per_minute": 2, "concurrent": 1}`), db)
		for i, state := range []endpoint.Fact{endpoint.Begun, endpoint.Crashed, endpoint.Retried, endpoint.Begun} {
			time.AfterFunc(time.Duration(i+1)*10*time.Millisecond, func() { db.Cell.Move(state, time.Now(), nil) })
		}
		time.AfterFunc(100*time.Millisecond, func() { testkit.Publish(db.Cell, testkit.Ready(2, session)) })
		for range 2 {
			if _, fail := h.read(t.Context(), uri); fail != nil {
				t.Fatalf("got %v, want both calls sent", fail)
			}
		}
		if _, fail := h.read(t.Context(), uri); codeOf(fail) != front.CodeRateLimited {
			t.Errorf("the third: got %v, want RATE_LIMITED", fail)
		}
	})
}

func TestLimited_concurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := testkit.ReadyBackend("db", testkit.Hangs)
		h := newHouse(t, front.Config{}, db)
		h.Next(limited(`{"concurrent": 2}`), db)
		for range 2 {
			go h.read(t.Context(), uri)
		}
		synctest.Wait()
		_, fail := h.read(t.Context(), uri)
		if codeOf(fail) != front.CodeRateLimited || !strings.HasPrefix(fail.Message, "2 of your calls are running, as many as may at once") {
			t.Errorf("got %+v, want RATE_LIMITED for two that run", fail)
		}
		time.Sleep(callTime) // Their time is up.
		synctest.Wait()
		if _, fail := h.read(t.Context(), uri); codeOf(fail) != front.CodeTimeout {
			t.Errorf("once both have ended: got %+v, want it sent", fail)
		}
	})
}

// What is refused before uses up nothing: denied names, unknown servers, blocked
// callers.
func TestLimited_countsOnlyWhatMayBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := testkit.ReadyBackend("db", testkit.Says(contents))
		h := newHouse(t, front.Config{}, db)
		h.Next(limited(`{"calls_per_minute": 1}`), db)
		h.read(t.Context(), "file:///secret/x")
		db.Cell.PublishGuard(&endpoint.Guard{Blocks: []endpoint.Block{{Caller: endpoint.Caller{Agent: "a"}, Until: time.Now().Add(time.Minute)}}})
		h.read(t.Context(), uri)
		db.Cell.PublishGuard(nil)
		if _, fail := h.read(t.Context(), uri); fail != nil {
			t.Errorf("got %v, want it sent", fail)
		}
	})
}
