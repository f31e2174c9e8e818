package agents_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/weight"
)

// echoing holds what a call weighs while it runs: the arguments are copied as
// they are for a server, and come back.
type echoing struct{ *script }

func (echoing) CallTool(_ context.Context, _ agents.Caller, t agents.ToolCall, dst []byte) ([]byte, bool) {
	params := append([]byte(`{"arguments":`), t.Args...)
	line := append(append([]byte(`{"params":`), params...), '}')
	if t.Weight.Answer(len(line), 32<<20) != weight.Fits {
		return append(dst, `{"content":[],"isError":true}`...), true
	}
	return append(append(append(dst, `{"content":[],"structuredContent":`...), line...), '}', '}'), true
}

// Whatever many clients send at once, of any shape and with answers left unread,
// the heap grows by four times the budget at the most.
func TestMemory_ofManyClientsAtOnce_isBounded(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100)) // As in the program, however the tests are run.
	const budget, size, clients = 16 << 20, 1 << 20, 64
	f := newEdge(t, echoing{newScript()}, func(o *agents.Options) { o.Budget, o.Log = weight.New(budget, time.Now), nil })
	srv := serveHTTP(t, f)
	messages := shapes(size)
	runtime.GC()
	idle := heap()
	done := make(chan struct{})
	peak := make(chan int, 1)
	go func() {
		high := 0
		for tick := time.NewTicker(time.Millisecond); ; {
			high = max(high, heap()-idle)
			select {
			case <-tick.C:
			case <-done:
				tick.Stop()
				peak <- high
				return
			}
		}
	}()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() { say(t, srv.URL, messages[i%len(messages)].body, i%3 == 0) })
	}
	wg.Wait()
	close(done)
	got := <-peak
	t.Logf("%d MiB over idle, with a budget of %d MiB", got>>20, budget>>20)
	if got > 4*budget {
		t.Errorf("%d clients with %d bytes each: got %d bytes more than idle, want at most four times the budget, %d", clients, size, got, 4*budget)
	}
}

// say sends a message and reads the answer, or the beginning of it.
func say(t *testing.T, url, body string, unread bool) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	_ = req.Write(conn) // It may be refused before it has been read.
	if unread {
		_, _ = conn.Read(make([]byte, 1))
		return
	}
	_, _ = io.Copy(io.Discard, conn1{conn})
}

// conn1 reads until a response is likely to be over.
type conn1 struct{ net.Conn }

func (c conn1) Read(b []byte) (int, error) {
	_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	return c.Conn.Read(b)
}

func heap() int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse)
}
