package agents

import (
	"errors"
)

// lightMessage is the size in bytes up to which a message takes nothing of the
// budget: there can only be so many, so their total is bounded too.
const lightMessage = 32 << 10

// errHeavy refuses a large message while others fill the budget.
var errHeavy = errors.New("too many large messages are being served")

// byteShare is what one large message takes of the bytes that all messages of
// all clients may have together.
type byteShare struct {
	of    *inFlight
	bytes int
}

// grow takes what a message of that size needs beyond what it has, or returns
// errHeavy.
func (s *byteShare) grow(size int) error {
	if size <= lightMessage || size <= s.bytes {
		return nil
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	more := size - s.bytes
	if s.of.bytes+more > s.of.maxBytes {
		return errHeavy
	}
	s.of.bytes += more
	s.bytes = size
	return nil
}

// release returns everything to the budget. Repeating it does no harm.
func (s *byteShare) release() {
	if s.bytes == 0 {
		return
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.bytes -= s.bytes
	s.bytes = 0
}
