package surface_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/gate"
	"gatehouse/internal/front/surface"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
	"gatehouse/testkit"
)

// sessionsOf is how many sessions there are of each kind, unless
// GATEHOUSE_CHAOS_SESSIONS says otherwise.
const sessionsOf = 12

// crowd is an edge with surfaces on a stage, and the clients before it.
type crowd struct {
	*testkit.Stage

	t       *testing.T
	edge    *agents.Edge
	url     string
	db, web *testkit.Backend
	run     uint64

	mu      sync.Mutex
	ran     map[string]int // how often each call ran, by its name
	release chan struct{}  // closed: calls end
}

// rulesFor lets the agent "moving" use these tools of db, and "still" one of web.
func rulesFor(tools ...string) string {
	list, _ := json.Marshal(tools)
	return fmt.Sprintf(`{"agents": {"moving": {"allow": {"servers": ["db"], "tools": {"db": %s}}}, "still": {"allow": {"servers": ["web"]}}}}`, list)
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	c := &crowd{t: t, run: 1, ran: map[string]int{}, release: make(chan struct{})}
	c.db = testkit.NewBackend("db", testkit.Ready(1, c.session())).Has("a", "b", "c")
	c.web = testkit.ReadyBackend("web", testkit.Says(`{"content":[]}`)).Has("x")
	c.Stage = testkit.NewStage(t, rulesFor("a"), c.db, c.web)
	kept := surface.NewTasks(time.Hour)
	gateway := surface.Gateway{Router: c.Router(front.Config{}), Version: "1", Tasks: kept}
	c.edge = agents.New(gate.New(gate.Config{Router: gateway.Router}), agents.Options{})
	mux := http.NewServeMux()
	mux.Handle("/all/mcp", c.edge.HandlerAt(func(*http.Request) agents.Surface { return gateway.All() }, "/mcp"))
	mux.Handle("/servers/{server}/mcp", c.edge.HandlerAt(func(r *http.Request) agents.Surface { return gateway.One(r.PathValue("server")) }, "/mcp"))
	server := httptest.NewServer(mux)
	c.url = server.URL
	t.Cleanup(func() {
		c.edge.Close()
		server.Close()
		kept.Close()
	})
	return c
}

// session is one of the server db: a call says once that it goes on, and then waits.
func (c *crowd) session() *testkit.Session {
	return testkit.NewSession(1, func(ctx context.Context, r endpoint.Request) (endpoint.Response, error) {
		name := rawjson.Text(rawjson.Get(rawjson.Get(r.Params, "arguments"), "call"))
		c.mu.Lock()
		c.ran[name]++
		release := c.release
		c.mu.Unlock()
		if r.Progress != nil {
			r.Progress(json.RawMessage(`{"progress":1}`))
		}
		select {
		case <-release:
			return endpoint.Response{Result: fmt.Appendf(nil, `{"content":[],"call":%q}`, name)}, nil
		case <-ctx.Done():
			return endpoint.Response{}, context.Cause(ctx)
		}
	}).WithInfo(endpoint.ServerInfo{ProtocolVersion: "2025-11-25", Tools: true, Capabilities: oldTaskServer})
}

// kill ends the run of db and begins another.
func (c *crowd) kill() {
	old := c.db.Cell.Status().Session
	c.run++
	testkit.Publish(c.db.Cell, endpoint.Status{State: endpoint.BackingOff, Run: c.run - 1})
	old.Close(&endpoint.Exit{Reason: "exit status 3"})
	testkit.Publish(c.db.Cell, testkit.Ready(c.run, c.session()))
}

// guest is one client, with a session.
type guest struct {
	*crowd

	url, session string
	conns        *http.Transport
	ctx          context.Context //nolint:containedctx // It ends when the client vanishes.
	vanish       context.CancelFunc
	heard        atomic.Int64 // changes of its list of tools
	answers      atomic.Int64
}

