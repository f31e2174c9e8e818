package servers

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"gatehouse/internal/endpoint"
)

// lateCalls are the latest calls that were given up at their deadline. A
// server that hangs is likely to hang over one of them.
type lateCalls []lateCall

type lateCall struct {
	by       endpoint.Call
	received uint64 // what the session had received by then
}

// add notes a call, and forgets those after which the server was heard of.
func (l *lateCalls) add(by endpoint.Call, received uint64) {
	if by.ID == "" {
		return
	}
	*l = slices.DeleteFunc(*l, func(c lateCall) bool { return c.received != received })
	if len(*l) < endpoint.MaxCalls {
		*l = append(*l, lateCall{by, received})
	}
}

// goneFor is how long a call that was given up may still be running.
const goneFor = 10 * time.Second

// goneCalls are the latest calls that were given up after they had been written.
// The server may be busy with them all the same.
type goneCalls []goneCall

type goneCall struct {
	by endpoint.Call
	at time.Time
}

// add notes a call.
func (g *goneCalls) add(by endpoint.Call) {
	if by.ID == "" {
		return
	}
	if len(*g) >= endpoint.MaxCalls {
		*g = slices.Delete(*g, 0, 1)
	}
	*g = append(*g, goneCall{by, time.Now()})
}

// answeredCalls are the last calls that were answered, in a ring, and when the
// last one was.
type answeredCalls struct {
	ring [8]endpoint.Call
	n    int
	at   time.Time
}

func (a *answeredCalls) add(by endpoint.Call) {
	if by.ID != "" {
		a.ring[a.n%len(a.ring)] = by
		a.n++
		a.at = time.Now()
	}
}

// last is the last call, and whether its caller made no other of them.
func (a *answeredCalls) last() (by endpoint.Call, once bool) {
	if a.n == 0 {
		return by, false
	}
	by = a.ring[(a.n-1)%len(a.ring)]
	same := 0
	for _, c := range a.ring[:min(a.n, len(a.ring))] {
		if c.Caller() == by.Caller() {
			same++
		}
	}
	return by, same == 1
}

// running are the calls that the server has and has not answered. The caller
// holds the session's mutex.
func (s *Stdio) running() (calls endpoint.Calls) {
	received := s.received.Load()
	calls.Before, calls.BeforeOnce = s.answered.last()
	calls.BeforeAt = s.answered.at
	for _, c := range s.late {
		if c.received == received {
			calls.Add(c.by)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.pending)) {
		if c := s.pending[id]; c.by.ID != "" && c.out.picked {
			calls.Add(c.by)
		}
	}
	for _, c := range s.gone {
		if time.Since(c.at) < goneFor {
			calls.AddGone(c.by)
		}
	}
	return calls
}

// Unanswered implements [endpoint.Session].
func (s *Stdio) Unanswered() endpoint.Calls {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unanswered
}

// running are the calls that the server may have and has not answered. The
// caller holds the session's mutex.
func (h *HTTP) running() (calls endpoint.Calls) {
	for _, c := range append(slices.Clone(h.retired), h.current) {
		if c != nil {
			c.running(&calls)
		}
	}
	return calls
}

func (c *conversation) running(calls *endpoint.Calls) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pending := slices.SortedFunc(maps.Values(c.pending), func(a, b *exchange) int {
		return cmp.Or(cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id)) // Ids are numbered.
	})
	for _, x := range pending {
		if f := x.state(); x.by.ID != "" && f.sent && !f.answered {
			calls.Add(x.by)
		}
	}
}

// Unanswered implements [endpoint.Session].
func (h *HTTP) Unanswered() endpoint.Calls {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.unanswered
}
