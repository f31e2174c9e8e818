package jsonrpc

import (
	"sync"
	"time"
)

// Pace bounds what others make us do unasked, such as reading a flood of
// notifications, to a twentieth of a core's time. Whoever floods waits, instead of
// taking the processor from all others. What something costs is estimated, so
// that a busy machine makes nobody wait for longer. The zero Pace is ready.
type Pace struct {
	mu   sync.Mutex
	debt time.Duration // of a core's time
	at   time.Time     // when that was so
}

// paced is how much of a core is spent: one part of so many.
const paced = 20

// Spend notes a cost, in a core's time, and returns how long to wait before the
// next thing is done. What costs no more than burst at once makes nobody wait.
func (p *Pace) Spend(cost, burst time.Duration, now time.Time) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.debt = max(0, p.debt-now.Sub(p.at)/paced) + cost
	p.at = now
	return max(0, p.debt-burst) * paced
}
