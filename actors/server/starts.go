package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/cpu"
	"gatehouse/internal/pace"
)

// Starts paces the starts of servers by what the machine has left, so that many
// entries don't fight for it all at once; package pace says how.
type Starts struct {
	max   int
	cores int
	// meter makes a meter of the part of the processors' time that is left; nil
	// where nobody can tell.
	meter func() idleMeter

	mu      sync.Mutex
	running map[*start]struct{}
	waiting []*start // in the order in which they came
	grown   time.Time
	watched chan struct{} // closed once nobody waits any more; nil while nobody does
}

// idleMeter returns the part since it was last called; false if that is not known.
type idleMeter func() (part float64, known bool)

// start is one start, from when it waits for its turn.
type start struct {
	turn   chan struct{} // closed when it may begin
	began  time.Time
	called bool
	// computing, unless nil, reports whether the server has work to do at the
	// moment. idle is how often in a row it had none.
	computing func() bool
	idle      int
}

// asleep is how often in a row a server has nothing to do that sleeps: one that
// computes may wait for a moment too.
const asleep = 2

// doze is in how many looks one is a look at a start that sleeps: most go on to, and
// a look reads a file for each thread.
const doze = 4

// NewStarts makes a pacer that lets at most limit servers start at the same
// time; 0 is any number.
func NewStarts(limit int) *Starts {
	s := &Starts{max: limit, cores: cpu.Cores(), running: map[*start]struct{}{}}
	if cpu.NewMeter() != nil {
		s.meter = func() idleMeter { return cpu.NewMeter().Idle }
	}
	return s
}

// Acquire waits for its turn, or for the end of ctx. It goes before others once
// called is closed. The turn must be ended.
func (s *Starts) Acquire(ctx context.Context, called <-chan struct{}) (*Turn, error) {
	own := &start{turn: make(chan struct{})}
	s.change(func() { s.waiting = append(s.waiting, own) })
	for {
		select {
		case <-own.turn:
			return &Turn{s, own}, nil
		case <-called:
			called = nil
			s.change(func() { own.called = true })
		case <-ctx.Done():
			s.change(func() {
				delete(s.running, own)
				s.waiting = slices.DeleteFunc(s.waiting, func(other *start) bool { return other == own })
			})
			return nil, context.Cause(ctx)
		}
	}
}

// Turn is a start that may begin.
type Turn struct {
	starts *Starts
	own    *start
}

// Watch says how to find out whether the server has work to do: others need not
// wait for one that sleeps. computing must not block. Where nobody can tell how
// busy the machine is, nobody can tell that either.
func (t *Turn) Watch(computing func() bool) {
	if t.starts.meter == nil {
		return
	}
	t.starts.change(func() { t.own.computing, t.own.idle = computing, 0 })
}

// End ends the start. Repeating it does no harm.
func (t *Turn) End() { t.starts.change(func() { delete(t.starts.running, t.own) }) }

// change changes what runs or waits, and lets in who may begin by that.
func (s *Starts) change(what func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what()
	s.admit(0)
	if len(s.waiting) > 0 && s.watched == nil {
		s.watched = make(chan struct{})
		go s.watch(s.watched) // Ends as soon as nobody waits.
	}
}

// watch measures how idle the machine is for as long as servers wait.
func (s *Starts) watch(done <-chan struct{}) {
	began := time.Now()
	window := time.NewTimer(pace.Window(0))
	defer window.Stop()
	idle := idleMeter(func() (float64, bool) { return 0, false })
	if s.meter != nil {
		idle = s.meter()
	}
	for {
		select {
		case <-window.C:
		case <-done:
			return
		}
		part, known := idle()
		if !known {
			part = 0
		}
		if !s.lets(part) {
			s.look()
		}
		s.mu.Lock()
		s.admit(part)
		s.mu.Unlock()
		window.Reset(pace.Window(time.Since(began)))
	}
}

// look finds out which starts sleep. It begins with the youngest, which work most
// likely, and ends once so many work that nobody may begin, whatever the others do.
func (s *Starts) look() {
	working := 0
	for _, r := range s.due() {
		works := r.computing() // It reads files.
		s.mu.Lock()
		if r.own.idle++; works {
			r.own.idle = 0
			working++
		}
		s.mu.Unlock()
		if working == pace.Most(s.cores) {
			return
		}
	}
}

// watched is a start that is to be looked at.
type watched struct {
	own       *start
	computing func() bool
}

// due returns the starts that are to be looked at now, the youngest first.
func (s *Starts) due() (due []watched) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.running {
		switch {
		case r.computing == nil:
		case r.idle >= asleep && (r.idle-asleep)%doze != doze-1:
			r.idle++
		default:
			due = append(due, watched{r, r.computing})
		}
	}
	slices.SortFunc(due, func(a, b watched) int { return b.own.began.Compare(a.own.began) })
	return due
}

// lets reports whether so much of the machine is left that it lets in at least as
// many as there could be if all that run were asleep.
func (s *Starts) lets(idle float64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, _ := s.next(idle, time.Now())
	return n >= min(len(s.waiting), pace.Most(s.cores))
}

// next returns what pace.Next says, with the lock held.
func (s *Starts) next(idle float64, now time.Time) (n int, grown bool) {
	state := pace.Starts{
		Running: make([]pace.Start, 0, len(s.running)), Waiting: len(s.waiting), Grown: now.Sub(s.grown), Max: s.max,
	}
	for r := range s.running {
		state.Running = append(state.Running, pace.Start{Age: now.Sub(r.began), Asleep: r.idle >= asleep})
	}
	for _, w := range s.waiting {
		if w.called {
			state.Called++
		}
	}
	return pace.Next(pace.Machine{Cores: s.cores, Idle: idle, Known: s.meter != nil}, state)
}

// admit lets in who may begin now, with the lock held.
func (s *Starts) admit(idle float64) {
	now := time.Now()
	n, grown := s.next(idle, now)
	if grown {
		s.grown = now
	}
	for range n {
		i := max(0, slices.IndexFunc(s.waiting, func(w *start) bool { return w.called }))
		next := s.waiting[i]
		s.waiting = slices.Delete(s.waiting, i, i+1)
		next.began = now
		s.running[next] = struct{}{}
		close(next.turn)
	}
	if len(s.waiting) == 0 && s.watched != nil {
		close(s.watched)
		s.watched = nil
	}
}
