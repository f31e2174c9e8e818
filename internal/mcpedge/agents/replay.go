package agents

import (
	"sync"
	"sync/atomic"
	"time"
)

// What is kept of the events of a session's streams, so that a client whose
// connection broke can go on where it was.
const (
	maxReplayEvents = 1000
	maxReplayBytes  = 4 << 20
	replayTime      = 5 * time.Minute
)

// eventOverhead is about what an event takes beside its body.
const eventOverhead = 128

// maxLeft is how many streams of a session are remembered that nobody reads and of
// which nothing is kept.
const maxLeft = 16

// replay keeps the latest events of a session's streams. A nil replay keeps none.
type replay struct {
	owner string
	all   *replays
	bytes atomic.Int64

	mu      sync.Mutex
	ended   bool // with the session
	opened  uint64
	streams map[uint64]*eventStream
	order   []*eventStream // whose each kept event is, the oldest first
}

// open begins a stream that a connection has. gone is what to do once no connection
// has had it for GoOnTime; nil is nothing: it is no call's.
func (r *replay) open(out *reply, gone func()) *eventStream {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened++
	s := &eventStream{of: r, nr: r.opened, out: out, done: make(chan struct{}), gone: gone}
	if r.streams == nil {
		r.streams = map[uint64]*eventStream{}
	}
	if !r.ended {
		r.forgetLeft()
		r.streams[s.nr] = s
	}
	return s
}

// forgetLeft forgets the oldest stream of which there is nothing to go on with, if
// there are many.
func (r *replay) forgetLeft() {
	var oldest *eventStream
	left := 0
	for _, s := range r.streams {
		if s.out == nil && s.gone == nil && len(s.kept) == 0 {
			if left++; oldest == nil || s.nr < oldest.nr {
				oldest = s
			}
		}
	}
	if left >= maxLeft {
		delete(r.streams, oldest.nr)
	}
}

// find finds the stream and the event that a client's id names. ok is false if there
// is no such event in this session, or some that came after it are not kept any more.
func (r *replay) find(id string) (s *eventStream, event uint64, ok bool) {
	nr, event, ok := splitEventID(id)
	if !ok || r == nil {
		return nil, 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropOld(time.Now())
	s = r.streams[nr]
	if s == nil || event > s.last || event < s.lost() {
		return nil, 0, false
	}
	return s, event, true
}

// count changes how much is kept.
func (r *replay) count(bytes int) {
	r.bytes.Add(int64(bytes))
	r.all.count(r, int64(bytes))
}

// dropOld drops what is too old or too much.
func (r *replay) dropOld(now time.Time) {
	for len(r.order) > 0 {
		oldest := r.order[0].kept[0]
		if !r.ended && len(r.order) <= maxReplayEvents && r.bytes.Load() <= maxReplayBytes && now.Sub(oldest.at) < replayTime {
			return
		}
		r.dropFirst()
	}
}

func (r *replay) dropFirst() {
	s := r.order[0]
	r.order[0] = nil
	r.order = r.order[1:]
	r.count(-s.kept[0].size())
	s.kept[0] = keptEvent{}
	if s.kept = s.kept[1:]; len(s.kept) == 0 && s.over {
		delete(r.streams, s.nr)
	}
}

// clear drops all that is kept. Streams go on.
func (r *replay) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.order) > 0 {
		r.dropFirst()
	}
}

// end drops what is kept, for good.
func (r *replay) end() {
	if r == nil {
		return
	}
	r.mu.Lock()
	r.ended, r.streams = true, nil
	r.mu.Unlock()
	r.clear()
}
