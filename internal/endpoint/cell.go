package endpoint

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/fair"
)

// Status is an immutable picture of a server, published whole. Session is set
// only while calls may be sent: in Ready, and in Draining.
type Status struct {
	State   State
	Since   time.Time
	Run     uint64 // which incarnation of the server; 0 before the first
	PID     int    // 0 for a url server or none
	Session Session
	Reason  string    // why it is not ready, redacted; empty when there is nothing to say
	RetryAt time.Time // when the next attempt is due; zero when none is planned
	// Node is the gateway of the fleet that runs it, if that is another one.
	Node string
	// Restarts counts the runs that ended by themselves, Opened those that became
	// ready.
	Restarts, Opened int

	replaced chan struct{}
}

// Replaced is closed when a newer Status has been published.
func (s *Status) Replaced() <-chan struct{} { return s.replaced }

// Admission is the answer of Enter.
type Admission = fair.Verdict

// The answers of Enter. The zero value refuses.
const (
	// Closed: the cell takes no more calls; a newer snapshot has another
	// cell, or none, for this server.
	Closed = fair.Closed
	// Full: as many calls as allowed are in flight, and nobody has more of them
	// than this caller; or too many wait.
	Full = fair.Full
	// Queued: the call waits for those of others, who have their share too.
	Queued = fair.Waiting
	// Admitted: the call is counted; Leave must follow.
	Admitted = fair.Granted
)

// Identity is what a cell stands for. A new generation goes on with the cell of
// a server exactly if its identity is the same.
type Identity struct {
	// Spec is the fingerprint of the expanded spec.
	Spec string
	// Unusable is the state of a server that must not be started, and Reason
	// says why; both are empty for all others.
	Unusable State
	Reason   string
	// Barred is why this gateway cannot start the server, though others of its fleet
	// may; empty for all others.
	Barred string
	// Once is whether all gateways of a fleet share what runs; false without a fleet.
	Once bool
}

// Released says why a server that was held goes on not to be started; it is empty if it is.
func (i Identity) Released(server string) string {
	if i.Unusable == "" || i.Unusable == Held {
		return ""
	}
	return fmt.Sprintf("%q is not held any more, and does not start: it is %s (%s)", server, i.Unusable, i.Reason)
}

// ReleasedGone says that a server that was held has left the files meanwhile.
func ReleasedGone(server string) string {
	return fmt.Sprintf("%q is not held any more; there is no such server now", server)
}

// Cell is the endpoint of one server with one spec. It is made by the config
// actor, shared by every snapshot in which the spec is unchanged, and
// published to by the server's actor and the supervisor.
type Cell struct {
	name     string
	identity Identity

	status  atomic.Pointer[Status]
	catalog atomic.Pointer[Catalog]
	others  [Lists]atomic.Pointer[Catalog] // of the lists but Tools
	calls   fair.Pool
	runs    atomic.Uint64

	admitted atomic.Uint64
	overdue  atomic.Uint64
	promised atomic.Int64
	suspects atomic.Pointer[[]string]
	era      atomic.Pointer[Era]
	guard    atomic.Pointer[Guard]
	notices  *Notices

	instances *Instances // nil but for an entry that has some
	instance  *Instance  // nil for the cell of an entry

	closeOnce sync.Once
	closed    chan struct{}
	idleOnce  sync.Once
	idle      chan struct{}
}

// NewCell makes an open cell with the given first status.
func NewCell(name string, identity Identity, first Status) *Cell {
	c := &Cell{
		name:     name,
		identity: identity,
		closed:   make(chan struct{}),
		idle:     make(chan struct{}),
		notices:  &Notices{},
	}
	first.replaced = make(chan struct{})
	c.status.Store(&first)
	c.catalog.Store(&Catalog{replaced: make(chan struct{})})
	for l := range c.others {
		c.others[l].Store(&Catalog{replaced: make(chan struct{})})
	}
	return c
}

// Identity is what the cell stands for.
func (c *Cell) Identity() Identity { return c.identity }

// Place says where a server is that this gateway cannot start, and why it cannot. It is
// empty for one that it can, or that nobody may start.
func (c *Cell) Place() string {
	why := c.identity.Barred
	if why == "" || c.identity.Unusable != "" {
		return ""
	}
	there := "no gateway of the fleet runs it now"
	switch st := c.Status(); {
	case st.State == Misconfigured:
		there = "no gateway of the fleet can run it"
	case st.Node != "":
		there = "runs at " + st.Node
	}
	return there + "; cannot run here: " + why
}

