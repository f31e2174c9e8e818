package endpoint_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// comes fails the test if done is not closed in time.
func comes(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("waited %s for %s in vain", patience, what)
	}
}

// finish waits for a group as comes does.
func finish(t *testing.T, what string, group *sync.WaitGroup) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	comes(t, what, done)
}

func newCell() *endpoint.Cell {
	return endpoint.NewCell("files", endpoint.Identity{Spec: "print"}, endpoint.Status{State: endpoint.Starting})
}

func TestCell_isWhatItWasMadeOf(t *testing.T) {
	c := newCell()
	if c.Identity().Spec != "print" || c.Status().State != endpoint.Starting {
		t.Errorf("got %q %q, want %q %q", c.Identity().Spec, c.Status().State, "print", endpoint.Starting)
	}
	if c.Catalog().Known {
		t.Error("a new cell knows tools")
	}
	if isClosed(c.ClosedC()) || isClosed(c.IdleC()) || c.InFlight() != 0 {
		t.Error("a new cell is not open and empty")
	}
}

func TestCell_countsCallsInAndOut(t *testing.T) {
	c := newCell()
	for i := range 3 {
		if got := c.Acquire(3); got != endpoint.Admitted {
			t.Fatalf("call %d: got %v, want admitted", i, got)
		}
	}
	if got := c.Acquire(3); got != endpoint.Full {
		t.Errorf("one call too many: got %v, want full", got)
	}
	if c.InFlight() != 3 {
		t.Errorf("in flight: got %d, want 3", c.InFlight())
	}
	c.Release()
	if got := c.Acquire(3); got != endpoint.Admitted {
		t.Errorf("after a release: got %v, want admitted", got)
	}
	if got := c.Acquire(2); got != endpoint.Full {
		t.Errorf("with a limit below what is in flight: got %v, want full", got)
	}
}

func TestCell_zeroAdmissionRefuses(t *testing.T) {
	var a endpoint.Admission
	if a == endpoint.Admitted || a == endpoint.Full {
		t.Error("the zero Admission lets a call in")
	}
}

func TestCell_closeRefusesForGood(t *testing.T) {
	c := newCell()
	c.Acquire(10)
	c.Close()
	if got := c.Acquire(10); got != endpoint.Closed {
		t.Errorf("got %v, want closed", got)
	}
	if c.InFlight() != 1 {
		t.Errorf("in flight: got %d, want 1", c.InFlight())
	}
	if !isClosed(c.ClosedC()) || isClosed(c.IdleC()) {
		t.Error("a closed cell with a call inside must be closed and not idle")
	}
	c.Release()
	if !isClosed(c.IdleC()) || c.InFlight() != 0 {
		t.Error("the closed cell is not idle after its last call, want it idle")
	}
	if got := c.Acquire(10); got != endpoint.Closed {
		t.Errorf("when idle: got %v, want closed", got)
	}
}

func TestCell_closedWithoutCalls_isIdleAtOnce(t *testing.T) {
	c := newCell()
	c.Close()
	c.Close() // A second time changes nothing.
	if !isClosed(c.IdleC()) || !isClosed(c.ClosedC()) {
		t.Error("an empty cell is not idle once closed")
	}
}

func TestCell_openCellIsNeverIdle(t *testing.T) {
	c := newCell()
	for range 3 {
		c.Acquire(1)
		c.Release()
	}
	if isClosed(c.IdleC()) {
		t.Error("an open cell was said to be idle for good")
	}
}

func TestCell_runsCountFromOne(t *testing.T) {
	c := newCell()
	if a, b := c.NextRun(), c.NextRun(); a != 1 || b != 2 {
		t.Errorf("got runs %d, %d, want 1, 2", a, b)
	}
}

// After IdleC, no call is inside, and none that was let in is missed: for any
// interleaving of callers with Close.
func TestCell_afterIdleNoCallIsInside(t *testing.T) {
	for round := range 300 {
		c := newCell()
		var inside, most atomic.Int64
		var callers sync.WaitGroup
		const limit = 4
		for range 8 {
			callers.Go(func() {
				for {
					switch c.Acquire(limit) {
					case endpoint.Admitted:
						n := inside.Add(1)
						for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
						}
						inside.Add(-1)
						c.Release()
					case endpoint.Closed:
						return
					case endpoint.Full:
					}
				}
			})
		}
		for range rand.IntN(200) {
			_ = c.InFlight()
		}
		c.Close()
		comes(t, "IdleC after Close", c.IdleC())
		if n := inside.Load(); n != 0 {
			t.Fatalf("round %d: %d calls are inside after IdleC, want 0", round, n)
		}
		finish(t, "the callers to find the cell closed", &callers)
		if m := most.Load(); m > limit {
			t.Fatalf("round %d: %d calls were inside at once, want %d at most", round, m, limit)
		}
	}
}

