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
	// the kernel cannot be killed by anyone.
	hungUp = 3 * time.Second
)

// ending ends every process that find returns, until it returns none: TERM to
// each once, and KILL to all that are there at killAt or later.
type ending struct {
	find func() []proc
	// killAt is asked again each time. A zero or past time kills at once.
	killAt func() time.Time
}

// run blocks until none is left or until one has not died of KILL for three
// seconds. It reports how many different processes it met and how many of
// them are left.
func (e ending) run() (met, left int) {
	seen := map[procID]bool{}
	killing := time.Time{}
	for found := e.look(); len(found) > 0; found = e.look() {
		now := time.Now()
		kill := !now.Before(e.killAt())
		switch {
		case !kill:
		case killing.IsZero():
			killing = now
		case now.Sub(killing) > hungUp:
			return len(seen), len(found)
		}
		for _, p := range found {
			if kill {
				p.signal(unix.SIGKILL)
			} else if !seen[p.id()] {
				p.signal(unix.SIGTERM)
			}
			seen[p.id()] = true
		}
		e.rest(found, now.Add(endRound), kill)
	}
	return len(seen), 0
}

// look finds what is to be ended. To see nothing once is not enough: a fork
// may just have been under way.
func (e ending) look() []proc {
	if found := e.find(); len(found) > 0 {
		return found
	}
	return e.find()
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
