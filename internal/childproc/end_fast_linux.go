package childproc

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// A fastEnding is over after looks in a row that found nobody: fastQuiet of
	// them, where one counts for clearLook if nobody had just ended. On a busy
	// machine somebody always has.
	fastQuiet = 30
	clearLook = 15
	// fastLimit is how long one takes at most.
	fastLimit = time.Second
	// fastPause is between two looks: less than a process lives that does
	// nothing but start its successor.
	fastPause = 100 * time.Microsecond
	// oldZombie is after how many looks a process has not just ended.
	oldZombie = 20
	// strangerLooks marks who need not be looked at again.
	strangerLooks = oldZombie + 1
)

// targets are whom a fastEnding is for.
type targets struct {
	// among returns the pids among which they are.
	among func() []int
	// has reports whether a process is one of them; known is false while that
	// cannot be told.
	has func(p proc) (yes, known bool)
}

// fastEnding kills processes that are gone before a look at all others is
// over, and that leave a successor. It looks at newcomers alone, and kills each
// as soon as it has met it.
type fastEnding struct {
	targets

	// looks has the pids of no target: strangerLooks, or how often a zombie was
	// seen. Such a pid that was there at every look is the same process still:
	// looks follow too quickly for another to get it.
	looks  map[int]int
	killed []proc
}

// found is what a look has found.
type found int

const (
	nobody   found = iota
	traces         // somebody has just ended, and may have a successor
	unknown        // of somebody nothing can be told yet
	somebody       // who was killed
)

// run returns those whom it has killed, which may not be gone yet. It blocks
// until it has found nobody for a while, or for fastLimit.
func (e *fastEnding) run() []proc {
	end := time.Now().Add(fastLimit)
	for quiet := 0; quiet < fastQuiet && time.Now().Before(end); {
		switch e.look() {
		case somebody:
			quiet = 0
		case unknown: // Its turn to run may be long in coming.
		case traces:
			quiet++
		case nobody:
			quiet += clearLook
		}
		time.Sleep(fastPause)
	}
	return e.killed
}

// look looks at those who have come since the last look.
func (e *fastEnding) look() found {
	pids := e.among()
	next, most := make(map[int]int, len(pids)), nobody
	for _, pid := range pids {
		looks := e.looks[pid]
		if looks < strangerLooks {
			var f found
			looks, f = e.meet(pid, looks)
			most = max(most, f)
		}
		if looks > 0 {
			next[pid] = looks
		}
	}
	e.looks = next
	return most
}

// meet looks at one process, after so many looks before. It returns what to
// keep in looks.
func (e *fastEnding) meet(pid, before int) (looks int, f found) {
	p, ok := readProc(pid)
	switch {
	case !ok:
		return 0, traces
	case p.zombie && before == oldZombie:
		return strangerLooks, nobody
	case p.zombie:
		return before + 1, traces
	}
	yes, known := e.has(p)
	switch {
	case yes:
		p.signal(unix.SIGKILL)
		e.killed = append(e.killed, p)
		return 0, somebody
	case known:
		return strangerLooks, nobody
	default:
		return 0, unknown
	}
}

// carries reports whether a process has this entry in its environment; known
// is false while it has none to look at.
func (p proc) carries(entry string) (yes, known bool) {
	env, known := p.environ()
	return strings.Contains("\x00"+string(env), "\x00"+entry+"\x00"), known
}