func (c *crowd) guest(path, agent string) *guest {
	cl := &guest{crowd: c, url: c.url + path + "?agent=" + agent, conns: &http.Transport{}}
	cl.ctx, cl.vanish = context.WithCancel(context.Background())
	resp := cl.send(context.Background(), http.MethodPost, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`)
	if cl.session = resp.Header.Get("Mcp-Session-Id"); cl.session == "" {
		c.t.Errorf("%s: got status %d and no session, want one", cl.url, resp.StatusCode)
	}
	cl.drop(resp)
	return cl
}

// send sends a request. Whoever asks ends the body.
func (cl *guest) send(ctx context.Context, method, body string, headers ...string) *http.Response {
	r, err := http.NewRequestWithContext(ctx, method, cl.url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if cl.session != "" {
		r.Header.Set("Mcp-Session-Id", cl.session)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := cl.conns.RoundTrip(r)
	if err != nil {
		return &http.Response{Body: http.NoBody, Header: http.Header{}}
	}
	return resp
}

func (cl *guest) drop(resp *http.Response) {
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

// read reads a stream until it ends, or what comes has been enough. It returns the id
// of the latest event.
func (cl *guest) read(resp *http.Response, enough func(data []byte) bool) (lastEvent string) {
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if id, ok := bytes.CutPrefix(lines.Bytes(), []byte("id: ")); ok {
			lastEvent = string(id)
		}
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if ok && len(data) > 0 && enough(data) {
			return lastEvent
		}
	}
	return lastEvent
}

// listen hears of changes until its session ends.
func (cl *guest) listen(opened func()) {
	resp := cl.send(cl.ctx, http.MethodGet, "")
	opened()
	cl.read(resp, func(data []byte) bool {
		if bytes.Contains(data, []byte("notifications/tools/list_changed")) {
			cl.heard.Add(1)
		}
		return false
	})
}

// tools are the names of the tools that it sees.
func (cl *guest) tools() string {
	resp := cl.send(context.Background(), http.MethodPost, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	defer resp.Body.Close()
	var answer struct {
		Result struct{ Tools []struct{ Name string } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err.Error()
	}
	var names []string
	for _, tool := range answer.Result.Tools {
		names = append(names, tool.Name)
	}
	return strings.Join(names, " ")
}

// begin calls a tool and reads until it hears that the call goes on.
func (cl *guest) begin(name string) (lastEvent string) {
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"method":"tools/call","params":{"name":"a","arguments":{"call":%q},"_meta":{"progressToken":1}}}`, name, name)
	return cl.read(cl.send(cl.ctx, http.MethodPost, body), func(data []byte) bool {
		if rawjson.Text(rawjson.Get(data, "id")) == name {
			cl.answers.Add(1)
			return true
		}
		return bytes.Contains(data, []byte("notifications/progress"))
	})
}

// call calls a tool; its connection breaks once it has heard that the call goes on,
// and it takes the stream up again. It counts its answers.
func (cl *guest) call(name string, running func()) {
	lastEvent := cl.begin(name)
	running()
	if cl.answers.Load() > 0 {
		return
	}
	cl.read(cl.send(cl.ctx, http.MethodGet, "", "Last-Event-ID", lastEvent), func(data []byte) bool {
		if rawjson.Text(rawjson.Get(data, "id")) == name {
			cl.answers.Add(1)
		}
		return false // The stream ends after it.
	})
}

// many makes that many clients at once.
func (c *crowd) many(path, agent string) []*guest {
	n := sessionsOf
	if text := os.Getenv("GATEHOUSE_CHAOS_SESSIONS"); text != "" {
		total, err := strconv.Atoi(text)
		if err != nil {
			c.t.Fatal(err)
		}
		n = total / kindsOfClients
	}
	list := make([]*guest, n)
	var all sync.WaitGroup
	for i := range list {
		all.Go(func() { list[i] = c.guest(path, agent) })
	}
	all.Wait()
	return list
}

// kindsOfClients is how many kinds of clients there are: readers on one server and on
// all, whom changes concern or not, some that read nothing, some that vanish, some that
// call.
const kindsOfClients = 6

