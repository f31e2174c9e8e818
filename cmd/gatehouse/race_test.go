package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/testkit"
)

// seedOf returns the seed of a random test: GATEHOUSE_TEST_SEED, or a new one.
// It is printed, so that a failure can be run again.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("GATEHOUSE_TEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("GATEHOUSE_TEST_SEED=%d", seed)
	return seed
}

// raceCall is one call of the race tests.
type raceCall struct {
	id     string
	newest int64 // the config that was known to be in force when it started
	result testkit.Result
	err    error
}

// tag is the config whose process ran the call.
func (c raceCall) tag() int64 {
	n, err := strconv.ParseInt(c.result.Field("tag"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// hammer is a crowd of callers of server "s".
type hammer struct {
	inForce atomic.Int64 // the config known to be in force; read before each call
	ended   atomic.Int64 // calls that have ended
	stop    context.CancelFunc
	wg      sync.WaitGroup
	mu      sync.Mutex
	calls   []raceCall
}

// newHammer starts to call tools of server "s" from many goroutines, each call
// with an id of its own.
func newHammer(t *testing.T, g *testkit.Gateway, seed uint64) *hammer {
	t.Helper()
	const workers = 24
	ctx, stop := context.WithCancel(t.Context())
	h := &hammer{stop: stop}
	a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	for w := range workers {
		rnd := rand.New(rand.NewPCG(seed, uint64(w)))
		h.wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				c := raceCall{id: fmt.Sprintf("w%d-%d", w, i), newest: h.inForce.Load()}
				tool, args := "pid", map[string]any{"id": c.id}
				if rnd.IntN(3) == 0 {
					tool, args["ms"] = "sleep", rnd.IntN(30)
				}
				c.result, c.err = a.TryExecute(t.Context(), "s", tool, args)
				h.ended.Add(1)
				h.mu.Lock()
				h.calls = append(h.calls, c)
				h.mu.Unlock()
			}
		})
	}
	return h
}

// more waits until n more calls have ended.
func (h *hammer) more(t *testing.T, n int64) {
	t.Helper()
	goal := h.ended.Load() + n
	testkit.Eventually(t, "more calls have ended", func() bool { return h.ended.Load() >= goal })
}

// end stops the callers and gives every call with its outcome.
func (h *hammer) end() []raceCall {
	h.stop()
	h.wg.Wait()
	return h.calls
}

// TestRace_callsDuringReloadsOfTheirServer is the race of the endpoint cells:
// calls arrive at every moment of a reload of their own server's entry. None
// is lost, none runs twice, and none that started once a config was known to
// be in force runs on the process of an older one.
func TestRace_callsDuringReloadsOfTheirServer(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	const reloadCount = 20
	record := recordFile(t)
	entry := func(tag int) testkit.Servers {
		return testkit.Servers{"s": testkit.Fake(t, "--record", record, "--tag", strconv.Itoa(tag)).Settings("restart_wait_ms", 60000)}
	}
	g := testkit.StartGateway(t, testkit.Options{
		Servers: entry(0).JSON(), Rules: testkit.AllowAll("a"), Args: []string{"--debounce", "10ms"}, Race: true,
	})
	g.Await(t, "server ready", "server", "s")

	h := newHammer(t, g, seed)
	rnd := rand.New(rand.NewPCG(seed, 1<<32))
	for n := 1; n <= reloadCount; n++ {
		mark := g.Log.Len()
		g.Apply(t, g.ServersFile, entry(n).JSON())
		h.inForce.Store(int64(n))
		if rnd.IntN(3) > 0 {
			// Otherwise the next change comes while this one's process still
			// starts.
			g.AwaitFrom(t, mark, "server ready", "server", "s")
			h.more(t, 40+rnd.Int64N(100))
		}
	}
	h.more(t, 100)
	calls := h.end()

	ran := testkit.Calls(testkit.Record(t, record))
	for _, c := range calls {
		switch {
		case c.err != nil || c.result.IsError:
			t.Errorf("%s was lost: %v %s, want a result", c.id, c.err, c.result.Raw)
		case len(ran[c.id]) != 1:
			t.Errorf("%s ran %d times, want once", c.id, len(ran[c.id]))
		case c.tag() < c.newest:
			t.Errorf("%s started when config %d was in force, so it must not run on %d", c.id, c.newest, c.tag())
		}
	}
	if len(calls) < 600 {
		t.Errorf("only %d calls were made: this proves little", len(calls))
	}
	t.Logf("%d calls during %d reloads of their server", len(calls), reloadCount)
}

// TestRace_callsWhileTheirServerComesAndGoes: a call of a server that is
// removed and added again either runs once or is refused by name; it is never
// cut off.
func TestRace_callsWhileTheirServerComesAndGoes(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	record := recordFile(t)
	with := testkit.Servers{"s": testkit.Fake(t, "--record", record).Settings("restart_wait_ms", 60000)}
	g := testkit.StartGateway(t, testkit.Options{
		Servers: with.JSON(), Rules: testkit.AllowAll("a"), Args: []string{"--debounce", "10ms"}, Race: true,
	})
	h := newHammer(t, g, seed)
	for range 6 {
		g.Apply(t, g.ServersFile, testkit.Servers{}.JSON())
		mark := g.Log.Len()
		g.Apply(t, g.ServersFile, with.JSON())
		g.AwaitFrom(t, mark, "server ready", "server", "s")
		h.more(t, 100)
	}
	calls := h.end()

	ran := testkit.Calls(testkit.Record(t, record))
	good, refused := 0, 0
	for _, c := range calls {
		times := len(ran[c.id])
		switch {
		case c.err == nil && c.result.Code() == "" && times == 1:
			good++
		case c.err == nil && c.result.Code() == "SERVER_NOT_FOUND" && times == 0:
			refused++
		default:
			t.Errorf("%s ran %d times: %v %s, want one result, or none and SERVER_NOT_FOUND", c.id, times, c.err, c.result.Raw)
		}
	}
	if good == 0 || refused == 0 {
		t.Errorf("%d good and %d refused calls: both must occur to prove anything", good, refused)
	}
	t.Logf("%d good and %d refused calls while their server came and went", good, refused)
}
