package agents

import (
	"context"
	"time"

	"gatehouse/internal/fair"
	"gatehouse/internal/weight"
)

// workBytes is what a byte of a large message costs, in a core's time: to be
// read, checked, copied and written.
const workBytes = 8 * time.Nanosecond

// workOf is what a message of that size costs beyond a small one.
func workOf(size int64) time.Duration {
	if size <= weight.Light {
		return 0
	}
	return time.Duration(size) * workBytes
}

// maxToil is how long a message waits at a time before it is looked whether others
// still ask.
const maxToil = time.Second

// toil notes that so many bytes more of a large message have been read, and
// blocks while its owner has made much work and others ask, or until ctx ends.
func (f *inFlight) toil(ctx context.Context, o fair.Owner, bytes int) {
	f.places.Burden(o, time.Duration(bytes)*workBytes, time.Now())
	for ctx.Err() == nil {
		wait := f.places.Overdrawn(o, time.Now())
		if wait == 0 {
			return
		}
		timer := time.NewTimer(min(wait, maxToil))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}
