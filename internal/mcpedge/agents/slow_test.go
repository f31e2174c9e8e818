package agents_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// connect opens a bare connection that ends with the test.
func connect(t *testing.T, url string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// head begins a POST whose body has so many bytes.
func head(t *testing.T, conn net.Conn, size int) {
	t.Helper()
	if _, err := io.WriteString(conn, headOf(size)); err != nil {
		t.Fatal(err)
	}
}

func headOf(size int) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
		"Accept: application/json\r\nContent-Length: %d\r\n\r\n", size)
}

// A client that does not read must not hold its call's place for ever.
func TestHTTP_clientThatDoesNotReadItsAnswer_isCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newScript()
		h.result = `{"content":[{"type":"text","text":"` + strings.Repeat("x", 1<<20) + `"}]}`
		f := newEdge(t, h, nil)
		conn := inMemory(t, f)
		body := call("1", "raw", `{}`)
		fmt.Fprint(conn, headOf(len(body))+body)
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil { // It has begun to answer.
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if err := f.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
}

// The watch of one request must not harm the next one on its connection.
func TestHTTP_connectionThatIsKept_outlivesTheTimeLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := inMemory(t, newEdge(t, newScript(), nil))
		for i := range 5 {
			body := call(fmt.Sprint(i), "echo", `{}`)
			fmt.Fprint(conn, headOf(len(body))+body)
			status := make([]byte, len("HTTP/1.1 200 OK"))
			if _, err := io.ReadFull(conn, status); err != nil || string(status) != "HTTP/1.1 200 OK" {
				t.Fatalf("request %d: got %q, %v, want HTTP/1.1 200 OK", i, status, err)
			}
			drainResponse(t, conn)
			time.Sleep(2 * time.Minute) // Longer than a body or a write may take.
		}
	})
}

// drainResponse reads to the end of an answer that is one JSON object.
func drainResponse(t *testing.T, conn net.Conn) {
	t.Helper()
	var seen []byte
	for one := make([]byte, 1); !strings.HasSuffix(string(seen), "}}}") || !strings.Contains(string(seen), "\r\n\r\n"); seen = append(seen, one...) {
		if _, err := conn.Read(one); err != nil {
			t.Fatalf("after %q: %v", seen, err)
		}
	}
}
