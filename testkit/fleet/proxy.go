package fleet

import (
	"context"
	"net"
	"sync"
	"testing"
)

// Mode is what a direction of a Proxy does with bytes.
type Mode int

// The modes. The zero value passes.
const (
	// Pass passes bytes on.
	Pass Mode = iota
	// Cut ends connections, and refuses new ones.
	Cut
	// Hole keeps connections open and holds what is sent: a partition. It arrives once the
	// direction passes again, as with TCP. New connections are accepted and hear nothing.
	Hole
)

// Proxy stands between who connects to its address and a target, over TCP. Each
// direction can be cut or become a hole, at any time, also for connections that are
// open.
type Proxy struct {
	target string
	listen net.Listener

	mu      sync.Mutex
	up      Mode // towards the target
	down    Mode
	changed chan struct{}
	conns   map[net.Conn]struct{}
	closed  bool
	work    sync.WaitGroup
}

// StartProxy starts a proxy to a target, HOST:PORT, on a port of the kernel's choice. It
// ends with the test.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: target, listen: l, conns: map[net.Conn]struct{}{}, changed: make(chan struct{})}
	p.work.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is where the proxy listens: HOST:PORT.
func (p *Proxy) Addr() string { return p.listen.Addr().String() }

// Aim changes the target of later connections.
func (p *Proxy) Aim(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Set has both directions do something.
func (p *Proxy) Set(m Mode) { p.SetEach(m, m) }

// SetEach has the directions do something: up is towards the target.
func (p *Proxy) SetEach(up, down Mode) {
	p.mu.Lock()
	p.up, p.down = up, down
	close(p.changed)
	p.changed = make(chan struct{})
	if up == Cut || down == Cut {
		for c := range p.conns {
			_ = c.Close()
		}
	}
	p.mu.Unlock()
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	close(p.changed)
	p.changed = make(chan struct{})
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	_ = p.listen.Close()
	p.work.Wait()
}

// hold keeps track of a connection; false means that it is not to be.
func (p *Proxy) hold(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.up == Cut || p.down == Cut {
		_ = c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) drop(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

func (p *Proxy) accept() {
	for {
		c, err := p.listen.Accept()
		if err != nil {
			return
		}
		if p.hold(c) {
			p.work.Go(func() { p.serve(c) })
		}
	}
}

func (p *Proxy) serve(c net.Conn) {
	defer p.drop(c)
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
	if err != nil || !p.hold(far) {
		return
	}
	defer p.drop(far)
	var both sync.WaitGroup
	both.Go(func() { p.pump(far, c, func() Mode { return p.up }) })
	p.pump(c, far, func() Mode { return p.down })
	both.Wait()
}

// pump copies what comes from one side to the other, when it may.
func (p *Proxy) pump(to, from net.Conn, mode func() Mode) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		p.awaitPass(to, mode) // The end of a connection does not pass through a hole either.
		if err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// awaitPass returns once a direction is no hole, or a connection is not kept any more.
func (p *Proxy) awaitPass(c net.Conn, mode func() Mode) {
	for {
		p.mu.Lock()
		_, open := p.conns[c]
		held, changed := open && !p.closed && mode() == Hole, p.changed
		p.mu.Unlock()
		if !held {
			return
		}
		<-changed
	}
}
