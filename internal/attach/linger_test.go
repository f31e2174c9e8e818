package attach_test

import (
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/attach"
)

// pipes is a listener in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// Whoever only looks at the socket does not keep a gateway that nobody uses.
func TestAwaitIdle_looksAtTheSocket_doNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := make(pipes)
		s := attach.Serve(l, attach.Options{Log: slog.New(slog.DiscardHandler)})
		defer s.Close()
		began := time.Now()
		idle := make(chan time.Duration)
		go func() {
			s.AwaitIdle(t.Context(), 10*time.Minute)
			idle <- time.Since(began)
		}()
		for range 3 {
			time.Sleep(3 * time.Minute)
			near, far := net.Pipe()
			l <- far
			_ = near.Close()
		}
		near, far := net.Pipe()
		l <- far
		if _, err := io.WriteString(near, "not a hello\n"); err != nil {
			t.Fatal(err)
		}
		_ = near.Close()
		if got := <-idle; got != 10*time.Minute {
			t.Errorf("got idle after %v, want 10m: nobody has attached", got)
		}
	})
}
