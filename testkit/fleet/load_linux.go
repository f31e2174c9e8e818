package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/testkit"
)

// Load calls servers through gateways, again and again.
type Load struct {
	f       *Fleet
	servers []string
	client  *http.Client
	ctx     context.Context
	stop    context.CancelFunc
	work    sync.WaitGroup

	mu    sync.Mutex
	calls []*Called
	begun map[string]*Called // those that have not ended, by id
	next  int
}

// Called is one call of a load.
type Called struct {
	ID, Server string
	Node       *Node
	Begun      time.Time
	Took       time.Duration
	// Code is empty for an answer of the server, and the gateway's own code otherwise;
	// "connection" if there was no answer, and NoAnswer if there still is none.
	Code       string
	Message    string
	MayHaveRun bool
	Generation int
	Unknown    bool // the load ended before the call did
}

// NoAnswer is the code of a call that was still under way when its load was not waited for
// any more. No harm may make a call hang.
const NoAnswer = "no answer"

// Call makes one call of a server's echo through a gateway and returns what became of it.
func (f *Fleet) Call(ctx context.Context, client *http.Client, n *Node, server, id string) *Called {
	return f.CallTool(ctx, client, n, server, "echo", map[string]any{"id": id})
}

// CallTool is Call for any tool. Arguments with an "id" name the call.
func (f *Fleet) CallTool(ctx context.Context, client *http.Client, n *Node, server, tool string, arguments map[string]any) *Called {
	id, _ := arguments["id"].(string)
	c := &Called{ID: id, Server: server, Node: n, Begun: time.Now()}
	defer func() { c.Took = time.Since(c.Begun) }()
	body, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": map[string]any{
		"name": "execute_tool", "arguments": map[string]any{"agent_id": Agent, "server": server, "tool": tool, "arguments": arguments},
		"_meta": map[string]any{
			"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": map[string]any{"name": "load", "version": "1"},
			"io.modelcontextprotocol/clientCapabilities": map[string]any{},
		},
	}})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL+"/mcp", bytes.NewReader(body))
	if err != nil {
		c.Code, c.Message = "connection", err.Error()
		return c
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Mcp-Protocol-Version": "2026-07-28",
		"Mcp-Method": "tools/call", "Mcp-Name": "execute_tool",
	} {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		c.Code, c.Message, c.MayHaveRun, c.Unknown = "connection", err.Error(), true, ctx.Err() != nil
		return c
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.Code, c.Message, c.MayHaveRun, c.Unknown = "connection", err.Error(), true, ctx.Err() != nil
		return c
	}
	c.read(resp.StatusCode, text)
	return c
}

// read reads an answer, plain or the last of a stream.
func (c *Called) read(status int, text []byte) {
	if i := bytes.LastIndex(text, []byte("data: ")); i >= 0 && !bytes.HasPrefix(text, []byte("{")) {
		text = text[i+len("data: "):]
	}
	var answer struct {
		Result *struct {
			Meta       map[string]json.RawMessage `json:"_meta"`
			IsError    bool                       `json:"isError"`
			Structured struct {
				Error *struct {
					Code       string `json:"code"`
					Message    string `json:"message"`
					MayHaveRun bool   `json:"may_have_run"`
				} `json:"error"`
			} `json:"structuredContent"`
		} `json:"result"`
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Result == nil {
		c.Code, c.Message = "status", fmt.Sprintf("status %d: %.300s", status, text)
		return
	}
	c.Generation, _ = strconv.Atoi(string(answer.Result.Meta["io.gatehouse/generation"]))
	if e := answer.Result.Structured.Error; e != nil && e.Code != "" {
		c.Code, c.Message, c.MayHaveRun = e.Code, e.Message, e.MayHaveRun
	} else if answer.Result.IsError {
		c.Code, c.Message, c.MayHaveRun = "isError", string(text[:min(len(text), 300)]), true
	}
}

// Load begins to call all shared servers through all gateways, with so many callers at
// each. Each waits a little between its calls. As a balancer does, it asks the gateways
// whether they are ready, and calls none that is not.
func (f *Fleet) Load(callers int, pause time.Duration) *Load {
	l := &Load{f: f, begun: map[string]*Called{}, servers: f.Servers(), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	l.ctx, l.stop = context.WithCancel(context.Background())
	for _, n := range f.Nodes {
		ready := &atomic.Bool{}
		l.work.Go(func() { l.ask(n, ready) })
		for i := range callers {
			l.work.Go(func() { l.run(n, i, pause, ready) })
		}
	}
	f.t.Cleanup(func() { l.End(0) })
	return l
}

// askEvery is how often a gateway is asked whether it is ready.
const askEvery = 20 * time.Millisecond

func (l *Load) ask(n *Node, ready *atomic.Bool) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for l.ctx.Err() == nil {
		ready.Store(n.Ready())
		select {
		case <-tick.C:
		case <-l.ctx.Done():
		}
	}
}

func (l *Load) run(n *Node, first int, pause time.Duration, ready *atomic.Bool) {
	tick := time.NewTimer(0)
	defer tick.Stop()
	for i := first; ; i++ {
		select {
		case <-tick.C:
		case <-l.ctx.Done():
			return
		}
		if !ready.Load() {
			tick.Reset(pause)
			continue
		}
		l.mu.Lock()
		l.next++
		id, server := fmt.Sprintf("%s-%d", n.ID, l.next), l.servers[i%len(l.servers)]
		l.begun[id] = &Called{ID: id, Server: server, Node: n, Begun: time.Now(), Code: NoAnswer, MayHaveRun: true}
		l.mu.Unlock()
		c := l.f.Call(context.Background(), l.client, n, server, id)
		l.mu.Lock()
		delete(l.begun, id)
		l.calls = append(l.calls, c)
		l.mu.Unlock()
		tick.Reset(pause)
	}
}

// End ends the load once every call has its answer, and returns all calls. Those that take
// longer than a time are left alone, and have none; 0 waits for none.
func (l *Load) End(patience time.Duration) []*Called {
	l.stop()
	done := make(chan struct{})
	go func() {
		l.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(patience):
	}
	l.client.CloseIdleConnections()
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.calls)
	for _, id := range slices.Sorted(maps.Keys(l.begun)) {
		c := *l.begun[id]
		c.Took = time.Since(c.Begun)
		all = append(all, &c)
	}
	return all
}

