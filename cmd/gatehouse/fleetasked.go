package main

import (
	"sync"
	"time"
)

// askedOnce keeps an answer for a while, so that many who want to know it ask once. Its
// zero value has none.
type askedOnce[T any] struct {
	mu     sync.Mutex
	answer T
	at     time.Time     // of the answer
	asking chan struct{} // closed with the next answer; nil while nobody asks
}

// get returns an answer that is not older than keep. It calls ask if there is none, and
// blocks while it, or somebody else, does. ask gets no context of the caller: its answer is
// for all.
func (a *askedOnce[T]) get(keep time.Duration, ask func() T) T {
	for {
		a.mu.Lock()
		if !a.at.IsZero() && time.Since(a.at) < keep {
			defer a.mu.Unlock()
			return a.answer
		}
		if wait := a.asking; wait != nil {
			a.mu.Unlock()
			<-wait // As long as ask takes.
			continue
		}
		done := make(chan struct{})
		a.asking = done
		a.mu.Unlock()
		answer := ask()
		a.mu.Lock()
		a.answer, a.at, a.asking = answer, time.Now(), nil
		a.mu.Unlock()
		close(done)
	}
}
