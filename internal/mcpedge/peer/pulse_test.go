package peer_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/mcpedge/peer"
)

// A machine that was switched off says nothing to anybody: whoever waits for it goes by
// what the first one has found out.
func TestRelay_manyStreamsOfAnOwnerThatIsSilent_endTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int32
		c := peer.NewClient(peer.ClientConfig{Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				asked := bufio.NewReader(far)
				if line, _ := asked.ReadString('\n'); strings.Contains(line, "/tenure") {
					looks.Add(1)
				}
				_, _ = io.Copy(io.Discard, asked) // Until the other end closes.
			}()
			return near, nil
		}})
		var all sync.WaitGroup
		var lost atomic.Int32
		for range 50 {
			all.Go(func() {
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/s/one", http.NoBody)
				if c.Relay(w, r, peer.Place{Address: "n1:1", Lives: func() bool { return true }}) && w.Code == http.StatusBadGateway {
					lost.Add(1)
				}
			})
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := lost.Load(); got != 50 {
			t.Errorf("got %d of 50 streams that have ended after 30 s, want all", got)
		}
		if got := looks.Load(); got != 2 {
			t.Errorf("got %d looks at the owner, want two for all: one may have been lost", got)
		}
		all.Wait()
		c.Close()
	})
}
