//go:build unix

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/testkit"
)

// cutting is an address before a gateway whose first connection that brings such a
// text breaks behind it.
func cutting(t *testing.T, gateway, text string) (at string, cuts *atomic.Int32) {
	t.Helper()
	to, err := url.Parse(gateway)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	cuts = &atomic.Int32{}
	go func() { // Ends with the listener.
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to.Host)
			if err != nil {
				_ = client.Close()
				continue
			}
			go pass(server, client, func([]byte) bool { return false })
			go pass(client, server, func(part []byte) bool {
				return bytes.Contains(part, []byte(text)) && cuts.CompareAndSwap(0, 1)
			})
		}
	}()
	return strings.Replace(gateway, to.Host, l.Addr().String(), 1), cuts
}

// pass copies what comes until its end, or until it has been enough, and then closes
// both ends.
func pass(to io.WriteCloser, from io.ReadCloser, enough func([]byte) bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if _, failed := to.Write(buf[:n]); failed != nil || err != nil || enough(buf[:n]) {
			return
		}
	}
}

// The official client takes up the stream of a call whose connection breaks, and gets
// all of its progress and its result.
func TestResume_officialClient(t *testing.T) {
	g, _ := start(t, "everything", testkit.Entry{"command": npmServer(t, "everything"), "args": []string{"stdio"}})
	at, cuts := cutting(t, g.BaseURL(t), "notifications/progress")
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	cmd, stderr := command(ctx, t, node(t), testdata(t, "clients", "resume1.mjs"), at+"/servers/everything/mcp?agent=agent")
	out, err := cmd.Output()
	var got struct {
		Text  string
		Heard []float64
	}
	if err != nil || json.Unmarshal(out, &got) != nil {
		t.Fatalf("got %s %v %s, want its result", out, err, stderr)
	}
	if want := []float64{1, 2, 3}; cuts.Load() != 1 || !strings.Contains(got.Text, "completed") || !slices.Equal(got.Heard, want) {
		t.Errorf("got %s after %d cuts, want the result and the steps %v after one", out, cuts.Load(), want)
	}
}
