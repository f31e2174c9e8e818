package peer

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// placeLook is how often a request that is passed on looks whether the gateway that
	// serves it lives.
	placeLook = 2 * time.Second
	// pulseFor is for how long a gateway that has answered counts as one that answers.
	pulseFor = 5 * time.Second
	// maxMissed is how often in a row a gateway may not answer.
	maxMissed = 2
)

// watchPlace ends a request that is passed on once the gateway that serves it has left
// the fleet, or says nothing and answers nobody. stop ends the watch.
func (c *Client) watchPlace(ctx context.Context, to Place, heard *atomic.Uint64, end context.CancelCauseFunc) (stop func() bool) {
	return time.AfterFunc(c.cfg.PlaceLook, func() { // Ends with the request.
		look := time.NewTicker(c.cfg.PlaceLook)
		defer look.Stop()
		for before := heard.Load(); ; {
			if !to.Lives() {
				end(errGatewayGone)
				return
			}
			if now := heard.Load(); now != before {
				before = now
			} else if !c.pulses.of(to.Address).beats(ctx, c) {
				end(errCannotAnswer)
				return
			}
			select {
			case <-look.C:
			case <-ctx.Done():
				return
			}
		}
	}).Stop
}

// pulses are those of other gateways, by their addresses.
type pulses struct {
	mu sync.Mutex
	by map[string]*pulse
}

// pulse is whether a gateway answers. Many requests share a look at it.
type pulse struct {
	address string
	used    time.Time     // guarded by pulses.mu
	busy    chan struct{} // holds one; guards the rest
	asked   time.Time
	missed  int
}

// of returns the pulse of a gateway.
func (p *pulses) of(address string) *pulse {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	found := p.by[address]
	if found == nil {
		maps.DeleteFunc(p.by, func(_ string, old *pulse) bool { return now.Sub(old.used) > time.Minute })
		if p.by == nil {
			p.by = map[string]*pulse{}
		}
		found = &pulse{address: address, busy: make(chan struct{}, 1)}
		p.by[address] = found
	}
	found.used = now
	return found
}

// beats reports whether the gateway answers, as far as that is known. It blocks while it
// is asked.
func (p *pulse) beats(ctx context.Context, c *Client) bool {
	select {
	case p.busy <- struct{}{}:
	case <-ctx.Done():
		return true
	}
	defer func() { <-p.busy }()
	keep := pulseFor
	if p.missed > 0 {
		keep = c.cfg.PlaceLook // Those who waited here meanwhile take that answer.
	}
	if time.Since(p.asked) < keep {
		return p.missed < maxMissed
	}
	timed, cancel := context.WithTimeout(ctx, c.cfg.AskedFor)
	defer cancel()
	_, err := c.Tenure(timed, p.address)
	if ctx.Err() != nil {
		return true // It is who asked that has ended.
	}
	p.asked = time.Now()
	if _, away := errors.AsType[*Unreached](err); away {
		p.missed++
	} else {
		p.missed = 0
	}
	return p.missed < maxMissed
}
