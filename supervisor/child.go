package supervisor

import (
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/blame"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/restart"
	"gatehouse/messages"
)

// child is one server as the supervisor knows it. Only plans is read by
// others: the server's actor looks there for its settings.
type child struct {
	plans    atomic.Pointer[messages.ServerPlan]
	pid      *actor.PID // nil for a server that must not be started
	history  restart.History
	suspects suspects
	book     blame.Book  // whose calls have ended it
	seq      uint64      // numbers the failures; a timer of an older one is void
	timer    *time.Timer // runs until the next start
	wakeable time.Time   // from when on a call may bring that forward; zero: it may not
	opened   int         // runs that had become ready at the last failure
	failing  bool        // it has failed and waits for its next start
	draining bool
	place    place     // where it runs
	wanted   time.Time // when a call waited for it last
	// instances are those of an entry that has some, by their cells.
	instances map[*endpoint.Cell]*child
	hurry     chan struct{} // closed to end a drain before its time
	gone      chan struct{} // closed when its actor has ended
}

func newChild(p messages.ServerPlan) *child {
	k := &child{hurry: make(chan struct{}), gone: make(chan struct{}), instances: map[*endpoint.Cell]*child{}}
	k.setPlan(p)
	return k
}

func (k *child) plan() messages.ServerPlan     { return *k.plans.Load() }
func (k *child) setPlan(p messages.ServerPlan) { k.plans.Store(&p) }

// failed notes a failure and gets the verdict on it. What a caller is to blame for
// does not count.
func (k *child) failed(exit *endpoint.Exit, blamed blame.Verdict, rnd float64) restart.Verdict {
	k.seq++
	plan := k.plan()
	opened := plan.Cell.Status().Opened
	f := restart.Failure{
		At: exit.At, Phase: exit.Phase, ReadyFor: exit.ReadyFor, Reason: exit.Reason,
		Worked: opened != k.opened, Free: plan.Spec.URL != "" || exit.Scarce, Blamed: blamed.Blamed,
	}
	k.opened = opened
	var v restart.Verdict
	k.history = k.history.Forgive(blamed.Forgiven)
	policy := plan.Entry.Settings.Restart
	v, k.history = restart.Next(policy, k.history, f, rnd)
	pause := min(exit.Pause, policy.Max) // It lengthens the wait and never shortens it, or a server could have itself tried all the time.
	v.Delay, v.Wake = max(v.Delay, pause), max(v.Wake, pause)
	return v
}

// wait has the child restarted when the verdict says so.
func (k *child) wait(v restart.Verdict, again func()) {
	k.timer = time.AfterFunc(v.Delay, again)
	k.wakeable = time.Time{}
	if v.Wake < v.Delay {
		k.wakeable = time.Now().Add(v.Wake)
	}
}

// wake brings the restart of a child that has failed forward, if a call may.
func (k *child) wake() {
	if !k.wakeable.IsZero() && k.timer.Stop() {
		k.timer.Reset(max(0, time.Until(k.wakeable)))
		k.wakeable = time.Time{}
	}
}

// announce shows the verdict to callers, then to the journal: who hears of it may rely
// on what the cell shows.
func (k *child) announce(sys *actor.ActorSystem, exit *endpoint.Exit, v restart.Verdict) {
	cell, name := k.plan().Cell, k.plan().Name()
	fact, reason := endpoint.Retried, exit.Reason
	var told messages.Event = messages.ServerBackingOff{Server: name, Run: exit.Run, Attempt: v.Attempt, Delay: v.Delay, Reason: exit.Reason}
	if v.Action == restart.Quarantine {
		fact, reason = endpoint.GivenUp, v.Reason
		told = messages.ServerQuarantined{Server: name, Run: exit.Run, Delay: v.Delay, Reason: v.Reason, Stderr: exit.Stderr}
	}
	now := time.Now()
	cell.Move(fact, now, func(next *endpoint.Status) {
		next.Run, next.Reason, next.RetryAt = exit.Run, reason, now.Add(v.Delay)
		next.Restarts++
	})
	sys.EventStream.Publish(told)
}

// ended notes that the child's actor is gone.
func (k *child) ended(c actor.Context) {
	k.stopTimer()
	close(k.gone)
	p := k.plan()
	reason := "drained"
	if !k.draining {
		reason = "internal: its actor has ended unasked"
	}
	p.Cell.Move(endpoint.Ended, time.Now(), func(next *endpoint.Status) { next.Reason = reason })
	publish(c, messages.ServerStopped{Server: p.Name(), Generation: p.Generation, Serial: p.Serial, Reason: reason})
}

func (k *child) stopTimer() {
	if k.timer != nil {
		k.timer.Stop()
	}
}
