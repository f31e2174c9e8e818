package childproc

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// hunt ends every process that find gives, until it gives none: TERM to each
// once, and KILL to all that are there at killAt or later.
type hunt struct {
	find func() []proc
	// killAt is asked again each time. A zero or past time kills at once.
	killAt func() time.Time
}

const (
	// huntPause is how often a process that was signalled is looked at.
	huntPause = 5 * time.Millisecond
	// huntRound is how long, at most, until all are looked for again: they may
	// have had children since.
	huntRound = 100 * time.Millisecond
	// hungUp is how long a process may take to die of KILL: one that hangs in
	// the kernel cannot be killed by anyone.
	hungUp = 3 * time.Second
)

// run blocks until none is left or until one has not died of KILL for three
// seconds. It reports how many different processes it met and how many of
// them are left.
func (h hunt) run() (met, left int) {
	type name struct {
		pid   int
		start uint64
	}
	seen := map[name]bool{}
	killing := time.Time{}
	for found := h.look(); len(found) > 0; found = h.look() {
		now := time.Now()
		kill := !now.Before(h.killAt())
		switch {
		case !kill:
		case killing.IsZero():
			killing = now
		case now.Sub(killing) > hungUp:
			return len(seen), len(found)
		}
		for _, p := range found {
			n := name{p.pid, p.start}
			if kill {
				p.signal(unix.SIGKILL)
			} else if !seen[n] {
				p.signal(unix.SIGTERM)
			}
			seen[n] = true
		}
		h.rest(found, now.Add(huntRound), kill)
	}
	return len(seen), 0
}

// look finds what is to be ended. To see nothing once is not enough: a fork
// may just have been under way.
func (h hunt) look() []proc {
	if found := h.find(); len(found) > 0 {
		return found
	}
	return h.find()
}

// rest waits until the processes are gone, a round is over, or they are to be
// killed.
func (h hunt) rest(found []proc, end time.Time, killed bool) {
	for slices.ContainsFunc(found, proc.alive) {
		now := time.Now()
		if now.After(end) || !killed && !now.Before(h.killAt()) {
			return
		}
		time.Sleep(huntPause)
	}
}
