package childproc

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// A process that was signalled is looked at again and again, later each
	// time, from firstPause to lastPause.
	firstPause = 2 * time.Millisecond
	lastPause  = 20 * time.Millisecond
	// endRound is how long, at most, until all are looked for again: they may
	// have had children since.
	endRound = 100 * time.Millisecond
	// hungUp is how long a process may take to die of KILL: one that hangs in
	// the kernel cannot be killed by anyone. endless is how long there may
	// always be others.
	hungUp  = 3 * time.Second
	endless = 10 * time.Second
)

// ending ends every process that find returns, until it returns none: TERM to
// each once, and KILL to all that are there at killAt or later.
type ending struct {
	find func() []proc
	// anew, if set, are those for whom find comes too late, as they start anew
	// all the time: see fastEnding.
	anew targets
	// killAt is asked again each time. A zero or past time kills at once.
	killAt func() time.Time
}

// run blocks until none is left, until one has not died of KILL for hungUp, or
// until there have been others for endless. It reports how many different
// processes it met and how many of them are left.
func (e ending) run() (met, left int) {
	seen := map[procID]time.Time{} // when each was killed first; zero if only asked to end
	var killing time.Time
	for found := e.look(); len(found) > 0; found = e.look() {
		now := time.Now()
		kill := !now.Before(e.killAt())
		hung := slices.ContainsFunc(found, func(p proc) bool { return longAgo(seen[p.id()], now, hungUp) })
		if hung || longAgo(killing, now, endless) {
			return len(seen), len(found)
		}
		if kill && killing.IsZero() {
			killing = now
		}
		for _, p := range found {
			e.signal(p, seen, kill, now)
		}
		if kill && e.anew.has != nil {
			e.endFast()
		}
		e.rest(found, now.Add(endRound), kill)
	}
	return len(seen), 0
}

// signal kills a process, or asks it to end if it has not been asked.
func (e ending) signal(p proc, seen map[procID]time.Time, kill bool, now time.Time) {
	at, met := seen[p.id()]
	switch {
	case kill:
		p.signal(unix.SIGKILL)
		if at.IsZero() {
			at = now
		}
	case !met:
		p.signal(unix.SIGTERM)
	}
	seen[p.id()] = at
}

// longAgo reports whether something happened, and longer ago than so.
func longAgo(at, now time.Time, span time.Duration) bool {
	return !at.IsZero() && now.Sub(at) > span
}

// look finds what is to be ended. To see nothing once is not enough: a fork
// may just have been under way. Who is found by endFast alone is killed: nobody
// would live to obey TERM.
func (e ending) look() []proc {
	switch found := e.find(); {
	case len(found) > 0:
		return found
	case e.anew.has != nil:
		return e.endFast()
	default:
		return e.find()
	}
}

// endFast returns those whom it has killed.
func (e ending) endFast() []proc {
	fast := fastEnding{targets: e.anew}
	return fast.run()
}

// rest waits until the processes are gone, a round is over, or they are to be
// killed.
func (e ending) rest(found []proc, end time.Time, killed bool) {
	pause := firstPause
	for slices.ContainsFunc(found, proc.alive) {
		now := time.Now()
		if now.After(end) || !killed && !now.Before(e.killAt()) {
			return
		}
		time.Sleep(pause)
		pause = min(2*pause, lastPause)
	}
}
