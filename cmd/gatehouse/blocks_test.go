package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/testkit"
)

// beginCrowd starts a gateway with one server, the agent evil, who goes by other
// names too, and some honest ones.
func beginCrowd(t *testing.T, entry testkit.Entry, honest int) (*testkit.Gateway, testkit.Agent, []testkit.Agent) {
	t.Helper()
	names := []string{"evil", "evil2", "evil3", "evil4"}
	for i := range honest {
		names = append(names, fmt.Sprint("good", i))
	}
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"db": entry}.JSON(), Rules: testkit.AllowAll(names...),
	})
	raw := g.Raw(t)
	var good []testkit.Agent
	for i := range honest {
		good = append(good, testkit.Agent{ID: fmt.Sprint("good", i), Caller: raw})
	}
	return g, testkit.Agent{ID: "evil", Caller: raw}, good
}

// hasty starts a server again at once.
func hasty(entry testkit.Entry) testkit.Entry {
	return entry.Settings("restart", map[string]any{"initial_ms": 1, "max_ms": 20})
}

// Nine agents go on with the very tool with which a tenth ends the server; the
// tenth is stopped from it, and told.
func TestBlocks_aServerThatOneAgentEnds_isNotLostToNineOthers(t *testing.T) {
	t.Parallel()
	g, evil, good := beginCrowd(t, hasty(testkit.Fake(t)), 9)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var others sync.WaitGroup
	for _, a := range good {
		others.Go(func() {
			for ctx.Err() == nil {
				r, err := a.TryExecute(ctx, "db", "sleep", map[string]any{"ms": 1})
				if err == nil && r.Code() != "" && r.Code() != "SERVER_CRASHED" {
					t.Errorf("%s: got %s, want none but a crash that it was beside", a.ID, r.Raw)
				}
			}
		})
	}
	last := testkit.Result{}
	for range 20 {
		if last = evil.Execute(t, "db", "sleep", map[string]any{"ms": -1}); last.Code() == "CALL_BLOCKED" {
			break
		}
	}
	stop()
	others.Wait()
	e := last.Failed(t, "CALL_BLOCKED")
	if e.RetryAfterMS == nil || *e.RetryAfterMS <= 0 || !strings.Contains(e.Message, "sleep") {
		t.Errorf("got %+v, want which calls and for how long", e)
	}
	for _, a := range good {
		a.Execute(t, "db", "sleep", map[string]any{"ms": 1}).Good(t)
	}
	evil.Execute(t, "db", "echo", nil).Good(t)
	line := g.Await(t, "caller blocked", "server", "db", "agent", "evil", "tool", "sleep")
	if line.Level != "WARN" || line.Str("reason") == "" {
		t.Errorf("got %s, want a warning with the reason", line.Raw)
	}
	if n := g.Count(0, "server quarantined"); n != 0 {
		t.Errorf("the server was quarantined %d times, want none", n)
	}
	if n := g.Count(0, "caller blocked"); n != 1 {
		t.Errorf("%d callers were blocked, want the one", n)
	}
}

func TestBlocks_areShownAndReleased(t *testing.T) {
	t.Parallel()
	g, evil, good := beginCrowd(t, hasty(testkit.Fake(t)), 1)
	for range 2 {
		evil.Execute(t, "db", "crash", map[string]any{"code": 3}).Failed(t, "SERVER_CRASHED")
	}
	evil.Execute(t, "db", "crash", nil).Failed(t, "CALL_BLOCKED")
	pid := pidOf(t, good[0], "db")
	st := value[admin.Status](t, operate(t, g, "status", "--json").want(t, exitFine))
	blocks := st.Servers[0].Blocks
	if len(blocks) != 1 || blocks[0].Agent != "evil" || blocks[0].Tool != "crash" || blocks[0].Origin != "127.0.0.1" || blocks[0].Crashes != 2 || !blocks[0].Until.After(time.Now()) {
		t.Errorf("got %+v, want crash of evil from 127.0.0.1", blocks)
	}
	for _, args := range [][]string{{"status"}, {"status", "db"}} {
		operate(t, g, args...).want(t, exitFine, "agent evil from 127.0.0.1, tool crash", "gatehouse release db")
	}
	testkit.Eventually(t, "the audit log has the block", func() bool {
		return strings.Contains(testkit.ReadFile(t, g.AuditFile), `"agent_id":"evil","server":"db","tool":"crash","outcome":"until `)
	})
	operate(t, g, "release", "db").want(t, exitFine, "1 block lifted")
	g.Await(t, "blocks lifted", "server", "db")
	if now := pidOf(t, good[0], "db"); now != pid {
		t.Errorf("the server is process %d, was %d; want it to go on", now, pid)
	}
	evil.Execute(t, "db", "crash", nil).Failed(t, "SERVER_CRASHED")
	if _, db := statusOf(t, g, "db"); len(db.Blocks) != 0 {
		t.Errorf("got %+v after the release and one crash, want no block", db.Blocks)
	}
}

// Each way around a block ends in a wider one, and none of them costs the others
// the server.
func TestBlocks_waysAround(t *testing.T) {
	t.Parallel()
	frozen := func(t *testing.T) testkit.Entry { // And never because the machine is slow.
		return hasty(testkit.Fake(t)).Settings("ping_interval_ms", 50, "ping_timeout_ms", 3000)
	}
	givenUp := map[string]any{"timeout_ms": 1000} // Only after it has been sent, else it does no harm.
	for _, c := range []struct {
		name   string
		entry  func(t *testing.T) testkit.Entry
		attack func(t *testing.T, evil testkit.Agent, i int) testkit.Result
	}{
		{"by many names", nil, func(t *testing.T, evil testkit.Agent, i int) testkit.Result {
			return evil.As([]string{"evil", "evil2", "evil3", "evil4"}[i%4]).Execute(t, "db", "crash", nil)
		}},
		{"by many tools", nil, func(t *testing.T, evil testkit.Agent, i int) testkit.Result {
			tools := []string{"crash", "sleep"}
			return evil.Execute(t, "db", tools[i%2], map[string]any{"ms": -1})
		}},
		{"by an answer before the end", nil, func(t *testing.T, evil testkit.Agent, _ int) testkit.Result {
			return evil.Execute(t, "db", "crash", map[string]any{"answer": true})
		}},
		{"by a call that is given up", nil, func(t *testing.T, evil testkit.Agent, _ int) testkit.Result {
			return evil.Execute(t, "db", "sleep", map[string]any{"ms": -1500}, givenUp)
		}},
		{"by hanging", frozen, func(t *testing.T, evil testkit.Agent, _ int) testkit.Result {
			return evil.Execute(t, "db", "freeze", nil, givenUp)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			entry := hasty(testkit.Fake(t))
			if c.entry != nil {
				entry = c.entry(t)
			}
			g, evil, good := beginCrowd(t, entry, 1)
			stopped := false
			for i := 0; i < 12 && !stopped; i++ {
				testkit.Eventually(t, "the server is ready again", func() bool { return g.Count(0, "server ready", "server", "db") > i })
				stopped = c.attack(t, evil, i).Code() == "CALL_BLOCKED"
			}
			if !stopped {
				t.Error("nobody was blocked, want the attacker to be")
			}
			if n := g.Count(0, "server quarantined"); n != 0 {
				t.Errorf("the server was quarantined %d times, want none", n)
			}
			if c.name != "by many names" { // Nobody can tell a fifth name from these.
				good[0].Execute(t, "db", "echo", nil).Good(t)
			}
		})
	}
}
