package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/testkit"
)

// patient restarts at once and is never quarantined, nor blocks anybody for long.
var patient = map[string]any{"initial_ms": 1, "max_ms": 5, "max_failures": 1000, "quarantine_ms": 1}

func TestCrash_listsItsCallsAndTheirCommonToolIsSuspect(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	g, a := beginRaced(t, testkit.Servers{"s": testkit.Fake(t, "--record", record).Settings("restart", patient)})
	for i, bystander := range []string{"hang", "sleep"} {
		mark, id := g.Log.Len(), strconv.Itoa(i)
		other := a.Go(t.Context(), "s", bystander, map[string]any{"id": id, "ms": 600_000})
		awaitCall(t, record, id)
		e := a.Execute(t, "s", "crash", nil).Failed(t, "SERVER_CRASHED")
		other.Wait(t).Failed(t, "SERVER_CRASHED")
		line := g.AwaitFrom(t, mark, "server crashed", "server", "s")
		for _, want := range []string{`"call_id":"` + e.CallID + `"`, `"agent":"a"`, `"tool":"crash"`, `"tool":"` + bystander + `"`} {
			if !strings.Contains(line.Raw, want) {
				t.Errorf("the crash does not name %s: %s", want, line.Raw)
			}
		}
		g.AwaitFrom(t, mark, "server ready", "server", "s")
		if i == 0 && g.Count(0, "suspect tool") != 0 {
			t.Error("a tool is suspect after one crash")
		}
	}
	g.Await(t, "suspect tool", "server", "s", "tool", "crash")
	st := value[admin.Status](t, operate(t, g, "status", "--json").want(t, exitFine))
	if got := st.Servers[0].Suspects; !slices.Equal(got, []string{"crash"}) {
		t.Errorf("status names the suspects %q, want [crash]", got)
	}
	a.Execute(t, "s", "crash", nil).Failed(t, "SERVER_CRASHED")
	if n := g.Count(0, "suspect tool"); n != 1 {
		t.Errorf("suspects were told of %d times, want once", n)
	}
}

func TestCrash_isOneLineOfTheLogWithItsVerdict(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)}, "--log-level", "info")
	g.Await(t, "server ready", "server", "s")
	mark := g.Log.Len()
	a.Execute(t, "s", "crash", map[string]any{"code": 3}).Failed(t, "SERVER_CRASHED")
	line := g.AwaitFrom(t, mark, "server crashed", "server", "s")
	if line.Str("delay") == "" || line.Str("attempt") != "1" || !strings.Contains(line.Str("reason"), "3") {
		t.Errorf("got %s, want the reason, the attempt and the delay in it", line.Raw)
	}
	g.AwaitFrom(t, mark, "server ready", "server", "s")
	var about []string
	for _, l := range g.Log.Lines()[mark:] {
		about = append(about, l.Msg)
	}
	if want := []string{"server crashed", "server starting", "server ready"}; !slices.Equal(about, want) {
		t.Errorf("the log says %q, want %q", about, want)
	}
}

func TestCancel_freesTheSlot(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	_, a := beginRaced(t, testkit.Servers{"s": testkit.Fake(t, "--record", record).Settings("max_in_flight", 1)})
	ctx, cancel := context.WithCancel(t.Context())
	call := a.Go(ctx, "s", "hang", map[string]any{"id": "left"})
	awaitCall(t, record, "left")
	a.Execute(t, "s", "echo", nil).Failed(t, "OVERLOADED")
	cancel()
	<-call.Done()
	awaitEvent(t, record, "cancelled", "left")
	testkit.Eventually(t, "the slot is free", func() bool { return a.Execute(t, "s", "echo", nil).Code() == "" })
}

