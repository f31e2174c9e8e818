package attach_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
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

// serveAll welcomes everybody, up to most at once, and reads what they say.
func serveAll(l pipes, most int) *attach.Server {
	return attach.Serve(l, attach.Options{
		Log: slog.New(slog.DiscardHandler), Most: most,
		Admit: func(int) error { return nil },
		Greet: func(attach.Hello) attach.Welcome { return attach.Welcome{Version: "1"} },
		Serve: func(_ context.Context, _ attach.Hello, s attach.Streams) error {
			_, err := io.Copy(io.Discard, s.In)
			return err
		},
	})
}

// Nor is it a client for a moment.
func TestAttached_looksAtTheSocket_doNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := make(pipes)
		s := serveAll(l, 0)
		defer s.Close()
		near, far := net.Pipe()
		l <- far
		synctest.Wait()
		if got := s.Attached(); got != 0 {
			t.Errorf("got %d clients while somebody looks, want none", got)
		}
		client, gateway := net.Pipe()
		l <- gateway
		if _, err := io.WriteString(client, "{\"version\":\"1\"}\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(client).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if got := s.Attached(); got != 1 {
			t.Errorf("got %d clients, want the one that was welcomed", got)
		}
		_, _ = near.Close(), client.Close()
		synctest.Wait()
		if got := s.Attached(); got != 0 {
			t.Errorf("got %d clients after the end, want none", got)
		}
	})
}

// Whoever only looks counts among those that may be connected: there is an end to them, too.
func TestServe_tooManyConnections_areRefused(t *testing.T) {
	for name, c := range map[string]struct {
		most, connected, looks int
		want                   string
	}{
		"as many as may be":           {3, 2, 0, ""},
		"one more":                    {3, 3, 0, "3 clients"},
		"one more, and none attached": {3, 0, 3, "3 clients"},
		"one more than 1024":          {0, 0, 1024, "1024 clients"},
		"one more, and some attached": {3, 1, 2, "3 clients"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := make(pipes)
				s := serveAll(l, c.most)
				defer s.Close()
				for range c.connected {
					if welcome := attachTo(t, l); !strings.Contains(welcome, `"version":"1"`) {
						t.Fatalf("got %s, want a welcome", welcome)
					}
				}
				for range c.looks {
					near, far := net.Pipe()
					defer near.Close()
					l <- far
				}
				synctest.Wait()
				welcome := attachTo(t, l)
				if refused := strings.Contains(welcome, `"error"`); refused != (c.want != "") || !strings.Contains(welcome, c.want) {
					t.Errorf("got %s, want %q", welcome, c.want)
				}
			})
		})
	}
}

// attachTo attaches a client, which stays until the test ends, and returns what it hears.
func attachTo(t *testing.T, l pipes) (welcome string) {
	t.Helper()
	client, gateway := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	l <- gateway
	if _, err := io.WriteString(client, "{\"version\":\"1\"}\n"); err != nil {
		t.Fatal(err)
	}
	welcome, err := bufio.NewReader(client).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return welcome
}
