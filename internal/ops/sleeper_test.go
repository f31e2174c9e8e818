package ops_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/ops"
)

// pipes is a listener in memory: time in a synctest bubble goes on while its
// connections wait.
type pipes struct {
	net.Listener

	dialed chan net.Conn
	closed chan struct{}
}

// pipesAt replaces the real listener in openAt.
func pipesAt(p *pipes) func(net.Listener) net.Listener {
	return func(l net.Listener) net.Listener {
		_ = l.Close() // Only its address is used.
		*p = pipes{l, make(chan net.Conn), make(chan struct{})}
		return p
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialed:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { close(p.closed); return nil }

// tree opens the live stream of the actor tree and returns its connection, of
// which nothing has been read.
func (p *pipes) tree(t *testing.T) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	p.dialed <- server
	if _, err := io.WriteString(client, "GET /live?view=tree&of=abc HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return client
}

// status reads the first line of an answer.
func status(t *testing.T, c net.Conn) (int, *bufio.Reader) {
	t.Helper()
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, r
}

// heap is what is in use after a collection.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestLive_readersThatSleep_costNothingAndAreLeft(t *testing.T) {
	const (
		sleepers = 8
		taken    = 32 << 10
		each     = 1 << 20 // what one may cost: a picture of all servers
	)
	synctest.Test(t, func(t *testing.T) {
		var servers []admin.ServerStatus
		for i := range 500 {
			servers = append(servers, admin.ServerStatus{Name: fmt.Sprintf("server-%03d", i), State: "ready"})
		}
		var line pipes
		d := openAt(t, pipesAt(&line), func(o *ops.Options) { o.Now = time.Now }, servers...)
		before := heap()
		asleep := make([]net.Conn, sleepers)
		for i := range asleep {
			asleep[i] = line.tree(t)
			// What a system's buffers would take, which ends in the middle of the table.
			if _, err := io.ReadFull(asleep[i], make([]byte, taken)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		asked := d.gateway.asks()
		change := func(n uint64) {
			d.gateway.set(func(st *admin.Status) {
				for i := range st.Servers {
					st.Servers[i].Run, st.Servers[i].Reason = n, fmt.Sprintf("change %d", n)
				}
			})
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
		}
		for n := range uint64(20) {
			change(n)
		}
		if got := d.gateway.asks() - asked; got != 0 {
			t.Errorf("while all sleep: the gateway was asked for its state %d times, want 0", got)
		}
		if got := heap() - before; got > sleepers*each {
			t.Errorf("%d readers that sleep keep %d bytes, want %d at most", sleepers, got, sleepers*each)
		}

		code, awake := status(t, line.tree(t))
		if code != http.StatusOK {
			t.Fatalf("beside those that sleep: got status %d, want 200", code)
		}
		heard := make(chan struct{})
		go func() {
			defer close(heard)
			_, _ = io.Copy(io.Discard, awake) // Until the end of the server.
		}()
		time.Sleep(9 * time.Second) // 11 s after they fell asleep.
		asked = d.gateway.asks()
		change(20)
		if got := d.gateway.asks() - asked; got == 0 {
			t.Errorf("the reader that is awake was shown nothing of a change, want it to be")
		}
		for i, c := range asleep {
			_ = c.SetReadDeadline(time.Now().Add(time.Second)) // A pipe can have one.
			if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
				t.Errorf("reader %d wakes: got %d bytes more, %v; want the end", i, len(rest), err)
			}
		}
		d.server.Close()
		<-heard
	})
}
