package entrance_test

import (
	"io"
	"net"
	"os"
	"testing"

	"gatehouse/internal/entrance"
)

// Of two connections the one that says something comes in, though the silent one
// was there before.
func TestLeaveSilent_silentConnection_isNotLetInBeforeOneThatSpeaks(t *testing.T) {
	t.Parallel()
	if cookies, err := os.ReadFile("/proc/sys/net/ipv4/tcp_syncookies"); err != nil || string(cookies) == "0\n" {
		t.Skip("this kernel sends no SYN cookies, so connections come in at once")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	entrance.LeaveSilent(l)
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	accept := func() net.Conn {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	silent, speaks := dial(), dial()
	if _, err := io.WriteString(speaks, "G"); err != nil {
		t.Fatal(err)
	}
	if got, want := accept().RemoteAddr().String(), speaks.LocalAddr().String(); got != want {
		t.Errorf("got the connection from %s, want %s, which has spoken", got, want)
	}
	if _, err := io.WriteString(silent, "G"); err != nil {
		t.Fatal(err)
	}
	got := accept()
	if got, want := got.RemoteAddr().String(), silent.LocalAddr().String(); got != want {
		t.Errorf("got the connection from %s, want %s, which speaks at last", got, want)
	}
	if b := make([]byte, 1); !readsG(got, b) {
		t.Errorf("got %q, want what was said", b)
	}
}

func readsG(c net.Conn, b []byte) bool {
	_, err := io.ReadFull(c, b)
	return err == nil && b[0] == 'G'
}
