package front_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/front"
	"gatehouse/testkit"
)

// The line of a call's beginning takes time. Rules that changed meanwhile
// decide: what they deny is not sent.
func TestBegun_rulesThatChangedWhileTheLineWasWritten_decideAnew(t *testing.T) {
	for _, c := range []struct {
		name, rules, want string
		lines, sent       int
	}{
		{"and deny it", denyAll, front.CodeDenied, 1, 0},
		{"and still allow it", allowAll, "", 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			session := testkit.NewSession(1, testkit.Says(contents))
			db := testkit.NewBackend("db", testkit.Ready(1, session))
			var h *house
			var lines []audit.Record
			h = newHouse(t, front.Config{Begin: func(_ context.Context, r audit.Record) error {
				if lines = append(lines, r); len(lines) == 1 {
					h.Next(c.rules, db)
				}
				return nil
			}}, db)
			_, fail := h.read(t.Context(), uri)
			if codeOf(fail) != c.want {
				t.Errorf("got %q, want %q: the call must be decided by the rules of now", codeOf(fail), c.want)
			}
			if got := len(session.Calls()); got != c.sent {
				t.Errorf("the server was sent %d requests, want %d", got, c.sent)
			}
			if len(lines) != c.lines || lines[len(lines)-1].Generation != uint64(c.lines) {
				t.Errorf("got %d lines, the last of generation %d; want %d of generations 1 to %d", len(lines), lines[len(lines)-1].Generation, c.lines, c.lines)
			}
			if got := h.Record().Generation; got != 2 {
				t.Errorf("the call ended by generation %d, want 2", got)
			}
		})
	}
}

// A call's time may be up at the moment when what it waits for is there.
func TestBegun_timeThatIsUpOnceTheLineIsWritten_sendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := testkit.NewSession(1, testkit.Says(contents))
		h := newHouse(t, front.Config{Begin: func(ctx context.Context, _ audit.Record) error {
			<-ctx.Done()
			return nil
		}}, testkit.NewBackend("db", testkit.Ready(1, session)))
		_, fail := h.read(t.Context(), uri)
		if codeOf(fail) != front.CodeTimeout || fail.MayHaveRun || len(session.Calls()) != 0 {
			t.Errorf("got %+v and %d requests sent, want TIMEOUT, not run, and nothing sent", fail, len(session.Calls()))
		}
	})
}

func TestBegun_isWrittenOnceForAGenerationAndSaysWhoAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := testkit.NewSession(1, testkit.Says(contents))
		gone.Close(errDisk) // So the first attempt ends after its line was written.
		db := testkit.NewBackend("db", testkit.Ready(1, gone))
		var lines []audit.Record
		h := newHouse(t, front.Config{Begin: func(_ context.Context, r audit.Record) error {
			lines = append(lines, r)
			time.AfterFunc(time.Millisecond, func() { testkit.Publish(db.Cell, testkit.Ready(2, testkit.NewSession(2, testkit.Says(contents)))) })
			return nil
		}}, db)
		if _, fail := h.read(t.Context(), uri); fail != nil {
			t.Fatalf("got %v, want no failure", fail)
		}
		if len(lines) != 1 {
			t.Fatalf("got %d lines, want 1", len(lines))
		}
		got := lines[0]
		if got.CallID != "gw-1" || got.AgentID != "a" || got.RequestedAgent != "a" || got.Server != "db" || got.Decision != audit.Allow || got.Outcome != "" {
			t.Errorf("got %+v, want call gw-1 of agent a to db, allowed, without an outcome", got)
		}
	})
}

func TestBegun_aLineThatCannotBeWritten_refusesTheCall(t *testing.T) {
	hangs := func(ctx context.Context, _ audit.Record) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	for _, c := range []struct {
		name   string
		begin  func(context.Context, audit.Record) error
		cancel bool
		want   string
	}{
		{"by an error", func(context.Context, audit.Record) error { return errDisk }, false, front.CodeInternal},
		{"in time", hangs, false, front.CodeTimeout},
		{"before the caller is gone", hangs, true, front.CodeCancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				session := testkit.NewSession(1, testkit.Says(contents))
				h := newHouse(t, front.Config{Begin: c.begin}, testkit.NewBackend("db", testkit.Ready(1, session)))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.cancel {
					time.AfterFunc(time.Millisecond, cancel)
				}
				_, fail := h.read(ctx, uri)
				if codeOf(fail) != c.want || fail.MayHaveRun || len(session.Calls()) != 0 {
					t.Errorf("got %+v and %d requests, want %s, not run, and none", fail, len(session.Calls()), c.want)
				}
			})
		})
	}
}
