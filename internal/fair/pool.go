package fair

import (
	"slices"
	"sync"
	"time"
)

// Owner is whom a place belongs to, by the two names that each have a share of
// their own. An empty name has none and is not limited.
type Owner struct {
	// Who is what cannot be chosen freely: a credential, or else an address.
	Who string
	// Name is the agent that an unpinned caller says it is.
	Name string
}

// Verdict is the answer of Enter.
type Verdict int

// The answers of Enter. The zero value refuses.
const (
	// Closed: the pool gives out no more places.
	Closed Verdict = iota
	// Full: there is no place and nobody who holds more than this owner, or too
	// many wait.
	Full
	// Waiting: the owner has joined the queue.
	Waiting
	// Granted: the owner holds a place. Leave must follow.
	Granted
)

// Pool is a number of places. The zero Pool is open, and all its places are free. Its methods are
// safe for concurrent use and don't block.
type Pool struct {
	mu      sync.Mutex
	places  int // as of the last Enter
	used    int
	closed  bool
	who     dimension
	name    dimension
	queues  map[Owner][]*Wait
	waiting int // in all queues
	turns   uint64
}

// Wait is one that waits for a place.
type Wait struct {
	pool  *Pool
	owner Owner
	turn  uint64        // the order of arrival
	done  chan struct{} // closed with the verdict
	got   Verdict       // Waiting until then
}

// Enter asks for one of so many places, at least 1. wait is not nil exactly if
// the verdict is Waiting; its Leave must follow then.
func (p *Pool) Enter(o Owner, places int, now time.Time) (wait *Wait, v Verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, Closed
	}
	p.places = max(places, 1)
	who, name := p.who.of(o.Who), p.name.of(o.Name)
	p.who.asks(who, now)
	p.name.asks(name, now)
	if p.waiting > 0 {
		p.grant(now)
	}
	switch {
	case p.used < p.places && p.may(who, name, now):
		p.take(who, name, now)
		return nil, Granted
	case p.used >= p.places && !p.behind(who, name), !p.mayWait(o, who, name):
		return nil, Full
	}
	wait = &Wait{pool: p, owner: o, turn: p.turns, done: make(chan struct{}), got: Waiting}
	p.turns++
	if p.queues == nil {
		p.queues = map[Owner][]*Wait{}
	}
	p.queues[o] = append(p.queues[o], wait)
	p.waiting++
	return wait, Waiting
}

// Wanted reports whether others than an owner have asked just now. Whoever is
// refused a place then does well to wait a little before it asks again.
func (p *Pool) Wanted(o Owner, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.who.wanted(p.who.of(o.Who), now) || p.name.wanted(p.name.of(o.Name), now)
}

// Leave returns a place of an owner, which the next in turn gets. It reports
// whether that was the last one of a closed pool.
func (p *Pool) Leave(o Owner, now time.Time) (last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leave(o, now)
}

func (p *Pool) leave(o Owner, now time.Time) (last bool) {
	p.used--
	p.who.of(o.Who).leave()
	p.name.of(o.Name).leave()
	if p.waiting > 0 {
		p.grant(now)
	}
	return p.closed && p.used == 0
}

// Used is how many places are taken.
func (p *Pool) Used() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

// Queued is how many wait for a place.
func (p *Pool) Queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting
}

// Close refuses every later Enter, for good, and everybody who waits. It returns
// how many places are taken; their owners keep them.
func (p *Pool) Close() (used int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, queue := range p.queues {
		for _, w := range queue {
			w.settle(Closed)
		}
	}
	p.queues, p.waiting = nil, 0
	return p.used
}

// Done is closed once Verdict is something else than Waiting.
func (w *Wait) Done() <-chan struct{} { return w.done }

// Verdict is Waiting, Granted or Closed.
func (w *Wait) Verdict() Verdict {
	w.pool.mu.Lock()
	defer w.pool.mu.Unlock()
	return w.got
}

// Look grants what may be granted by now, though nothing has become free: an owner
// may hold more once no others ask. Whoever waits calls it every LookEvery.
func (w *Wait) Look(now time.Time) {
	w.pool.mu.Lock()
	defer w.pool.mu.Unlock()
	w.pool.grant(now)
}

// LookEvery is how often Look is worth calling.
const LookEvery = wants

// Leave ends the wait, and returns the place if it has been granted. It is
// called once, and reports what Pool.Leave does.
func (w *Wait) Leave(now time.Time) (last bool) {
	p := w.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	switch w.got {
	case Waiting:
		p.drop(w)
	case Granted:
		return p.leave(w.owner, now)
	case Closed, Full:
	}
	return false
}

func (w *Wait) settle(v Verdict) {
	w.got = v
	close(w.done)
}

func (p *Pool) take(who, name *account, now time.Time) {
	p.used++
	who.take(now)
	name.take(now)
}

// drop takes one that gave up out of its queue.
func (p *Pool) drop(w *Wait) {
	queue := p.queues[w.owner]
	for i, other := range queue {
		if other == w {
			p.requeue(w.owner, append(queue[:i:i], queue[i+1:]...))
			return
		}
	}
}

// requeue replaces the queue of an owner by one that is one shorter.
func (p *Pool) requeue(o Owner, queue []*Wait) {
	p.waiting--
	if len(queue) == 0 {
		delete(p.queues, o)
		return
	}
	p.queues[o] = queue
}

// grant hands what is free to those who wait.
func (p *Pool) grant(now time.Time) {
	for p.used < p.places && p.waiting > 0 {
		w := p.next(now)
		if w == nil {
			return // They all have what they may.
		}
		p.requeue(w.owner, p.queues[w.owner][1:])
		p.take(p.who.of(w.owner.Who), p.name.of(w.owner.Name), now)
		w.settle(Granted)
	}
}

// next is the first in the queue of the owner that holds the fewest places, of
// those who may have one; of equals the one that waits longest.
func (p *Pool) next(now time.Time) (best *Wait) {
	var fewest [2]int
	for o, queue := range p.queues {
		who, name := p.who.of(o.Who), p.name.of(o.Name)
		if !p.may(who, name, now) {
			continue
		}
		held := [2]int{who.holds(), name.holds()}
		order := slices.Compare(held[:], fewest[:])
		if best == nil || order < 0 || order == 0 && queue[0].turn < best.turn {
			best, fewest = queue[0], held
		}
	}
	return best
}
