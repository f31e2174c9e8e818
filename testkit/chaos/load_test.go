//go:build linux

package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// How a caller gives up.
const (
	byNotice  = "notifications/cancelled"
	byHangUp  = "closing the connection"
	fewOfWait = 30 // ms at most until a caller gives up
)

// call is one execute_tool and what became of it.
type call struct {
	id, agent, server, tool string

	args      map[string]any
	timeoutMS int    // 0 is the server's own
	giveUp    string // how its caller cancelled it, if it did

	// The versions of the files that were known to be in force before.
	floorServers, floorRules int

	started, ended time.Time
	got            []envelope
	err            error
}

func (c *call) String() string {
	args := maps.Clone(c.args)
	delete(args, "id")
	delete(args, "pad")
	s := fmt.Sprintf("%s %s %s.%s %v timeout_ms=%d", c.id, c.agent, c.server, c.tool, args, c.timeoutMS)
	if c.giveUp != "" {
		s += " cancelled by " + c.giveUp
	}
	return fmt.Sprintf("%s from %s for %v", s, c.started.Format("15:04:05.000"), c.ended.Sub(c.started).Round(time.Millisecond))
}

// result is the one result that came, nil if there is none.
func (c *call) result() *toolResult {
	if len(c.got) != 1 {
		return nil
	}
	return c.got[0].Result
}

// failure is the gateway's own failure, nil if the answer is none.
func (c *call) failure() *failure {
	r := c.result()
	if r == nil || !r.IsError {
		return nil
	}
	var v struct{ Error *failure }
	_ = json.Unmarshal(r.Structured, &v) // A server's own failure has none.
	return v.Error
}

// load is a crowd of callers, and every call that was ever made.
type load struct {
	client interface{ CloseIdleConnections() }
	dial   func() (*connection, error)

	floorServers, floorRules atomic.Int64
	calmEnded                atomic.Int64

	stop chan struct{}
	wg   sync.WaitGroup
	next atomic.Int64

	mu      sync.Mutex
	calls   []*call
	running map[*call]struct{}
}

const (
	calmCallers = 8
	wildCallers = 6
)

// begin starts the callers: some that use only servers which nobody hurts, and
// so never stop, and some that use all.
func (l *load) begin(t *testing.T, seed uint64) {
	t.Helper()
	for i := range calmCallers + wildCallers {
		calm := i < calmCallers
		rnd := rand.New(rand.NewPCG(seed, uint64(i+1)))
		conn, err := l.dial()
		if err != nil {
			t.Fatal(err)
		}
		l.wg.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				from := allNames
				if calm {
					from = calmNames
				}
				l.do(conn, randomCall(rnd, from), rnd.IntN(fewOfWait))
				if calm {
					l.calmEnded.Add(1)
				}
			}
		})
	}
}

// randomCall is one of the ordinary calls.
func randomCall(rnd *rand.Rand, servers []string) *call {
	c := &call{agent: boss, server: servers[rnd.IntN(len(servers))], tool: "echo", args: map[string]any{}}
	if rnd.IntN(3) == 0 {
		c.agent = flip
	}
	switch n := rnd.IntN(100); {
	case n < 35:
		c.args["pad"] = strings.Repeat("p", rnd.IntN(4000))
	case n < 60:
		c.tool, c.args["ms"] = "sleep", rnd.IntN(60)
	case n < 72:
		c.tool = "pid"
	case n < 78:
		c.tool, c.args["bytes"] = "big", rnd.IntN(200_000)
	case n < 81:
		c.tool = "fail"
	case n < 84:
		c.tool = "rpcerror"
	case n < 86:
		c.tool = "nosuch"
	case n < 88:
		c.tool, c.args["line"] = "stderr", "something to say"
	case n < 92:
		c.tool, c.timeoutMS = "hang", 100+rnd.IntN(300)
	case n < 96:
		c.tool, c.giveUp = "hang", [...]string{byNotice, byHangUp}[rnd.IntN(2)]
	default:
		c.tool, c.args["ms"], c.giveUp = "sleep", rnd.IntN(2*fewOfWait), [...]string{byNotice, byHangUp}[rnd.IntN(2)]
	}
	return c
}

// do makes one call, gives it up after some milliseconds if it is of that
// kind, and waits for its end.
func (l *load) do(conn *connection, c *call, patienceMS int) {
	l.note(c)
	ctx, hangUp := context.WithCancel(context.Background())
	defer hangUp()
	over := make(chan struct{})
	var cancelling sync.WaitGroup
	if c.giveUp != "" {
		cancelling.Go(func() {
			select {
			case <-over:
			case <-time.After(time.Duration(patienceMS) * time.Millisecond):
				if c.giveUp == byHangUp {
					hangUp()
					return
				}
				// Sent again, as the first may overtake the call itself.
				for again := time.NewTicker(20 * time.Millisecond); ; {
					_ = conn.cancel(ctx, c.id) // The judge sees what came of it.
					select {
					case <-again.C:
					case <-over:
						again.Stop()
						return
					}
				}
			}
		})
	}
	c.got, c.err = conn.execute(ctx, c.id, c.agent, c.server, c.tool, c.args, c.timeoutMS)
	c.ended = time.Now()
	close(over)
	cancelling.Wait()
	l.mu.Lock()
	delete(l.running, c)
	l.mu.Unlock()
}

// note assigns the call its id and the time.
func (l *load) note(c *call) {
	c.id = fmt.Sprintf("call-%d", l.next.Add(1))
	c.args["id"] = c.id
	c.floorServers, c.floorRules = int(l.floorServers.Load()), int(l.floorRules.Load())
	c.started = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, c)
	l.running[c] = struct{}{}
}

// left returns the calls that have not ended.
func (l *load) left() []*call {
	l.mu.Lock()
	defer l.mu.Unlock()
	var left []*call
	for c := range l.running {
		left = append(left, c)
	}
	return left
}

// one makes a single call beside the load, and waits for it.
func (l *load) one(t *testing.T, server, tool string, args map[string]any) *call {
	t.Helper()
	conn, err := l.dial()
	if err != nil {
		t.Fatal(err)
	}
	c := &call{agent: boss, server: server, tool: tool, args: args}
	l.do(conn, c, 0)
	return c
}

// aside makes a call and does not wait.
func (l *load) aside(t *testing.T, c *call) {
	t.Helper()
	conn, err := l.dial()
	if err != nil {
		t.Fatal(err)
	}
	l.wg.Go(func() { l.do(conn, c, 0) })
}