// Calls are the calls that have ended so far.
func (l *Load) Calls() []*Called {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.calls)
}

// Count is how many calls have ended so far.
func (l *Load) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.calls)
}

// AwaitAnswer waits until a call of a server that began after a time was answered by it,
// through one of these gateways, and returns how long after that time.
func (l *Load) AwaitAnswer(t testing.TB, server string, nodes []*Node, since time.Time) time.Duration {
	t.Helper()
	var first time.Time
	testkit.Eventually(t, fmt.Sprintf("%s answers through %d others", server, len(nodes)), func() bool {
		for _, c := range l.Calls() {
			at := c.Begun.Add(c.Took)
			if c.Server == server && c.Code == "" && c.Begun.After(since) && slices.Contains(nodes, c.Node) && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
		return !first.IsZero()
	})
	return first.Sub(since)
}

// Judged is what became of the calls of a load.
type Judged struct {
	All, Failed, MayHaveRun int
	ByCode                  map[string]int
	Examples                map[string]string // of each code
	Slowest                 time.Duration
}

func (j Judged) String() string {
	return fmt.Sprintf("%d calls, %d failed, %d of them may have run: %v, slowest %v", j.All, j.Failed, j.MayHaveRun, j.ByCode, j.Slowest.Round(time.Millisecond))
}

// Judge compares what callers were told with what the eye has seen: nothing ran twice, what was
// answered ran, what was said not to have run did not, and no two copies acted at once.
func (f *Fleet) Judge(t testing.TB, calls []*Called) Judged {
	t.Helper()
	f.Eye.settle()
	if twice := f.Eye.Twice(); len(twice) > 0 {
		t.Errorf("calls ran twice: %v, want none", twice)
	}
	if tag, d := f.Eye.Overlap(); d > 0 {
		t.Errorf("two copies of %s lived at once for %v, want never: %+v", tag, d, f.Eye.Copies()[tag])
	}
	j := Judged{All: len(calls), ByCode: map[string]int{}, Examples: map[string]string{}}
	for _, c := range calls {
		ran := f.Eye.Ran(c.ID)
		switch {
		case c.Code == NoAnswer:
			t.Errorf("call %s of %s through %s has no answer after %v, want one", c.ID, c.Server, c.Node.ID, c.Took)
		case c.Code == "" && ran != 1:
			t.Errorf("call %s of %s through %s was answered and ran %d times, want once", c.ID, c.Server, c.Node.ID, ran)
		case c.Code != "" && !c.MayHaveRun && ran != 0:
			t.Errorf("call %s of %s through %s was said not to have run (%s: %s), and did: want that it did not", c.ID, c.Server, c.Node.ID, c.Code, c.Message)
		}
		j.Slowest = max(j.Slowest, c.Took)
		if c.Code == "" {
			continue
		}
		j.Failed++
		if c.MayHaveRun {
			j.MayHaveRun++
		}
		j.ByCode[c.Code]++
		j.Examples[c.Code] = c.Node.ID + " " + c.Server + ": " + c.Message
	}
	return j
}

// Through are the calls of a load through some gateways.
func Through(calls []*Called, nodes ...*Node) []*Called {
	var some []*Called
	for _, c := range calls {
		if slices.Contains(nodes, c.Node) {
			some = append(some, c)
		}
	}
	return some
}
