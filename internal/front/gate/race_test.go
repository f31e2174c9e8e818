package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/testkit"
)

// ledger notes which generation's server ran each call.
type ledger struct {
	mu  sync.Mutex
	ran map[string][]uint64
}

// session is the server of one generation: it notes each call by its id, takes
// a moment, and answers with its generation.
func (l *ledger) session(generation uint64) *testkit.Session {
	return testkit.NewSession(int(generation), func(ctx context.Context, r endpoint.Request) (endpoint.Response, error) {
		var params struct{ Arguments struct{ ID string } }
		if err := json.Unmarshal(r.Params, &params); err != nil {
			return endpoint.Response{}, err
		}
		l.mu.Lock()
		l.ran[params.Arguments.ID] = append(l.ran[params.Arguments.ID], generation)
		l.mu.Unlock()
		for range 20 {
			if runtime.Gosched(); ctx.Err() != nil {
				return endpoint.Response{}, context.Cause(ctx)
			}
		}
		return endpoint.Response{Result: fmt.Appendf(nil, `{"content":[],"ran":%d}`, generation)}, nil
	})
}

// The race of decision 4: calls at every moment of a reload of their own
// server. None is lost, none runs twice, and none that begins when a
// generation is current runs on the server of an older one.
func TestRace_callsAtEveryMomentOfAReload(t *testing.T) {
	const callers, each = 12, 250
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	l := &ledger{ran: map[string][]uint64{}}
	first := l.session(1)
	current := server("db", ready(1, first))
	g := newGate(t, allowAll, current)

	var running, reloading sync.WaitGroup
	var done atomic.Bool
	reloading.Go(func() {
		rng := rand.New(rand.NewPCG(seed, 0))
		was := current
		for !done.Load() {
			was = g.reload(l, was, rng)
		}
		was.Cell.Close()
		<-was.Cell.IdleC()
	})
	for caller := range callers {
		running.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(caller)+1))
			for i := range each {
				for range rng.IntN(20) {
					runtime.Gosched()
				}
				id := fmt.Sprintf("%d-%d", caller, i)
				least := g.Snapshot().Generation
				got := g.call("execute_tool", fmt.Sprintf(`{"agent_id":"a","server":"db","tool":"query","args":{"id":%q}}`, id))
				if err := l.check(id, least, got); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	done.Store(true)
	reloading.Wait()
	if len(l.ran) != callers*each {
		t.Errorf("%d calls ran, want %d", len(l.ran), callers*each)
	}
	t.Logf("%d calls in %d generations", len(l.ran), g.Snapshot().Generation)
}

// reload is what the config actor, the gateway actor and the supervisor do for
// a changed server: the new cell, the snapshot, then the old cell's end.
func (g *stage) reload(l *ledger, was *srv, rng *rand.Rand) *srv {
	generation := g.Snapshot().Generation + 1
	next := was.Again(endpoint.Status{State: endpoint.Starting})
	session := l.session(generation)
	late := rng.IntN(3) > 0
	if !late {
		testkit.Publish(next.Cell, ready(1, session))
	}
	g.Next(allowAll, next)
	was.Cell.Close()
	if late {
		for range rng.IntN(50) {
			runtime.Gosched()
		}
		testkit.Publish(next.Cell, ready(1, session))
	}
	<-was.Cell.IdleC()
	was.Cell.Status().Session.Close(endpoint.ErrStopped)
	testkit.Publish(was.Cell, endpoint.Status{State: endpoint.Stopped})
	for range rng.IntN(200) {
		runtime.Gosched()
	}
	return next
}

