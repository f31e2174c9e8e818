package keptvars

import (
	"sync"
	"time"
)

const (
	// maxSeats is how many questions may be open at the same time.
	maxSeats = 8
	// seatFor is how long a question has a seat at most: some hang for ever, as when the
	// keyring's process has died, and the next one would be answered.
	seatFor = time.Minute
)

// seats are for those who ask a keyring.
type seats struct {
	mu    sync.Mutex
	taken map[*time.Time]bool // since when
}

// take takes a seat until free is called, or seatFor has passed. ok is false if there is
// none.
func (s *seats) take() (free func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for since := range s.taken {
		if time.Since(*since) >= seatFor {
			delete(s.taken, since)
		}
	}
	if len(s.taken) >= maxSeats {
		return nil, false
	}
	if s.taken == nil {
		s.taken = map[*time.Time]bool{}
	}
	since := new(time.Now())
	s.taken[since] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.taken, since)
	}, true
}
