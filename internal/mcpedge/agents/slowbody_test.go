package agents_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/mcpedge/agents"
)

// pipeListener accepts one connection, which is in memory.
type pipeListener struct{ conns chan net.Conn }

func (l pipeListener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l pipeListener) Close() error   { return nil }
func (l pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// loopback is a connection that came in at a loopback address.
type loopback struct{ net.Conn }

func (loopback) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// Whatever becomes of a request, its client is answered and let go of: net/http
// waits for the rest of a body before it answers.
func TestHTTP_bodyThatDoesNotCome_endsTheConnection(t *testing.T) {
	for name, c := range map[string]struct {
		head   string
		status int
	}{
		"while it is read":   {"POST /mcp HTTP/1.1\r\nContent-Type: application/json\r\n", http.StatusBadRequest},
		"of another type":    {"POST /mcp HTTP/1.1\r\nContent-Type: text/plain\r\n", http.StatusUnsupportedMediaType},
		"of another method":  {"PUT /mcp HTTP/1.1\r\n", http.StatusMethodNotAllowed},
		"with a strange web": {"POST /mcp HTTP/1.1\r\nOrigin: https://evil.example\r\n", http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { oweBody(t, c.head, c.status) })
		})
	}
}

// inMemory returns a connection to an edge that a bubble can have.
func inMemory(t *testing.T, e *agents.Edge) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	l := pipeListener{make(chan net.Conn, 1)}
	l.conns <- loopback{theirs}
	srv := &http.Server{Handler: e.Handler()}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { close(l.conns); _ = ours.Close(); _ = srv.Close() })
	return ours
}

func oweBody(t *testing.T, head string, status int) {
	ours := inMemory(t, newEdge(t, newScript(), nil))
	begun := time.Now()
	_ = ours.SetDeadline(begun.Add(10 * time.Minute))
	if _, err := io.WriteString(ours, head+"Host: localhost\r\nContent-Length: 1000\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(ours)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("after %v: %v", time.Since(begun), err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != status || time.Since(begun) > 2*time.Minute {
		t.Errorf("got %d after %v, want %d", resp.StatusCode, time.Since(begun), status)
	}
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("the connection is still open after %v: %v", time.Since(begun), err)
	}
}