// check says what is wrong with the answer to a call that began when the
// generation least was current.
func (l *ledger) check(id string, least uint64, got answer) error {
	if got.IsError {
		return fmt.Errorf("call %s was lost: %s", id, got.raw)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ran := l.ran[id]
	switch {
	case len(ran) != 1:
		return fmt.Errorf("call %s ran in generations %v, want one", id, ran)
	case ran[0] < least:
		return fmt.Errorf("call %s ran on the server of generation %d, when %d was current", id, ran[0], least)
	default:
		return nil
	}
}

// The same for a server that crashes again and again: a call is answered, or
// was running and is told so, and never runs twice.
func TestRace_callsAtEveryMomentOfACrash(t *testing.T) {
	const callers, each = 8, 200
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	l := &ledger{ran: map[string][]uint64{}}
	s := server("db", ready(1, l.session(1)))
	g := newGate(t, allowAll, s)

	var running, crashing sync.WaitGroup
	var done atomic.Bool
	crashing.Go(func() {
		rng := rand.New(rand.NewPCG(seed, 0))
		for run := uint64(2); !done.Load(); run++ {
			for range rng.IntN(100) {
				runtime.Gosched()
			}
			session := s.Cell.Status().Session
			session.Close(&endpoint.Exit{Reason: "signal: killed", Phase: endpoint.Serving})
			<-session.Done()
			testkit.Publish(s.Cell, endpoint.Status{State: endpoint.BackingOff, Run: run - 1})
			runtime.Gosched()
			testkit.Publish(s.Cell, ready(run, l.session(run)))
		}
	})
	var ok, crashed atomic.Int64
	for caller := range callers {
		running.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d-%d", caller, i)
				got := g.call("execute_tool", fmt.Sprintf(`{"agent_id":"a","server":"db","tool":"query","args":{"id":%q}}`, id))
				l.mu.Lock()
				ran := len(l.ran[id])
				l.mu.Unlock()
				switch {
				case ran > 1:
					t.Errorf("call %s ran %d times, want one run at most", id, ran)
				case !got.IsError && ran == 1:
					ok.Add(1)
				case got.err.Code == "SERVER_CRASHED" && got.err.MayHaveRun:
					crashed.Add(1)
				default:
					t.Errorf("call %s, which ran %d times: got %s, want the result of one run, or a crash during one", id, ran, got.raw)
				}
			}
		})
	}
	running.Wait()
	done.Store(true)
	crashing.Wait()
	t.Logf("%d answered, %d crashed", ok.Load(), crashed.Load())
	if ok.Load() == 0 || crashed.Load() == 0 {
		t.Error("the crashes hit all calls or none: this has shown nothing")
	}
}

// However a drain ends, every call has an answer and the cell is idle.
func TestRace_stoppedWhileCallsRun(t *testing.T) {
	for range 200 {
		s := up("db", testkit.Hangs)
		g := newGate(t, allowAll, s)
		var calls []<-chan answer
		for range 5 {
			calls = append(calls, g.later(func() answer { return g.execute("db", "query") }))
		}
		g.Next(`{"agents": {}}`)
		s.Cell.Close()
		s.Cell.Status().Session.Close(endpoint.ErrStopped)
		for _, done := range calls {
			if got := <-done; got.err.Code != "CANCELLED" && got.err.Code != "DENIED_BY_POLICY" {
				t.Fatalf("got %s, want CANCELLED or DENIED_BY_POLICY", got.raw)
			}
		}
		select {
		case <-s.Cell.IdleC():
		case <-time.After(testkit.Patience):
			t.Fatal(errors.New("the cell is not idle after its last call"))
		}
	}
}

// The list of tools may shrink between any two looks at it.
func TestRace_listsWhileTheToolsChange(t *testing.T) {
	s := up("db", testkit.Hangs).Has("a")
	g := newGateWith(t, settings{Debug: true}, allowAll, s)
	var changing sync.WaitGroup
	var done atomic.Bool
	changing.Go(func() {
		for !done.Load() {
			s.Has("a", "b", "c", "d")
			s.Has("a")
		}
	})
	for range 500 {
		for _, tool := range []string{"list_servers", "get_gateway_status"} {
			if got := g.call(tool, `{"agent_id":"a"}`); got.IsError {
				t.Errorf("%s: got %s, want a result", tool, got.raw)
			}
		}
		g.tools("")
		g.execute("db", "nothing")
	}
	done.Store(true)
	changing.Wait()
}
