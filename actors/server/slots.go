package server

import (
	"context"
	"sync"
	"time"
)

// Slots limits how many servers are being started at the same time, so that
// many entries don't fight for the machine all at once.
type Slots struct{ free chan struct{} }

// NewSlots makes n slots.
func NewSlots(n int) *Slots { return &Slots{free: make(chan struct{}, n)} }

// Acquire waits for a slot or for the end of ctx. The slot is given back by
// release, and by itself after hold. release may be called more than once.
func (s *Slots) Acquire(ctx context.Context, hold time.Duration) (release func(), err error) {
	select {
	case s.free <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	free := sync.OnceFunc(func() { <-s.free })
	timer := time.AfterFunc(hold, free)
	return func() { timer.Stop(); free() }, nil
}
