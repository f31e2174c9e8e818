package agents

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// eventStream is what a client hears for one request, or unasked, over one
// connection after the other. Its fields are guarded by its replay's mutex.
type eventStream struct {
	of   *replay
	nr   uint64
	last uint64 // the number of the latest event
	kept []keptEvent
	out  *reply        // the connection that has it now; nil if none has
	over bool          // nothing more is to come
	done chan struct{} // closed when it is over
	gone func()        // see replay.open
	wait *time.Timer   // set while a call's stream has no connection
}

type keptEvent struct {
	body []byte
	at   time.Time
}

// size is what the event takes, in bytes.
func (e keptEvent) size() int { return len(e.body) + eventOverhead }

// What the id of an event begins with: whether its stream is that of a call.
const (
	ofCall  = "c"
	unasked = "u"
)

// id names an event of the stream for its client.
func (s *eventStream) id(event uint64) string {
	begin := ofCall
	if s.gone == nil {
		begin = unasked
	}
	return begin + strconv.FormatUint(s.nr, 10) + "-" + strconv.FormatUint(event, 10)
}

// splitEventID takes an id apart.
func splitEventID(id string) (stream, event uint64, ok bool) {
	first, second, cut := strings.Cut(strings.TrimLeft(id, ofCall+unasked), "-")
	stream, err := strconv.ParseUint(first, 10, 64)
	event, wrong := strconv.ParseUint(second, 10, 64)
	return stream, event, cut && err == nil && wrong == nil
}

// lost is the latest event that is not kept.
func (s *eventStream) lost() uint64 { return s.last - uint64(len(s.kept)) }

// tell adds an event and has it sent, if a connection has the stream. It keeps the
// body.
func (s *eventStream) tell(body []byte) {
	if out, event := s.add(body); out != nil {
		out.pump(event, body)
	}
}

// add keeps an event, as far as there is room, and returns its number and the
// connection that is to send it; nil if there is none.
func (s *eventStream) add(body []byte) (out *reply, event uint64) {
	r, now := s.of, time.Now()
	r.mu.Lock()
	s.last++
	if len(body)+eventOverhead > maxReplayBytes || r.ended {
		s.forget() // What follows could not be taken up without it.
	} else {
		event := keptEvent{body, now}
		s.kept, r.order = append(s.kept, event), append(r.order, s)
		r.count(event.size())
	}
	r.dropOld(now)
	out, event = s.out, s.last
	r.mu.Unlock()
	r.all.relieve()
	return out, event
}

// forget drops all that is kept of the stream.
func (s *eventStream) forget() {
	bytes := 0
	for _, e := range s.kept {
		bytes += e.size()
	}
	if s.kept = nil; bytes > 0 {
		s.of.order = slices.DeleteFunc(s.of.order, func(of *eventStream) bool { return of == s })
		s.of.count(-bytes)
	}
}

// next returns the event that follows one, as far as it is kept, if the connection
// still has the stream.
func (s *eventStream) next(out *reply, after uint64) (body []byte, event uint64, ok bool) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	after = max(after, s.lost())
	if s.out != out || after >= s.last {
		return nil, 0, false
	}
	return s.kept[after-s.lost()].body, after + 1, true
}

// after is how many bytes are kept of what follows an event.
func (s *eventStream) after(event uint64) (bytes int) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	for _, e := range s.kept[min(max(event, s.lost())-s.lost(), uint64(len(s.kept))):] {
		bytes += len(e.body)
	}
	return bytes
}

// isOf reports whether a connection has the stream.
func (s *eventStream) isOf(out *reply) bool {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	return s.out == out
}

// take hands the stream to a connection, in the place of any other.
func (s *eventStream) take(out *reply) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.stopWaiting()
	s.out = out
}

// leave takes the stream from a connection that is gone. It reports whether the
// client can take it up again.
func (s *eventStream) leave(out *reply, canTakeUp bool) bool {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	switch {
	case s.out != out:
		return true // Another one has it.
	case s.over, s.of.ended, !canTakeUp && s.last == 0:
		return false
	}
	s.out = nil
	if s.gone != nil {
		s.stopWaiting()
		s.wait = time.AfterFunc(s.of.all.goOn, s.gone)
	}
	return true
}

func (s *eventStream) stopWaiting() {
	if s.wait != nil {
		s.wait.Stop()
		s.wait = nil
	}
}

// finish ends the stream: nothing more comes.
func (s *eventStream) finish() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if !s.over {
		s.over = true
		close(s.done)
	}
	s.stopWaiting()
	if len(s.kept) == 0 {
		delete(s.of.streams, s.nr)
	}
}
