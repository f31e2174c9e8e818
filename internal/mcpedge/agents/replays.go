package agents

import (
	"sync"
	"time"
)

// maxReplays is how many bytes of events are kept of all sessions together.
const maxReplays = 256 << 20

// replays are the events that are kept of all sessions.
type replays struct {
	most int64
	goOn time.Duration // Options.GoOnTime

	mu    sync.Mutex
	bytes int64
	some  map[*replay]struct{} // that keep any
	look  *time.Timer          // set while there are some
	ended bool
}

func newReplays(goOn time.Duration) *replays {
	return &replays{most: maxReplays, goOn: goOn, some: map[*replay]struct{}{}}
}

// of makes the replay of a session.
func (a *replays) of(owner string) *replay { return &replay{owner: owner, all: a} }

// count notes that a session keeps more, or less.
func (a *replays) count(r *replay, bytes int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes += bytes
	if bytes < 0 && r.bytes.Load() == 0 {
		delete(a.some, r)
		return
	}
	a.some[r] = struct{}{}
	if a.look == nil && !a.ended {
		a.look = time.AfterFunc(replayTime/4, a.dropOld)
	}
}

// dropOld drops what is too old, and looks again in a while if anything is left.
func (a *replays) dropOld() {
	for _, r := range a.keeping() {
		r.mu.Lock()
		r.dropOld(time.Now())
		r.mu.Unlock()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.look = nil; len(a.some) > 0 && !a.ended {
		a.look = time.AfterFunc(replayTime/4, a.dropOld)
	}
}

// keeping are the sessions that keep any.
func (a *replays) keeping() (list []*replay) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for r := range a.some {
		list = append(list, r)
	}
	return list
}

// relieve drops what the owner keeps that has the most, while all together is too
// much.
func (a *replays) relieve() {
	for a.tooMuch() {
		owned, most := map[string]int64{}, ""
		all := a.keeping()
		for _, r := range all {
			if owned[r.owner] += r.bytes.Load(); owned[r.owner] > owned[most] {
				most = r.owner
			}
		}
		var largest *replay
		for _, r := range all {
			if r.owner == most && (largest == nil || r.bytes.Load() > largest.bytes.Load()) {
				largest = r
			}
		}
		if largest == nil {
			return
		}
		largest.clear()
	}
}

func (a *replays) tooMuch() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bytes > a.most
}

// close ends the looking for what is too old.
func (a *replays) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	if a.look != nil {
		a.look.Stop()
	}
}
