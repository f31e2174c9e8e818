package agents

import (
	"context"
	"net/http"
	"sync"
	"time"

	"gatehouse/internal/identity"
	"gatehouse/internal/mcpedge/jsonrpc"
)

// What it costs, in a core's time, to answer what is not a call: see jsonrpc.Pace.
// Calls have places, and limits of their own.
const (
	costLine    = 500 * time.Nanosecond // one with nothing on it
	costNotice  = 10 * time.Microsecond
	costRequest = 50 * time.Microsecond
	costPosted  = 400 * time.Microsecond // besides, where each is an HTTP request
	costBytes   = 2 * time.Nanosecond
	floodBurst  = 50 * time.Millisecond  // a thousand requests over stdio
	postsBurst  = 450 * time.Millisecond // and over HTTP
)

// together is the step of the clock at which those who wait go on. To wake up for each
// message anew costs an idle gateway more than to answer it.
const together = 100 * time.Millisecond

// maxPaces bounds how many owners are remembered. Beyond it all begin anew.
const maxPaces = 10_000

// paces are how fast each caller may say what is not a call.
type paces struct {
	mu sync.Mutex
	by map[string]*jsonrpc.Pace
}

// of returns the pace of a caller, as far as it is known who that is.
func (p *paces) of(who string) *jsonrpc.Pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	pace := p.by[who]
	if pace == nil {
		if p.by == nil || len(p.by) >= maxPaces {
			p.by = map[string]*jsonrpc.Pace{}
		}
		pace = &jsonrpc.Pace{}
		p.by[who] = pace
	}
	return pace
}

// slowDown waits if a caller floods, at most until ctx ends.
func (e *Edge) slowDown(ctx context.Context, p *peer, cost time.Duration, size int) {
	burst := floodBurst
	if p.http {
		burst = postsBurst
	}
	now := time.Now()
	wait := e.paces.of(p.owner()).Spend(cost+time.Duration(size)*costBytes, burst, now)
	if wait == 0 {
		return
	}
	pause := time.NewTimer(untilStep(now, wait))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
}

// untilStep is a wait that ends with a step of the clock. What it is longer lets those
// that come next pass without one, so the pace is the same.
func untilStep(now time.Time, wait time.Duration) time.Duration {
	return now.Add(wait + together - 1).Truncate(together).Sub(now)
}

// slowRequest waits if whoever sent an HTTP request floods with such as are no
// calls.
func (e *Edge) slowRequest(r *http.Request, who *identity.Caller) {
	e.slowDown(r.Context(), &peer{http: true, from: addressOf(r, who), identity: who}, costPosted, 0)
}
