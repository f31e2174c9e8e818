package agents_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/weight"
	"gatehouse/testkit"
)

// heavy answers with results of that size, as far as the budget and a batch's
// limit allow it.
type heavy struct {
	*script

	size int
}

func (h heavy) CallTool(_ context.Context, _ agents.Caller, t agents.ToolCall, dst []byte) ([]byte, bool) {
	said := strings.Repeat("x", h.size)
	switch t.Weight.Answer(len(said), 1<<20) {
	case weight.NoRoom:
		said = "NO ROOM"
	case weight.TooMuch:
		said = "TOO MUCH"
	case weight.Fits:
	}
	return fmt.Appendf(dst, `{"content":[{"type":"text","text":"%s"}]}`, said), true
}

// A small message can ask for much: a batch's answers have the limit of one.
func TestBatch_itsAnswersTogether_areBounded(t *testing.T) {
	budget := weight.New(16<<20, time.Now)
	f := newEdge(t, heavy{newScript(), 100 << 10}, func(o *agents.Options) { o.Budget = budget })
	srv := serveHTTP(t, f)
	calls := strings.TrimSuffix(strings.Repeat(call("1", "raw", `{}`)+",", 100), ",")
	got := post(t, srv.URL, "["+calls+"]")
	if n := strings.Count(got.body, "TOO MUCH") + strings.Count(got.body, "RESULT_TOO_LARGE"); got.status != http.StatusOK || n != 90 || len(got.body) > 1100<<10 {
		t.Errorf("got %d, %d bytes with %d refusals; want 90, and 10 answers of 100 KiB", got.status, len(got.body), n)
	}
	testkit.Eventually(t, "all bytes given back", func() bool { return budget.Used() == 0 })
}

// Calls whose answers would have no room are not run.
func TestBatch_ofLargeAnswers_stopsWhereTheyAreTooMuch(t *testing.T) {
	for size, most := range map[int]int64{100 << 10: 20, 300 << 10: 12} {
		h := counting{heavy: heavy{newScript(), size}}
		srv := serveHTTP(t, newEdge(t, &h, func(o *agents.Options) { o.Budget = weight.New(64<<20, time.Now) }))
		calls := strings.TrimSuffix(strings.Repeat(call("1", "raw", `{}`)+",", 100), ",")
		post(t, srv.URL, "["+calls+"]")
		if n := h.calls.Load(); n < 3 || n > most {
			t.Errorf("of 100 calls with answers of %d KiB, of which 1 MiB has room: %d ran, want at most %d", size>>10, n, most)
		}
	}
}

// counting counts the calls that it runs.
type counting struct {
	heavy

	calls atomic.Int64
}

func (c *counting) CallTool(ctx context.Context, who agents.Caller, t agents.ToolCall, dst []byte) ([]byte, bool) {
	c.calls.Add(1)
	return c.heavy.CallTool(ctx, who, t, dst)
}

// Calls that take long all run in the end, though none has been answered.
func TestBatch_ofCallsThatTakeLong_runsThemAll(t *testing.T) {
	h := newScript()
	s := dial(t, newEdge(t, h, nil))
	s.initialize("2025-03-26")
	s.send("[%s]", strings.TrimSuffix(strings.Repeat(call("1", "block", `{}`)+",", 30), ","))
	for range 30 {
		receive(t, h.started)
	}
	close(h.release)
	s.next()
}

// Answers that nobody reads fill the budget and no more; each is given up once its
// room is wanted, and who reads gets all of it.
func TestAnswers_thatNobodyReads_areGivenUpForThoseOfOthers(t *testing.T) {
	const size = 12 << 20 // More than the buffers of a connection hold.
	budget := weight.New(3*size, time.Now)
	f := newEdge(t, heavy{newScript(), size}, func(o *agents.Options) { o.Budget, o.WriteTimeout = budget, time.Hour })
	srv := serveHTTP(t, f)
	body := call("1", "raw", `{}`)
	conns := make([]io.Reader, 3)
	for i := range conns {
		conn := connect(t, srv.URL)
		head(t, conn, len(body))
		fmt.Fprint(conn, body)
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil { // It has begun to answer.
			t.Fatal(err)
		}
		conns[i] = conn
	}
	if used := budget.Used(); used != 3*size {
		t.Fatalf("got %d bytes taken, want %d", used, 3*size)
	}
	testkit.Eventually(t, "an answer for one who reads", func() bool { // Those who don't read have a second.
		return len(post(t, srv.URL, body).body) > size
	})
	if rest, _ := io.Copy(io.Discard, conns[0]); rest >= size {
		t.Errorf("the first that did not read: got %d bytes, want that it was cut off", rest)
	}
}

// Over stdio the one who does not read harms himself alone: what waits is bounded.
func TestServeStdio_answersThatNobodyReads_endTheConversation(t *testing.T) {
	budget := weight.New(1<<20, time.Now)
	f := newEdge(t, newScript(), func(o *agents.Options) { o.Budget = budget })
	in, inW := io.Pipe()
	_, out := io.Pipe() // Nobody reads it.
	served := make(chan error, 1)
	go func() { served <- f.ServeStdio(t.Context(), in, out) }()
	go func() {
		for i := range 1000 {
			if _, err := fmt.Fprintln(inW, call(fmt.Sprint(i), "echo", `{}`)); err != nil {
				return
			}
		}
	}()
	if err := receive(t, served); err == nil || !strings.Contains(err.Error(), "does not read") {
		t.Errorf("got %v, want that the agent does not read its answers", err)
	}
	out.Close()
	in.Close()
	testkit.Eventually(t, "all bytes given back", func() bool { return budget.Used() == 0 })
}