// Servers die, rules flip, clients vanish or do not read: everybody hears exactly of
// the changes of its own lists, each call runs once and is answered once, and nothing
// is left.
func TestSessions_chaos(t *testing.T) {
	before := runtime.NumGoroutine()
	c := newCrowd(t)
	moving := slices.Concat(c.many("/servers/db/mcp", "moving"), c.many("/all/mcp", "moving"))
	still, deaf := c.many("/servers/web/mcp", "still"), c.many("/servers/db/mcp", "moving")
	vanishing, calling := c.many("/servers/db/mcp", "moving"), c.many("/servers/db/mcp", "moving")

	var listening, open sync.WaitGroup
	for _, cl := range slices.Concat(moving, still, vanishing) {
		open.Add(1)
		listening.Go(func() { cl.listen(open.Done) })
	}
	for _, cl := range deaf {
		cl.send(cl.ctx, http.MethodGet, "") // Nobody reads it, and its context ends it.
	}
	open.Wait()
	var gone sync.WaitGroup
	for i, cl := range vanishing {
		gone.Go(func() { cl.begin(fmt.Sprint("gone-", i)) })
	}
	gone.Wait()

	rounds := [][]string{{"a", "b"}, {"a"}, {"a", "c"}}
	for i, tools := range rounds {
		answered := c.callAll(i, calling)
		c.Next(rulesFor(tools...), c.db, c.web)
		if i == 1 {
			c.kill() // Those that run hear of it.
		}
		if i == 0 {
			for _, cl := range vanishing {
				cl.vanish() // With a call and a stream.
			}
		}
		for _, cl := range moving {
			testkit.Eventually(t, "a change is heard of", func() bool { return cl.heard.Load() > int64(i) })
		}
		c.mu.Lock()
		close(c.release)
		c.release = make(chan struct{})
		c.mu.Unlock()
		answered.Wait()
		for _, cl := range moving {
			if got := strings.ReplaceAll(cl.tools(), "db__", ""); got != strings.Join(tools, " ") {
				t.Errorf("round %d: got the tools %s, want %v", i, got, tools)
			}
		}
	}
	for _, cl := range slices.Concat(moving, still, deaf, vanishing, calling) {
		cl.drop(cl.send(context.Background(), http.MethodDelete, ""))
	}
	listening.Wait()
	c.judge(moving, still, len(rounds), len(rounds)*len(calling)+len(vanishing))
	c.nothingLeft(before, slices.Concat(moving, still, deaf, vanishing, calling))
}

// callAll has each client make a call and waits until all run.
func (c *crowd) callAll(round int, calling []*guest) (answered *sync.WaitGroup) {
	answered = &sync.WaitGroup{}
	var running sync.WaitGroup
	for i, cl := range calling {
		running.Add(1)
		answered.Go(func() {
			cl.answers.Store(0)
			cl.call(fmt.Sprintf("call-%d-%d", round, i), running.Done)
			if n := cl.answers.Load(); n != 1 {
				c.t.Errorf("round %d: a call was answered %d times, want once", round, n)
			}
		})
	}
	running.Wait()
	return answered
}

func (c *crowd) judge(moving, still []*guest, rounds, calls int) {
	for _, cl := range moving {
		if got := cl.heard.Load(); got != int64(rounds) {
			c.t.Errorf("whom changes concern: got %d of them heard, want %d", got, rounds)
		}
	}
	for _, cl := range still {
		if got := cl.heard.Load(); got != 0 {
			c.t.Errorf("whom no change concerns: got %d heard, want 0", got)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := len(c.ran); got != calls {
		c.t.Errorf("got %d calls that ran, want %d", got, calls)
	}
	for name, n := range c.ran {
		if n != 1 {
			c.t.Errorf("%s ran %d times, want once", name, n)
		}
	}
}

// nothingLeft waits until no goroutine of the sessions is left.
func (c *crowd) nothingLeft(before int, all []*guest) {
	c.edge.Close()
	for _, cl := range all {
		cl.vanish()
		cl.conns.CloseIdleConnections()
	}
	const own = 6 // The listener, and what the test itself has.
	testkit.Eventually(c.t, "the end of all goroutines", func() bool { return runtime.NumGoroutine() <= before+own })
	if n := c.db.Cell.InFlight(); n != 0 {
		c.t.Errorf("got %d calls in flight, want none", n)
	}
}
