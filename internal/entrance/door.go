package entrance

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// strangerTime is how long a connection may take until a request on it has been
// let in.
const strangerTime = 10 * time.Second

// maxStrangers is how many connections may be strangers' at most: each is looked
// at when another one comes while they are as many.
const maxStrangers = 256

// Who opens connections as fast as they end could have the door do nothing else, and
// everybody else wait for the processor: a burst of newcomers took milliseconds. So it
// waits for a moment after each few of those for whom another one had to go. More would
// make others who come wait too long behind them.
const (
	maxBurst = 10
	stillFor = time.Millisecond
)

// Door lets connections in. Its methods are safe for concurrent use.
type Door struct {
	maxStrangers, maxGuests int

	turns atomic.Uint64 // of connections that came or became idle

	mu                sync.Mutex
	strangers, guests crowd
	burst             int // strangers who had to go, counted anew at maxBurst
}

// New makes a door for at most so many connections, at least 8.
func New(limit int) *Door {
	limit = max(limit, 8)
	few := min(limit/4, maxStrangers)
	return &Door{maxStrangers: few, maxGuests: limit - few}
}

// Serve has a server's connections come through the door. It returns the
// listener to serve on, and must be called before that.
func (d *Door) Serve(srv *http.Server, l net.Listener) net.Listener {
	srv.Handler = unambiguous(srv.Handler)
	srv.DisableGeneralOptionsHandler = true // It would answer OPTIONS * past the handler.
	srv.ConnState = func(c net.Conn, state http.ConnState) { of(c).turn(state) }
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return of(c).context(ctx) }
	return listener{l, d}
}

// key is where a request's context has its connection.
type key struct{}

// of is the connection behind what the server has.
func of(c net.Conn) *conn {
	switch c := c.(type) {
	case *conn:
		return c
	case tlsConn:
		return c.conn
	}
	return nil // A server that does not serve through a door.
}

type listener struct {
	net.Listener
	door *Door
}

func (l listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // A listener returns the error as it is.
	}
	c := l.door.enter(raw)
	if _, ok := raw.(*tls.Conn); ok {
		return tlsConn{c}, nil
	}
	return c, nil
}

// enter takes in a stranger, for whom another one may have to go. Now and then it
// waits a moment then.
func (d *Door) enter(raw net.Conn) *conn {
	c := &conn{Conn: raw, door: d, owner: Network(raw.RemoteAddr().String()), looking: true}
	c.limit = time.AfterFunc(strangerTime, c.overdue)
	victim, still := d.admit(c)
	victim.end()
	if still {
		time.Sleep(stillFor)
	}
	return c
}

func (d *Door) admit(c *conn) (victim *conn, still bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.since.Store(d.turns.Add(1))
	d.strangers.add(c)
	if d.strangers.size <= d.maxStrangers {
		return nil, false
	}
	victim = d.strangers.first(d.strangers.hog(""))
	d.strangers.drop(victim)
	d.burst = (d.burst + 1) % maxBurst
	return victim, d.burst == 0
}

// Arrived says that a request has been let in, and whose it is. It reports
// whether there is room for its connection; if not, that should end.
func (d *Door) Arrived(r *http.Request, owner string) bool {
	c, _ := r.Context().Value(key{}).(*conn)
	if c == nil || c.guest && c.owner == owner {
		return true
	}
	victim, ok := d.welcome(c, owner)
	victim.end()
	return ok
}

// welcome makes a stranger a guest, for whom another one may have to go.
func (d *Door) welcome(c *conn, owner string) (victim *conn, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	stranger := d.strangers.drop(c)
	if !stranger && !d.guests.drop(c) {
		return nil, true // One that has to go just now.
	}
	c.owner = owner
	if stranger && d.guests.size >= d.maxGuests {
		hog := d.guests.hog(owner)
		if victim = d.guests.last(hog); hog == owner && !victim.idle.Load() {
			d.strangers.add(c)
			return nil, false // Nobody else has as many.
		}
		d.guests.drop(victim)
	}
	c.limit.Stop()
	c.guest = true
	d.guests.add(c)
	return victim, true
}

func (d *Door) leave(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.strangers.drop(c)
	d.guests.drop(c)
	c.limit.Stop()
}

// Network is what one client can hardly have many of: the address of its end, without
// the port, or for IPv6 the network of 64 bits around it. An address that is none
// stays as it is.
func Network(remote string) string {
	if end := strings.LastIndexByte(remote, ':'); end > 0 && remote[0] != '[' {
		return remote[:end]
	}
	from, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	address := from.Addr().Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	network, err := address.Prefix(64)
	if err != nil { // It has that many bits.
		return remote
	}
	return network.Addr().String()
}