// Status is the latest published picture. It does not block.
func (c *Cell) Status() *Status { return c.status.Load() }

// Move makes the step of the server's life that fact leads to, and wakes
// everybody who waits on the old status. It is the only writer of a status.
// It returns false, and changes nothing, if the table has no such step: the
// fact then comes too late to matter.
//
// change fills in the next status, which begins with what stays true: the run,
// its restarts and, where calls may still be sent, its session and process. It
// may be called more than once and must do nothing else. nil changes nothing.
func (c *Cell) Move(fact Fact, at time.Time, change func(next *Status)) bool {
	for {
		old := c.status.Load()
		to, ok := Next(old.State, fact)
		if !ok {
			return false
		}
		next := old.entering(to, at)
		if change != nil {
			change(next)
		}
		next.State = to
		if c.status.CompareAndSwap(old, next) {
			close(old.replaced)
			return true
		}
	}
}

// entering returns the status with which a server enters a state.
func (s *Status) entering(to State, at time.Time) *Status {
	next := &Status{State: to, Since: at, Run: s.Run, Restarts: s.Restarts, Opened: s.Opened, replaced: make(chan struct{})}
	if to == Draining {
		next.PID, next.Session, next.Reason, next.Node = s.PID, s.Session, s.Reason, s.Node
	}
	return next
}

// NextRun numbers the runs of this cell, from 1. The instances of an entry share
// the numbers: each belongs to one process.
func (c *Cell) NextRun() uint64 {
	if c.instance != nil {
		return c.instance.Of.NextRun()
	}
	return c.runs.Add(1)
}

// PassRuns has the next run have a higher number than this one, which another gateway
// of the fleet has begun.
func (c *Cell) PassRuns(run uint64) {
	if c.instance != nil {
		c.instance.Of.PassRuns(run)
		return
	}
	for {
		last := c.runs.Load()
		if last >= run || c.runs.CompareAndSwap(last, run) {
			return
		}
	}
}

// Enter counts a call of an owner in, unless the cell is closed or the owner may
// have no more of the calls that limit allows. It does not block. wait is not
// nil exactly if the answer is Queued; once it is done Take must follow, and
// before that GiveUp.
func (c *Cell) Enter(o fair.Owner, limit int) (wait *fair.Wait, a Admission) {
	wait, a = c.calls.Enter(o, limit, time.Now())
	if a == Admitted {
		c.admitted.Add(1)
	}
	return wait, a
}

// Leave counts a call out.
func (c *Cell) Leave(o fair.Owner) {
	if c.calls.Leave(o, time.Now()) {
		c.markIdle()
	}
}

// Acquire is Enter for a call that belongs to nobody in particular and does not
// wait.
func (c *Cell) Acquire(limit int) Admission {
	wait, a := c.Enter(fair.Owner{}, limit)
	if a == Queued {
		c.GiveUp(wait)
		return Full
	}
	return a
}

// Release is Leave after Acquire.
func (c *Cell) Release() { c.Leave(fair.Owner{}) }

// Wanted reports whether others than an owner have called just now.
func (c *Cell) Wanted(o fair.Owner) bool { return c.calls.Wanted(o, time.Now()) }

// GiveUp ends a wait that has not been granted, or counts the call out if it
// has by now.
func (c *Cell) GiveUp(wait *fair.Wait) {
	if wait.Leave(time.Now()) {
		c.markIdle()
	}
}

// Take counts a call in that has waited, and reports whether it was granted. If
// it was not, the cell is closed.
func (c *Cell) Take(wait *fair.Wait) bool {
	if wait.Verdict() != Admitted {
		return false
	}
	c.admitted.Add(1)
	return true
}

// InFlight is the number of calls that are counted in.
func (c *Cell) InFlight() int { return c.calls.Used() }

// Queued is the number of calls that wait for those of others.
func (c *Cell) Queued() int { return c.calls.Queued() }

// Close refuses every later call, for good, and those of the entry's instances.
// Calls in flight go on.
func (c *Cell) Close() {
	c.instances.close()
	c.closeOnce.Do(func() {
		if c.calls.Close() == 0 {
			c.markIdle()
		}
		close(c.closed)
	})
}

func (c *Cell) markIdle() { c.idleOnce.Do(func() { close(c.idle) }) }

// ClosedC is closed once the cell takes no more calls.
func (c *Cell) ClosedC() <-chan struct{} { return c.closed }

// IdleC is closed once the cell is closed and no call is in flight any more.
func (c *Cell) IdleC() <-chan struct{} { return c.idle }
