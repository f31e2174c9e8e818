package entrance

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// conn is one connection.
type conn struct {
	net.Conn

	door  *Door
	limit *time.Timer   // of a stranger
	since atomic.Uint64 // the order in which it came, or became idle
	idle  atomic.Bool
	leave atomic.Pointer[context.CancelFunc] // ends what runs on it; nil before the server has it

	// These are changed by its own requests, one at a time, and with the door's
	// mutex.
	owner string
	guest bool // or has been one, if it has to go

	// The rest belongs to whoever reads: net/http, one goroutine at a time.
	looking   bool // at the head of a request
	head      head
	ambiguous atomic.Bool // the request has two lengths
	unseen    atomic.Bool // its head came together with the request before, as nobody needs
	behind    tail        // what came behind the head

	// These belong to the server's goroutine.
	body  int64 // the length of the request's body, -1 in chunks
	hasty bool  // a request has come before the answer to another one, at any time
}

// rather reports whether a guest can be spared rather than another one.
func (c *conn) rather(other *conn) bool {
	idle := c.idle.Load()
	if idle != other.idle.Load() {
		return idle
	}
	return idle == (c.since.Load() < other.since.Load())
}

// context is what the requests on a connection run with.
func (c *conn) context(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	c.leave.Store(&cancel)
	return context.WithValue(ctx, key{}, c)
}

// cancel ends what runs on a connection. The server hears of its end only where it
// reads, and it reads nothing while a handler has not asked for the body: those who
// wait would stay, and nobody would count them.
func (c *conn) cancel() {
	if leave := c.leave.Load(); leave != nil {
		(*leave)()
	}
}

// end closes a connection, if there is one. What runs on it ends as if its client
// had gone.
func (c *conn) end() {
	if c == nil {
		return
	}
	c.cancel()
	raw := c.Conn
	if t, ok := raw.(*tls.Conn); ok {
		raw = t.NetConn() // Without a word of goodbye, for which it would wait.
	}
	_ = raw.Close() // It is gone in any case.
}

// overdue ends a stranger whose time is over.
func (c *conn) overdue() {
	c.door.mu.Lock()
	_, stranger := c.door.strangers.by[c.owner][c]
	c.door.mu.Unlock()
	if stranger {
		c.end()
	}
}

// turn hears what the server does with the connection.
func (c *conn) turn(state http.ConnState) {
	if c == nil {
		return
	}
	if state == http.StateIdle {
		c.hasty = c.hasty || c.unseen.Load() || c.behind.exceeds(c.body)
		c.looking, c.head, c.behind = true, head{}, tail{last: c.behind.last[:0]}
		c.ambiguous.Store(false)
		c.unseen.Store(true)
	}
	switch state {
	case http.StateActive:
		c.idle.Store(false)
	case http.StateIdle:
		c.since.Store(c.door.turns.Add(1))
		c.idle.Store(true)
	case http.StateClosed, http.StateHijacked:
		c.door.leave(c)
	case http.StateNew:
	}
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.cancel()
	return c.Conn.Close()
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	switch {
	case n == 0:
	case c.looking:
		if rest, ended := c.head.read(b[:n]); ended {
			c.looking = false
			c.unseen.Store(false)
			c.ambiguous.Store(c.head.length && c.head.encoding)
			c.behind.read(rest)
		}
	default:
		c.behind.read(b[:n])
	}
	return n, err //nolint:wrapcheck // A connection returns the error as it is.
}

// CloseWrite lets the server say that nothing more comes, as it does on TCP.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// tlsConn shows the server that a connection is encrypted.
type tlsConn struct{ *conn }

func (c tlsConn) ConnectionState() tls.ConnectionState {
	if t, ok := c.Conn.(*tls.Conn); ok {
		return t.ConnectionState()
	}
	return tls.ConnectionState{}
}
