package servers

import (
	"cmp"
	"maps"
	"slices"

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

// running are the calls that the server has and has not answered. The caller
// holds the session's mutex.
func (s *Stdio) running() (calls endpoint.Calls) {
	received := s.received.Load()
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