func TestMove_wakesEveryWaiter(t *testing.T) {
	c := newCell()
	var waiters, ready sync.WaitGroup
	for range 20 {
		ready.Add(1)
		waiters.Go(func() {
			st := c.Status()
			ready.Done()
			for st.State != endpoint.Ready {
				<-st.Replaced()
				st = c.Status()
			}
		})
	}
	ready.Wait()
	c.Move(endpoint.Begun, time.Now(), nil)
	c.Move(endpoint.Opened, time.Now(), func(next *endpoint.Status) { next.Run = 2 })
	finish(t, "every waiter to see the server ready", &waiters)
	if st := c.Status(); st.Run != 2 || isClosed(st.Replaced()) {
		t.Errorf("got run %d, replaced %v; want 2, false", st.Run, isClosed(st.Replaced()))
	}
}

// Whoever follows the statuses comes to the last one, however many publish.
func TestCell_aFollowerReachesTheLastStatus(t *testing.T) {
	c := newCell()
	var publishers, followers sync.WaitGroup
	for range 4 {
		publishers.Go(func() {
			for range 500 {
				c.Move(endpoint.Begun, time.Now(), nil)
			}
		})
		followers.Go(func() {
			for st := c.Status(); st.State != endpoint.Stopped; st = c.Status() {
				<-st.Replaced()
			}
		})
	}
	finish(t, "the publishers", &publishers)
	c.Move(endpoint.Ended, time.Now(), nil)
	finish(t, "every follower to see the server stopped", &followers)
	if isClosed(c.Status().Replaced()) {
		t.Error("the latest status counts as replaced")
	}
}

func TestCatalog_isPublishedWholeAndFoundByName(t *testing.T) {
	c := newCell()
	first := c.Catalog()
	if _, ok := first.Lookup("read"); ok {
		t.Error("an empty catalog knows a tool")
	}
	c.PublishCatalog(endpoint.Catalog{Known: true, Tools: []endpoint.Tool{
		{Name: "read", Raw: []byte(`{"name":"read"}`)}, {Name: "write"}, {Name: "read", Raw: []byte(`"second"`)},
	}})
	if !isClosed(first.Replaced()) {
		t.Error("the old catalog does not tell that it was replaced")
	}
	next := c.Catalog()
	if tool, ok := next.Lookup("read"); !ok || string(tool.Raw) != `{"name":"read"}` {
		t.Errorf("got %s, %v; want the first of that name", tool.Raw, ok)
	}
	if _, ok := next.Lookup("Read"); ok {
		t.Error("names are told apart by case")
	}
	if isClosed(next.Replaced()) {
		t.Error("the latest catalog counts as replaced")
	}
}

func TestCell_recalledCatalog_staysBehindWhatTheServerSays(t *testing.T) {
	kept := endpoint.Catalog{At: time.Unix(1, 0), Tools: []endpoint.Tool{{Name: "kept"}}, Info: endpoint.ServerInfo{Title: "kept"}}
	own := endpoint.Catalog{Known: true, At: time.Unix(2, 0), Tools: []endpoint.Tool{{Name: "own"}}}
	failed := endpoint.Catalog{At: time.Unix(3, 0), Err: "no list", Info: endpoint.ServerInfo{Title: "own"}}
	for _, c := range []struct {
		name          string
		said          *endpoint.Catalog
		tool, title   string
		kept, replace bool
	}{
		{"nothing said", nil, "kept", "kept", true, true},
		{"a list", &own, "own", "", false, false},
		{"a list that cannot be read", &failed, "kept", "own", true, true},
	} {
		cell := newCell()
		if c.said != nil {
			cell.PublishCatalog(*c.said)
		}
		before := cell.Catalog()
		cell.Recall(kept)
		got := cell.Catalog()
		_, has := got.Lookup(c.tool)
		if !got.Known || !has || got.Kept != c.kept || got.Info.Title != c.title || isClosed(before.Replaced()) != c.replace {
			t.Errorf("%s: got %+v, want it known, with the tool %s, the title %q, kept: %v, in a new catalog: %v", c.name, got, c.tool, c.title, c.kept, c.replace)
		}
		if c.said != nil && got.Err != c.said.Err {
			t.Errorf("%s: got the error %q, want %q", c.name, got.Err, c.said.Err)
		}
		cell.PublishCatalog(own)
		if got := cell.Catalog(); got.Kept || !isClosed(before.Replaced()) {
			t.Errorf("%s: got %+v after the server's list, want it in force", c.name, got)
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func BenchmarkCell_acquireRelease(b *testing.B) {
	c := newCell()
	b.ReportAllocs()
	for b.Loop() {
		if c.Acquire(10) == endpoint.Admitted {
			c.Release()
		}
	}
}
