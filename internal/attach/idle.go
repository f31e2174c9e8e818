package attach

import (
	"context"
	"math"
	"time"
)

const (
	// firstSlim is how long after the start a relay hands memory back.
	firstSlim = 2 * time.Second
	// nextSlim is how long the client must be silent for that to be done again.
	nextSlim = time.Minute
)

// stayLean hands memory back once the relay has started, and when the client has been
// silent for a while, until ctx ends.
func (r *Relay) stayLean(ctx context.Context) {
	timer := time.NewTimer(firstSlim)
	defer timer.Stop()
	seen, slimmed := uint64(0), uint64(math.MaxUint64)
	for first := true; ; first = false {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		now := r.lines.Load()
		if first || now == seen && now != slimmed {
			Slim()
			slimmed = now
		}
		seen = now
		timer.Reset(nextSlim)
	}
}
