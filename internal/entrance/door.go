package entrance

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// strangerTime is how long a connection may take until a request on it has been
// let in.
const strangerTime = 10 * time.Second

// maxStrangers is how many connections may be strangers' at most: each is looked
// at when another one comes while they are as many.
const maxStrangers = 256

// Door lets connections in. Its methods are safe for concurrent use.
type Door struct {
	maxStrangers, maxGuests int

	mu                sync.Mutex
	strangers, guests conns
	turns             uint64
}

// conns are connections of one kind.
type conns map[*conn]struct{}

// New makes a door for at most so many connections, at least 8.
func New(limit int) *Door {
	limit = max(limit, 8)
	few := min(limit/4, maxStrangers)
	return &Door{maxStrangers: few, maxGuests: limit - few, strangers: conns{}, guests: conns{}}
}

// Serve has a server's connections come through the door. It returns the
// listener to serve on, and must be called before that.
func (d *Door) Serve(srv *http.Server, l net.Listener) net.Listener {
	srv.Handler = unambiguous(srv.Handler)
	srv.ConnState = func(c net.Conn, state http.ConnState) { of(c).turn(state) }
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, key{}, of(c)) }
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

// enter takes in a stranger, for whom another one may have to go.
func (d *Door) enter(raw net.Conn) *conn {
	c := &conn{Conn: raw, door: d, owner: host(raw), looking: true}
	c.limit = time.AfterFunc(strangerTime, c.overdue)
	d.admit(c).end()
	return c
}

func (d *Door) admit(c *conn) (victim *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turns++
	c.since = d.turns
	d.strangers[c] = struct{}{}
	if len(d.strangers) > d.maxStrangers {
		victim = d.strangers.first(d.strangers.hog(""))
		delete(d.strangers, victim)
	}
	return victim
}

// Arrived says that a request has been let in, and whose it is. It reports
// whether there is room for its connection; if not, that should end.
func (d *Door) Arrived(r *http.Request, owner string) bool {
	c, _ := r.Context().Value(key{}).(*conn)
	if c == nil {
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
	c.owner = owner
	if _, stranger := d.strangers[c]; !stranger {
		return nil, true // A guest already, or one that has to go just now.
	}
	if len(d.guests) >= d.maxGuests {
		hog := d.guests.hog(owner)
		if victim = d.guests.last(hog); hog == owner && !victim.idle {
			return nil, false // Nobody else has as many.
		}
		delete(d.guests, victim)
	}
	delete(d.strangers, c)
	d.guests[c] = struct{}{}
	c.limit.Stop()
	return victim, true
}

// hog is who has the most connections; of equals preferably this one.
func (cs conns) hog(preferred string) (hog string) {
	count := map[string]int{}
	for c := range cs {
		count[c.owner]++
	}
	most := 0
	for owner, n := range count {
		if n > most || n == most && owner == preferred {
			most, hog = n, owner
		}
	}
	return hog
}

// first is the connection of an owner that came first.
func (cs conns) first(owner string) (first *conn) {
	for c := range cs {
		if c.owner == owner && (first == nil || c.since < first.since) {
			first = c
		}
	}
	return first
}

// last is the connection of an owner that can be spared best: the one that has
// been idle longest, or else the one that came last.
func (cs conns) last(owner string) (last *conn) {
	for c := range cs {
		if c.owner == owner && (last == nil || c.rather(last)) {
			last = c
		}
	}
	return last
}

func (d *Door) leave(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.strangers, c)
	delete(d.guests, c)
	c.limit.Stop()
}

// host is the address at the other end, without its port.
func host(c net.Conn) string {
	address := c.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}