// TestFlood_ofOneServer_leavesTheOthersAlone runs by itself: a flood takes all
// that the machine has.
func TestFlood_ofOneServer_leavesTheOthersAlone(t *testing.T) {
	for _, flood := range []string{"stderr", "junk", "notify", "line"} {
		t.Run(flood, func(t *testing.T) {
			g, a := begin(t, testkit.Servers{"loud": testkit.Fake(t, "--flood", flood), "good": testkit.Fake(t)})
			for range 30 {
				a.Execute(t, "good", "echo", nil).Good(t)
			}
			g.Await(t, "server ready", "server", "loud") // Else a call may time out waiting for its start.
			if flood == "line" {
				wantUnheard(t, g, a)
			} else {
				a.Execute(t, "loud", "echo", nil).Good(t)
				if n := g.Count(0, "server crashed"); n != 0 {
					t.Errorf("%d crashes, want 0", n)
				}
			}
			// What is logged of it is limited: 50 lines a second.
			if n := g.Log.Len(); n > 10_000 {
				t.Errorf("the flood made %d lines of log, want 10000 at most", n)
			}
		})
	}
}

// wantUnheard calls a server that sends one line without end: it says nothing until the
// line has become too long, which then ends it. How soon that is the machine decides.
func wantUnheard(t *testing.T, g *testkit.Gateway, a testkit.Agent) {
	t.Helper()
	r := a.Execute(t, "loud", "echo", nil, map[string]any{"timeout_ms": 500})
	if code := r.Code(); code != "TIMEOUT" && code != "SERVER_CRASHED" {
		t.Errorf("got %s, want TIMEOUT, or SERVER_CRASHED if the line is too long by then", r.Raw)
	}
	for _, l := range g.Log.Lines() {
		if l.Msg == "server crashed" && l.Str("reason") != "the server sent a line without end" {
			t.Errorf("got %s, want no crash for any other reason than the line", l.Raw)
		}
	}
}

func TestHTTPSession_survivesARestartOfTheGateway(t *testing.T) {
	t.Parallel()
	options := testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t)}.JSON(), Rules: testkit.AllowAll("a"), Args: []string{"--http", testkit.FreeAddress(t)},
	}
	first := testkit.StartGateway(t, options)
	raw := first.Raw(t)
	a := testkit.Agent{ID: "a", Caller: raw}
	before := pidOf(t, a, "s")
	first.Stop(t)
	second := testkit.StartGateway(t, options)
	if url := second.BaseURL(t) + "/mcp"; url != raw.URL || raw.Session == "" {
		t.Fatalf("the second gateway is at %s, the session %q with %s, want %s and a session of its own", url, raw.Session, raw.URL, url)
	}
	if after := pidOf(t, a, "s"); after == before {
		t.Error("the old process answers")
	}
}

// TestRace_callsAtTheMomentOfIdleStop: calls come in bursts, with pauses that
// are about as long as the server may be idle. None is lost, none runs twice.
func TestRace_callsAtTheMomentOfIdleStop(t *testing.T) {
	t.Parallel()
	const rounds, callers, idle = 100, 20, 20
	seed := seedOf(t)
	record := recordFile(t)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t, "--record", record).Settings("idle_stop_ms", idle, "restart_wait_ms", 60000)}.JSON(),
		Rules:   testkit.AllowAll("a"), Race: true,
	})
	a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	rnd := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex
	var calls []raceCall
	for round := range rounds {
		var burst sync.WaitGroup
		for n := range callers {
			delay := time.Duration(rnd.IntN(4000)) * time.Microsecond
			burst.Go(func() {
				<-time.After(delay)
				c := raceCall{id: fmt.Sprintf("r%d-%d", round, n)}
				c.result, c.err = a.TryExecute(t.Context(), "s", "echo", map[string]any{"id": c.id})
				mu.Lock()
				defer mu.Unlock()
				calls = append(calls, c)
			})
		}
		burst.Wait()
		<-time.After(time.Duration(rnd.IntN(1600*idle)) * time.Microsecond)
	}
	entries := testkit.Record(t, record)
	ran := testkit.Calls(entries)
	for _, c := range calls {
		if c.err != nil || c.result.IsError || len(ran[c.id]) != 1 {
			t.Errorf("%s ran %d times: %v %s, want a result of one run each", c.id, len(ran[c.id]), c.err, c.result.Raw)
		}
	}
	sleeps := g.Count(0, "server sleeping")
	if sleeps < 10 {
		t.Errorf("the server slept %d times: this proves little, want 10 at least", sleeps)
	}
	if n := g.Count(0, "server crashed"); n != 0 {
		t.Errorf("an idle stop was taken for a crash, %d times, want 0", n)
	}
	t.Logf("%d calls, %d idle stops", len(calls), sleeps)
}
