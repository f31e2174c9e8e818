package front_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

// queue is db with four places, whose calls hang until one is let go.
type queue struct {
	*house

	db    *testkit.Backend
	letGo chan struct{}

	mu   sync.Mutex
	sent []string // the agents of the calls, in the order in which they were sent
}

func newQueue(t *testing.T) *queue {
	q := &queue{letGo: make(chan struct{})}
	q.db = testkit.ReadyBackend("db", func(ctx context.Context, r endpoint.Request) (endpoint.Response, error) {
		q.mu.Lock()
		q.sent = append(q.sent, r.By.Agent)
		q.mu.Unlock()
		select {
		case <-q.letGo:
			return testkit.Says(contents)(ctx, r)
		case <-ctx.Done():
			return endpoint.Response{}, context.Cause(ctx)
		}
	}).Has(uri).With(func(e *serversfile.Entry) { e.Settings.MaxInFlight = 4 })
	q.house = newHouse(t, front.Config{}, q.db)
	q.Next(`{"agents": {"a": {"allow": {"servers": ["*"]}}, "b": {"allow": {"servers": ["*"]}}}}`, q.db)
	return q
}

// calls makes calls as an agent until they are sent or wait.
func (q *queue) calls(n int, agent string, caller agents.Caller) {
	for range n {
		go func() {
			r := &read{}
			r.Caller, r.RequestedAgent, r.Timeout = caller, agent, time.Minute
			r.Target = front.Target{Kind: &resources, Server: "db", Name: uri}
			q.router.Start(&r.Call)
			defer q.router.Finish(&r.Call)
			_ = r.End(q.router.Forward(context.Background(), &r.Call, r))
		}()
		synctest.Wait()
	}
}

// let ends one call, and returns the agents of all that were sent by then.
func (q *queue) let() []string {
	q.letGo <- struct{}{}
	synctest.Wait()
	return q.order()
}

func (q *queue) order() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.sent)
}

// One agent has as many hanging calls as it gets, and more that wait. The calls
// of another one are sent before those.
func TestAdmitted_anotherAgentsCalls_goBeforeTheQueueOfAHog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t)
		defer close(q.letGo)
		q.calls(1, "b", agents.Caller{})
		q.let()
		q.calls(6, "a", agents.Caller{}) // Three are sent: b may want some.
		q.calls(2, "b", agents.Caller{}) // One of them is sent, the other one waits.
		if got, want := q.order(), []string{"b", "a", "a", "a", "b"}; !slices.Equal(got, want) {
			t.Fatalf("sent by now: got %v, want %v", got, want)
		}
		if got := q.db.Cell.Queued(); got != 4 {
			t.Errorf("got %d calls in the queue, want 4", got)
		}
		if got, want := q.let(), []string{"b", "a", "a", "a", "b", "b"}; !slices.Equal(got, want) {
			t.Errorf("after one has ended: got %v, want %v", got, want)
		}
	})
}

// Who has its share and calls on while others do is refused, but not at once.
func TestAdmitted_aRefusal_takesItsTimeWhileOthersCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t)
		defer close(q.letGo)
		refused := func() time.Duration {
			began := time.Now()
			if _, fail := q.read(t.Context(), uri); codeOf(fail) != front.CodeOverloaded {
				t.Errorf("got %v, want %s", fail, front.CodeOverloaded)
			}
			return time.Since(began)
		}
		q.calls(4, "a", agents.Caller{})
		if got := refused(); got != 0 {
			t.Errorf("alone: refused after %v, want at once", got)
		}
		q.calls(1, "b", agents.Caller{})
		if got := refused(); got != time.Second {
			t.Errorf("while another one calls: refused after %v, want 1 s", got)
		}
	})
}

// A call that waits for its turn is decided by the rules that are in force when
// it comes.
func TestAdmitted_aCallInTheQueue_isDecidedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t)
		defer close(q.letGo)
		q.calls(4, "a", agents.Caller{})
		q.calls(1, "b", agents.Caller{})
		q.Next(`{"agents": {"a": {"allow": {"servers": ["*"]}}, "b": {}}}`, q.db)
		if got, want := q.let(), []string{"a", "a", "a", "a"}; !slices.Equal(got, want) {
			t.Errorf("sent: got %v, want %v", got, want)
		}
		if got := q.db.Cell.InFlight() + q.db.Cell.Queued(); got != 3 {
			t.Errorf("got %d calls in flight or waiting, want the 3 that hang", got)
		}
	})
}

// A call in the queue ends with its time, its caller or the gateway.
func TestAdmitted_aCallInTheQueue_endsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t)
		defer close(q.letGo)
		q.calls(4, "a", agents.Caller{})
		q.calls(1, "b", agents.Caller{})
		time.Sleep(2 * time.Minute)
		if got := q.db.Cell.InFlight() + q.db.Cell.Queued(); got != 0 {
			t.Errorf("after their time: got %d calls in flight or waiting, want 0", got)
		}
		q.calls(4, "a", agents.Caller{})
		q.calls(1, "b", agents.Caller{})
		q.router.Stop()
		synctest.Wait()
		if got := q.db.Cell.Queued(); got != 0 {
			t.Errorf("at the end of the gateway: got %d calls waiting, want 0", got)
		}
	})
}
