package agents_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/mcpedge/agents"
)

// asks serves a POST of somebody, within a bubble, and returns the answer.
func asks(ctx context.Context, e *agents.Edge, who string, body io.Reader) string {
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1/", body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", who)
	rec := httptest.NewRecorder()
	e.Handler().ServeHTTP(rec, req)
	return rec.Body.String()
}

// asksOn has somebody ask ten times a second until ctx ends.
func asksOn(ctx context.Context, e *agents.Edge, who string) {
	for ctx.Err() == nil {
		asks(context.Background(), e, who, strings.NewReader(call("1", "raw", `{}`)))
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// counted counts what is read of a body.
type counted struct {
	io.Reader

	read *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.read.Add(int64(n))
	return n, err
}

// Whoever sends large bodies one after the other is not even read any more while
// others ask.
func TestHTTP_largeBodiesOfOne_areNotReadWhileOthersCall(t *testing.T) {
	const size = 12 << 20
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, heavy{newScript(), 1}, byHeader)
		ctx, stop := context.WithCancel(context.Background())
		go asksOn(ctx, e, "other")
		synctest.Wait()
		var read atomic.Int64
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 4 {
				asks(context.Background(), e, "hog", counted{strings.NewReader(call("1", "raw", `{"x":"`+strings.Repeat("x", size)+`"}`)), &read})
			}
		}()
		time.Sleep(500 * time.Millisecond)
		if n := read.Load(); n < 2*size || n >= 3*size {
			t.Errorf("within half a second %d MB were read, want two bodies of 12 MB and a part of the next", n>>20)
		}
		<-done
		stop()
		synctest.Wait()
	})
}

// A refusal takes its time while others call: who asks again at once would take the
// processor from them.
func TestHTTP_aRefusal_takesASecondWhileOthersCall(t *testing.T) {
	for _, c := range []struct {
		others bool
		want   time.Duration
	}{{false, 0}, {true, time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			h := newScript()
			e := newEdge(t, h, func(o *agents.Options) {
				byHeader(o)
				o.MaxInFlight = 1
			})
			if c.others {
				asks(context.Background(), e, "other", strings.NewReader(call("1", "echo", `{}`)))
			}
			go asks(context.Background(), e, "hog", strings.NewReader(call("1", "block", `{}`)))
			<-h.started
			begun := time.Now()
			got := asks(context.Background(), e, "hog", strings.NewReader(call("2", "echo", `{}`)))
			if took := time.Since(begun); !strings.Contains(got, "OVERLOADED") || !strings.Contains(got, `"_meta":{"io.gatehouse/origin":"gateway"}`) || took != c.want {
				t.Errorf("others call: %v: got %s after %v, want OVERLOADED in the gateway's name after %v", c.others, got, took, c.want)
			}
			close(h.release)
		})
	}
}

// A batch begins with a few of its messages, and more follow as time passes.
func TestBatch_beginsWithEight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newScript()
		e := newEdge(t, h, byHeader)
		batch := strings.TrimSuffix(strings.Repeat(call("1", "block", `{}`)+",", 30), ",")
		go asks(context.Background(), e, "a", strings.NewReader("["+batch+"]"))
		synctest.Wait()
		if n := len(h.started); n != 8 {
			t.Errorf("got %d calls at first, want 8", n)
		}
		time.Sleep(time.Second)
		if n := len(h.started); n != 30 {
			t.Errorf("got %d calls a second later, want all 30", n)
		}
		close(h.release)
		synctest.Wait()
	})
}

// givesUp answers calls with 4 MB, but for those that wait until they are given up.
type givesUp struct{ *script }

func (g givesUp) CallTool(ctx context.Context, who agents.Caller, t agents.ToolCall, dst []byte) ([]byte, bool) {
	if t.Name == "gone" {
		<-ctx.Done()
		return append(dst, `{"content":[]}`...), true
	}
	if strings.Contains(string(t.Args), "large") {
		return heavy{g.script, 4 << 20}.CallTool(ctx, who, t, dst)
	}
	return append(dst, `{"content":[]}`...), true
}

// Calls that are given up cost the server what their answers cost lately.
func TestHTTP_callsThatAreGivenUp_countAsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, givesUp{newScript()}, byHeader)
		if got := asks(context.Background(), e, "hog", strings.NewReader(call("1", "raw", `{"large":1}`))); len(got) < 4<<20 {
			t.Fatalf("got %.200s, want an answer of 4 MB", got)
		}
		ctx, giveUp := context.WithCancel(context.Background())
		for i := range 10 { // Nobody else asks yet, so they all run.
			go asks(ctx, e, "hog", strings.NewReader(call(fmt.Sprint(i), "gone", `{}`)))
		}
		synctest.Wait()
		others, stop := context.WithCancel(context.Background())
		go asksOn(others, e, "other")
		synctest.Wait()
		giveUp()
		synctest.Wait()
		begun := time.Now()
		asks(context.Background(), e, "hog", strings.NewReader(call("1", "raw", `{}`)))
		if took := time.Since(begun); took < time.Second {
			t.Errorf("after ten large calls that were given up the next took %v, want that it waits", took)
		}
		stop()
		synctest.Wait()
	})
}
