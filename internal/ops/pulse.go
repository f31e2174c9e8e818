package ops

import "sync"

// Pulse tells those who wait that something has happened. The zero Pulse is ready
// to use, from any goroutine.
type Pulse struct {
	mu   sync.Mutex
	next chan struct{} // nil while nobody waits
}

// Beat wakes everybody who waits. It does not block.
func (p *Pulse) Beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next != nil {
		close(p.next)
		p.next = nil
	}
}

// Next is closed with the next beat.
func (p *Pulse) Next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == nil {
		p.next = make(chan struct{})
	}
	return p.next
}
