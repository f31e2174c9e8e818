package endpoint

import (
	"cmp"
	"time"
)

// held is a place that an instance has.
type held struct {
	by      string // who asked for it last
	used    time.Time
	leave   chan struct{}
	leaving bool
}

func (h *held) note(by string, now time.Time) { h.by, h.used = by, now }

// turn keeps the next place for whom one was made.
type turn struct {
	by    string
	until time.Time
}

// turnLife is for how long, and how often at most somebody has to give way.
const turnLife = 30 * time.Second

// full reports whether there is no place for somebody. If that is since others have
// them all, the one that has the most has to give way.
func (s *Instances) full(by string, limit int, now time.Time) bool {
	kept := now.Before(s.turn.until)
	if kept && s.turn.by != by {
		limit--
	}
	if len(s.all) < limit {
		if s.turn.by == by {
			s.turn = turn{}
		}
		return false
	}
	if kept {
		return true
	}
	if h := s.surplus(by); h != nil {
		h.leaving = true
		close(h.leave)
		s.turn = turn{by, now.Add(turnLife)}
	}
	return true
}

// surplus is the place that is given up for somebody: of whoever has the most, and at
// least two more, the one that has been used the longest ago, rather without a call.
func (s *Instances) surplus(by string) (longest *held) {
	owned, most := map[string]int{}, ""
	for _, h := range s.all {
		if owned[h.by]++; owned[h.by] > owned[most] || owned[h.by] == owned[most] && h.by < most {
			most = h.by
		}
	}
	if owned[most] < owned[by]+2 {
		return nil
	}
	works := 0
	for c, h := range s.all {
		if h.by != most || h.leaving || c.isClosed() {
			continue
		}
		w := 0
		if c.Working() {
			w = 1
		}
		if longest == nil || cmp.Or(cmp.Compare(w, works), h.used.Compare(longest.used)) < 0 {
			longest, works = h, w
		}
	}
	return longest
}
