package childproc

import "sync"

// shared lets those who want the same look at the same time take it together:
// what many ends at once cost does not grow with their number.
type shared[T any] struct {
	take func() T
	turn chan struct{} // holds one while nobody looks

	mu   sync.Mutex // guards next
	next *look[T]   // announced and not begun; nil if there is none
}

type look[T any] struct {
	done chan struct{}
	seen T // set before done is closed
}

func newShared[T any](take func() T) *shared[T] {
	s := &shared[T]{take: take, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// get returns what a look shows that began after the call. The callers that
// share it must not change it.
func (s *shared[T]) get() T {
	l, first := s.join()
	if first {
		<-s.turn // The look before this one; others join this one meanwhile.
		s.begin()
		l.seen = s.take()
		s.turn <- struct{}{}
		close(l.done)
	}
	<-l.done
	return l.seen
}

// join returns the next look, and reports whether the caller must take it.
func (s *shared[T]) join() (l *look[T], first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next, first = &look[T]{done: make(chan struct{})}, true
	}
	return s.next, first
}

// begin lets nobody join any more.
func (s *shared[T]) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = nil
}
