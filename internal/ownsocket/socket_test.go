package ownsocket_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/ownsocket"
)

// bind makes a socket in a folder whose path is short.
func bind(t *testing.T) (s *ownsocket.Socket, dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "own")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s, err = ownsocket.Bind(t.Context(), dir, "s", "draft")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, dir
}

// connect returns the two ends of a connection.
func connect(t *testing.T, s *ownsocket.Socket) (server, client net.Conn) {
	t.Helper()
	accepted := make(chan error, 1)
	go func() {
		var err error
		server, err = s.Accept()
		accepted <- err
	}()
	client, err := ownsocket.Dial(t.Context(), s.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return server, client
}

func TestSocket_bothEndsTalkAtOnce(t *testing.T) {
	s, _ := bind(t)
	server, client := connect(t, s)
	const size = 1 << 20 // More than any buffer.
	var wg sync.WaitGroup
	for _, ends := range [][2]net.Conn{{server, client}, {client, server}} {
		wg.Go(func() {
			if n, err := ends[0].Write(make([]byte, size)); n != size || err != nil {
				t.Errorf("wrote %d bytes, %v, want %d", n, err, size)
			}
		})
		wg.Go(func() {
			if n, err := io.CopyN(io.Discard, ends[1], size); err != nil {
				t.Errorf("read %d bytes, %v, want %d", n, err, size)
			}
		})
	}
	wg.Wait()
}

func TestSocket_whatWasWrittenBeforeClose_isRead(t *testing.T) {
	s, _ := bind(t)
	server, client := connect(t, s)
	if _, err := server.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(client)
	if !bytes.Equal(got, []byte("last words")) || err != nil {
		t.Errorf("got %q, %v, want the last words and the end", got, err)
	}
}

func TestSocket_readHasADeadline(t *testing.T) {
	s, _ := bind(t)
	server, client := connect(t, s)
	if err := server.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, err := server.Read(make([]byte, 1))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	if passed, ok := err.(net.Error); !ok || !passed.Timeout() { //nolint:errorlint // It is how package net/http looks.
		t.Errorf("got a %T, want a net.Error of a deadline", err)
	}
	if err := server.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := server.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("got %d bytes, %v after the deadline was lifted, want 1", n, err)
	}
}

func TestSocket_closeEndsAReadThatWaits(t *testing.T) {
	s, _ := bind(t)
	server, _ := connect(t, s)
	ended := make(chan error, 1)
	go func() {
		_, err := server.Read(make([]byte, 1))
		ended <- err
	}()
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v of a read whose connection was closed, want %v", err, net.ErrClosed)
	}
}

// Package net/http reads while a handler runs, and ends that by a deadline.
func TestSocket_requestsOnOneConnection_keepTheirClient(t *testing.T) {
	s, _ := bind(t)
	var opened atomic.Int32
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			t.Errorf("got %v in a request whose client waits, want nothing", context.Cause(r.Context()))
		case <-time.After(20 * time.Millisecond):
		}
	})}
	go func() { _ = srv.Serve(s) }()
	t.Cleanup(func() { _ = srv.Close() })
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		opened.Add(1)
		return ownsocket.Dial(ctx, s.Path())
	}}}
	t.Cleanup(client.CloseIdleConnections)
	for range 4 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://gateway/", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	if got := opened.Load(); got != 1 {
		t.Errorf("got %d connections, want 1", got)
	}
}

func TestSocket_closed_acceptsNoMore(t *testing.T) {
	s, _ := bind(t)
	waits := make(chan error, 1)
	go func() {
		_, err := s.Accept()
		waits <- err
	}()
	for range 2 { // The second time it does no harm.
		_ = s.Close()
	}
	if err := <-waits; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v of an accept that waited, want net.ErrClosed", err)
	}
	if _, err := s.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v of the next accept, want net.ErrClosed", err)
	}
	if _, err := os.Lstat(s.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v for the file of a closed socket, want that it is gone", err)
	}
}

func TestListening_tellsLiveFromLeftBehind(t *testing.T) {
	s, _ := bind(t)
	go func() { // Ends with the socket.
		for {
			c, err := s.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	for range 3 { // Whoever only looks leaves it as it was.
		if got := ownsocket.Listening(t.Context(), s.Path()); got != ownsocket.Yes {
			t.Errorf("got %v for one that listens, want %v", got, ownsocket.Yes)
		}
	}
	_ = s.Listener.Close() // The file stays, as of a process that was killed.
	if got := ownsocket.Listening(t.Context(), s.Path()); got != ownsocket.No {
		t.Errorf("got %v for one that was left behind, want %v", got, ownsocket.No)
	}
	if got := ownsocket.Listening(t.Context(), s.Path()+"x"); got != ownsocket.Unknown {
		t.Errorf("got %v where there is no file, want %v", got, ownsocket.Unknown)
	}
}

func TestBind_overOneThatWasLeftBehind_isReached(t *testing.T) {
	old, dir := bind(t)
	_ = old.Listener.Close()
	s, err := ownsocket.Bind(t.Context(), dir, "s", "other")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	_ = old.Close() // It leaves the file of its successor.
	connect(t, s)
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != 1 || err != nil {
		t.Errorf("got the files %v, %v, want that of the socket alone", left, err)
	}
}

func TestPeerOf_isTheProcessAtTheOtherEnd(t *testing.T) {
	s, _ := bind(t)
	server, _ := connect(t, s)
	if got := ownsocket.PeerOf(server).PID; got != os.Getpid() && got != 0 { // Not every system says.
		t.Errorf("got process %d, want this one, %d", got, os.Getpid())
	}
}
