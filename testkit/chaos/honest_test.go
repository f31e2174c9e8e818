//go:build linux

package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// honestPatience is how long an honest agent waits for an answer.
const honestPatience = 10 * time.Second

// bearer adds a token to every request.
type bearer struct {
	token string
	next  *http.Transport
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

// agentOf returns an http client that has a token.
func agentOf(token string) *http.Client {
	return &http.Client{Transport: bearer{token, &http.Transport{}}, Timeout: honestPatience}
}

// tried is one honest call and what became of it.
type tried struct {
	server string
	took   time.Duration
	callID string
	code   string // of a failure
	err    error  // no result came at all
}

// honest is one agent that does its work, a call at a time.
type honest struct {
	name  string
	token string
	url   string

	mu    sync.Mutex
	calls []tried
}

// work calls until ctx ends. A connection lasts some calls, as those of agents
// that come and go do.
func (h *honest) work(ctx context.Context, seed uint64) {
	const callsOfConnection = 100
	rnd := rand.New(rand.NewPCG(seed, 1))
	var conn *connection
	for i := 0; ctx.Err() == nil; i++ {
		if conn == nil || i%callsOfConnection == 0 {
			if conn != nil {
				conn.http.CloseIdleConnections()
			}
			if conn = h.connect(ctx); conn == nil {
				continue
			}
		}
		begun, server := time.Now(), honestServers[rnd.IntN(len(honestServers))]
		got, err := conn.execute(context.WithoutCancel(ctx), fmt.Sprint(i), h.name, server, "echo", map[string]any{"n": i}, 0)
		call := judgeOf(got, err)
		call.server = server
		h.note(call, time.Since(begun))
		pauseFor(ctx, time.Duration(rnd.IntN(10))*time.Millisecond)
	}
}

// connect opens a session. One that is not to be had counts as a call refused.
func (h *honest) connect(ctx context.Context) *connection {
	begun := time.Now()
	conn, err := dial(context.WithoutCancel(ctx), h.url, agentOf(h.token))
	if err == nil {
		return conn
	}
	h.note(tried{err: fmt.Errorf("no session: %w", err)}, time.Since(begun))
	pauseFor(ctx, 50*time.Millisecond)
	return nil
}

func (h *honest) note(t tried, took time.Duration) {
	t.took = took
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, t)
}

// take returns the calls since it was asked last.
func (h *honest) take() []tried {
	h.mu.Lock()
	defer h.mu.Unlock()
	calls := h.calls
	h.calls = nil
	return calls
}

// judgeOf reads the answer of a call.
func judgeOf(got []envelope, err error) tried {
	switch {
	case err != nil:
		return tried{err: err}
	case len(got) != 1 || got[0].Result == nil:
		return tried{err: fmt.Errorf("no result: %+v", got)}
	}
	r := got[0].Result
	if !r.IsError {
		return tried{callID: r.Meta.CallID}
	}
	var v struct{ Error failure }
	_ = json.Unmarshal(r.Structured, &v) // A server's own failure has none.
	return tried{callID: v.Error.CallID, code: v.Error.Code}
}

// percentile99 is the time that 99 of 100 calls took at most.
func percentile99(calls []tried) time.Duration { return percentiles(calls, 99)[0] }

// percentiles are the times that so many of 100 calls took at most.
func percentiles(calls []tried, of ...int) []time.Duration {
	took := make([]time.Duration, 0, len(calls))
	for _, c := range calls {
		took = append(took, c.took)
	}
	slices.Sort(took)
	out := make([]time.Duration, len(of))
	for i, part := range of {
		if len(took) > 0 {
			out[i] = took[len(took)*part/100]
		}
	}
	return out
}

// spread shows how many calls there were and how long they took.
func spread(calls []tried) string {
	p := percentiles(calls, 50, 90, 99)
	return fmt.Sprintf("%d calls, 50, 90 and 99 of 100 took at most %v, %v and %v", len(calls), p[0], p[1], p[2])
}
