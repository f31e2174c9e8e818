//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/testkit"
)

// limited is the gateway as a program that may have so many descriptors.
func limited(t *testing.T, descriptors int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "limited")
	script := fmt.Sprintf("#!/bin/sh\nulimit -n %d && exec '%s' \"$@\"\n", descriptors, testkit.Program(t))
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// stillOpen is how many of the connections the other side has not ended.
func stillOpen(conns []net.Conn) int {
	var open atomic.Int64
	var all sync.WaitGroup
	for _, conn := range conns {
		all.Go(func() {
			_ = conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				open.Add(1)
			}
		})
	}
	all.Wait()
	return int(open.Load())
}

// awaitAnswers waits until each request, which every second connection has sent, was
// answered or had to go.
func awaitAnswers(t *testing.T, conns []net.Conn) {
	t.Helper()
	for i := 0; i < len(conns); i += 2 {
		_ = conns[i].SetReadDeadline(time.Now().Add(testkit.Patience))
		if _, err := conns[i].Read(make([]byte, 4096)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("connection %d: got neither an answer nor its end, want one of both", i)
		}
	}
}

func TestConnections_moreThanDescriptors_blockNoRevocation(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t)}.JSON(), Rules: testkit.AllowAll("a"), Args: quick, Program: limited(t, 256),
	})
	address := strings.TrimPrefix(g.BaseURL(t), "http://")
	var conns []net.Conn
	for i := range 300 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		conns = append(conns, conn)
		if i%2 == 0 {
			_, _ = fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n%-40s",
				`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
		} else {
			_, _ = fmt.Fprint(conn, "P") // Else the kernel would keep it.
		}
	}
	awaitAnswers(t, conns) // As long as all are busy there is no room for one more of the same address.
	a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	a.Execute(t, "s", "echo", nil).Good(t)
	if n := stillOpen(conns); n > 128 {
		t.Errorf("%d connections are open, want 128 at most: half of the descriptors", n)
	}
	g.Apply(t, g.RulesFile, testkit.AllowAll("b"))
	a.Execute(t, "s", "echo", nil).Failed(t, "DENIED_BY_POLICY")
	operate(t, g, "status").want(t, exitFine)
	g.Apply(t, g.ServersFile, testkit.Servers{"s": testkit.Fake(t), "new": testkit.Fake(t)}.JSON())
	a.As("b").Execute(t, "new", "echo", nil).Good(t)
	if status, text := readyzOf(t, g); status != http.StatusOK {
		t.Errorf("readyz: got %d %q, want 200", status, text)
	}
}
