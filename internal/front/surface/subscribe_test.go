package surface_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/surface"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/testkit"
)

// subscribable is a server of before 2026-07-28 that announces what it is asked for,
// with the loop of its run that asks. takes is how long it does for each answer.
func subscribable(t *testing.T, name string, takes ...time.Duration) (*testkit.Backend, *testkit.Session) {
	t.Helper()
	session := testkit.NewSession(1, func(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
		for _, d := range takes {
			select {
			case <-time.After(d):
			case <-ctx.Done():
			}
		}
		if strings.Contains(string(req.Params), "x://none") {
			return endpoint.Response{Error: []byte(`{"code":-32002,"message":"there is no s3cr3t-value"}`)}, nil
		}
		return endpoint.Response{Result: []byte(`{}`)}, nil
	}).WithInfo(endpoint.ServerInfo{ProtocolVersion: "2025-11-25", Tools: true, Capabilities: `{"tools":{},"resources":{"subscribe":true},"logging":{}}`})
	b := testkit.NewBackend(name, testkit.Ready(1, session)).Has("query")
	ctx, end := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		servers.Follow(ctx, session, b.Cell.Notices())
	}()
	t.Cleanup(func() { end(); <-over })
	return b, session
}

// client is a session whose inbox is read.
type client struct {
	agents.Caller

	mu    sync.Mutex
	heard []string
}

func newClient(t *testing.T, agent string) *client {
	t.Helper()
	c := &client{Caller: agents.Caller{Protocol: "2025-11-25", Agent: agent, Inbox: agents.NewInbox(new(atomic.Uint64))}}
	ctx, end := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		c.Inbox.Deliver(ctx, func(method string, params json.RawMessage) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.heard = append(c.heard, strings.TrimPrefix(method, "notifications/")+" "+string(params))
		})
	}()
	t.Cleanup(func() { c.Inbox.End(); end(); <-over })
	return c
}

func (c *client) hears(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.heard, want) {
		t.Errorf("agent %s heard %q, want %q", c.Agent, c.heard, want)
	}
	c.heard = nil
}

const (
	twoAgents = `{"agents": {"a": {"allow": {"servers": ["db"]}}, "b": {"allow": {"servers": ["db"], "resources": {"db": ["x://b/*"]}}}}}`
	updatedA  = `{"uri":"x://a/1"}`
)

func serve(t *testing.T, s agents.Surface, c agents.Caller, method, params string) (result, failure string) {
	t.Helper()
	out, e := s.Serve(t.Context(), c, agents.Request{Method: method, Params: json.RawMessage(params)}, nil)
	if e != nil {
		return "", string(e.Object)
	}
	return string(out), ""
}

func TestSubscribe_onlyThoseHear_whoMay_andOnlyAsLongAsTheyMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, session := subscribable(t, "db")
		stage := newStage(t, twoAgents, db)
		a, also, b := newClient(t, "a"), newClient(t, "a"), newClient(t, "b")
		for _, c := range []*client{a, also} {
			for range 2 {
				if got, failure := serve(t, stage.one, c.Caller, "resources/subscribe", updatedA); got != "{}" {
					t.Errorf("got %s %s, want {}", got, failure)
				}
			}
		}
		if _, failure := serve(t, stage.one, b.Caller, "resources/subscribe", updatedA); !strings.Contains(failure, `"code":-32002`) || !strings.Contains(failure, "DENIED_BY_POLICY") {
			t.Errorf("what the rules deny: got %s, want -32002", failure)
		}
		db.Cell.Notices().Hear(endpoint.NoticeUpdated, json.RawMessage(updatedA))
		a.hears(t, "resources/updated "+updatedA)
		also.hears(t, "resources/updated "+updatedA)
		b.hears(t)
		if _, failure := serve(t, stage.one, also.Caller, "resources/unsubscribe", updatedA); failure != "" {
			t.Errorf("unsubscribe: got %s, want a result", failure)
		}
		db.Cell.Notices().Hear(endpoint.NoticeUpdated, json.RawMessage(updatedA))
		a.hears(t, "resources/updated "+updatedA)
		also.hears(t)
		stage.Next(`{"agents": {"a": {"allow": {"servers": ["db"]}, "deny": {"resources": {"db": ["x://a/*"]}}}}}`, db)
		db.Cell.Notices().Hear(endpoint.NoticeUpdated, json.RawMessage(updatedA))
		a.hears(t)
		a.Inbox.End() // The session ends, and with it the last that wanted to hear.
		synctest.Wait()
		var sent []string
		for _, r := range session.Calls() {
			sent = append(sent, r.Method)
		}
		if want := []string{"resources/subscribe", "resources/unsubscribe"}; !slices.Equal(sent, want) {
			t.Errorf("the server was asked %q, want %q", sent, want)
		}
	})
}

func TestSubscribe_aServersOwnRefusal_passes_withoutSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, _ := subscribable(t, "db")
		stage := newStage(t, allowAll, db)
		a := newClient(t, "a")
		if _, failure := serve(t, stage.one, a.Caller, "resources/subscribe", `{"uri":"x://none"}`); !strings.Contains(failure, `"code":-32002`) || strings.Contains(failure, "s3cr3t") {
			t.Errorf("got %s, want the server's error without the secret", failure)
		}
		for caller, want := range map[*agents.Caller]string{
			&old:       "needs a session",
			&stateless: `"code":-32601`,
		} {
			if _, failure := serve(t, stage.one, *caller, "resources/subscribe", updatedA); !strings.Contains(failure, want) {
				t.Errorf("%s: got %s, want %s", caller.Protocol, failure, want)
			}
		}
	})
}

func TestSubscribe_onAll_inTheURIThatTheClientUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, _ := subscribable(t, "my db")
		stage := testkit.NewStage(t, `{"agents": {"a": {"allow": {"servers": ["*"]}}}}`, db)
		all := surface.Gateway{Router: stage.Router(front.Config{})}.All()
		a := newClient(t, "a")
		if got, failure := serve(t, all, a.Caller, "resources/subscribe", `{"uri":"gatehouse://my%20db/x://a/1"}`); got != "{}" {
			t.Fatalf("got %s %s, want {}", got, failure)
		}
		db.Cell.Notices().Hear(endpoint.NoticeUpdated, json.RawMessage(updatedA))
		db.Cell.Notices().Hear(endpoint.NoticeUpdated, json.RawMessage(`{"uri":"x://a/1/part"}`))
		a.hears(t, `resources/updated {"uri":"gatehouse://my%20db/x://a/1"}`, `resources/updated {"uri":"gatehouse://my%20db/x://a/1/part"}`)
		c := newClient(t, "a") // A subscription of 2026-07-28 has an inbox of its own.
		c.Protocol = "2026-07-28"
		if got := all.Follow(t.Context(), c.Caller, []string{"gatehouse://my%20db/x://a/1", "gatehouse://my%20db/x://none", "gatehouse://other/x"}); !slices.Equal(got, []string{"gatehouse://my%20db/x://a/1"}) {
			t.Errorf("agreed to %q, want the first", got)
		}
		db.Cell.Notices().Hear(endpoint.NoticeUpdated, json.RawMessage(updatedA))
		c.hears(t, `resources/updated {"uri":"gatehouse://my%20db/x://a/1"}`)
	})
}

func TestLogging_eachSessionGetsItsOwnLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, session := subscribable(t, "db")
		stage := testkit.NewStage(t, allowAll, db)
		gateway := surface.Gateway{Router: stage.Router(front.Config{})}
		one, all := gateway.One("db"), gateway.All()
		loud, calm, silent, whole := newClient(t, "a"), newClient(t, "a"), newClient(t, "a"), newClient(t, "a")
		for c, level := range map[*client]string{loud: "debug", calm: "error"} {
			if got, failure := serve(t, one, c.Caller, "logging/setLevel", `{"level":"`+level+`"}`); got != "{}" {
				t.Errorf("got %s %s, want {}", got, failure)
			}
		}
		if got, failure := serve(t, all, whole.Caller, "logging/setLevel", `{"level":"info"}`); got != "{}" {
			t.Errorf("got %s %s, want {}", got, failure)
		}
		if _, failure := serve(t, one, calm.Caller, "logging/setLevel", `{"level":"loud"}`); !strings.Contains(failure, "-32602") {
			t.Errorf("got %s, want -32602", failure)
		}
		synctest.Wait()
		calls := session.Calls()
		if last := calls[len(calls)-1]; last.Method != "logging/setLevel" || string(last.Params) != `{"level":"debug"}` {
			t.Errorf("the server was asked %s %s, want the most verbose level", last.Method, last.Params)
		}
		for _, params := range []string{`{"level":"debug","data":1}`, `{"level":"info","data":2}`, `{"level":"critical","data":3}`} {
			db.Cell.Notices().Hear(endpoint.NoticeLogged, json.RawMessage(params))
		}
		loud.hears(t, `message {"level":"debug","data":1}`, `message {"level":"info","data":2}`, `message {"level":"critical","data":3}`)
		calm.hears(t, `message {"level":"critical","data":3}`)
		silent.hears(t)
		const mark = `,"_meta":{"io.gatehouse/server":"db"}}`
		whole.hears(t, `message {"level":"info","data":2`+mark, `message {"level":"critical","data":3`+mark)
	})
}

// A level is in force once it is answered: what the client calls then, it hears of.
// A server that does not answer holds that up for two seconds, one that has no log
// messages, or is not ready, not at all.
func TestLogging_levelIsInForceOnceItIsAnswered(t *testing.T) {
	for name, c := range map[string]struct{ takes, want time.Duration }{
		"a server that takes a second": {time.Second, time.Second},
		"a server that never answers":  {time.Hour, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db, _ := subscribable(t, "db", c.takes)
				mute := testkit.NewBackend("mute", testkit.Ready(1, testkit.NewSession(1, nil).WithInfo(endpoint.ServerInfo{ProtocolVersion: "2025-11-25", Tools: true})))
				idle := testkit.NewBackend("idle", endpoint.Status{State: endpoint.Idle})
				stage := testkit.NewStage(t, allowAll, db, mute, idle)
				gateway := surface.Gateway{Router: stage.Router(front.Config{})}
				one, all := gateway.One("db"), gateway.All()
				begun := time.Now()
				serve(t, all, newClient(t, "a").Caller, "logging/setLevel", `{"level":"info"}`)
				if got := time.Since(begun); got != c.want {
					t.Errorf("of all: answered after %v, want %v", got, c.want)
				}
				begun = time.Now()
				serve(t, one, newClient(t, "a").Caller, "logging/setLevel", `{"level":"debug"}`)
				if got := time.Since(begun); got != c.want {
					t.Errorf("of one: answered after %v, want %v", got, c.want)
				}
			})
		})
	}
}

// While the server is being asked for less, a level that it had before is not in force.
func TestLogging_levelIsInForceOnceItIsAnswered_besideOneWhoWantsLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, _ := subscribable(t, "db", 900*time.Millisecond)
		stage := testkit.NewStage(t, allowAll, db)
		one := surface.Gateway{Router: stage.Router(front.Config{})}.One("db")
		other, mine := newClient(t, "a"), newClient(t, "a")
		serve(t, one, other.Caller, "logging/setLevel", `{"level":"debug"}`)
		lowered := make(chan struct{})
		go func() {
			defer close(lowered)
			serve(t, one, other.Caller, "logging/setLevel", `{"level":"emergency"}`)
		}()
		synctest.Wait()
		begun := time.Now()
		serve(t, one, mine.Caller, "logging/setLevel", `{"level":"info"}`)
		if got := time.Since(begun); got != 1800*time.Millisecond {
			t.Errorf("answered after %v, want 1.8s: the server has answered twice", got)
		}
		<-lowered
	})
}

// A server that comes later is heard too, and one that the agent may not use is not.
func TestLogging_onAll_serversThatComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, _ := subscribable(t, "first")
		second, _ := subscribable(t, "second")
		hidden, _ := subscribable(t, "hidden")
		const rules = `{"agents": {"a": {"allow": {"servers": ["first", "second"]}}}}`
		stage := testkit.NewStage(t, rules, first, hidden)
		all := surface.Gateway{Router: stage.Router(front.Config{})}.All()
		a := newClient(t, "a")
		serve(t, all, a.Caller, "logging/setLevel", `{"level":"info"}`)
		stage.Next(rules, first, second, hidden)
		all.Renew(a.Caller)
		for _, b := range []*testkit.Backend{first, second, hidden} {
			b.Cell.Notices().Hear(endpoint.NoticeLogged, json.RawMessage(`{"level":"info"}`))
		}
		a.hears(t, `message {"level":"info","_meta":{"io.gatehouse/server":"first"}}`, `message {"level":"info","_meta":{"io.gatehouse/server":"second"}}`)
	})
}

func TestCapabilities_subscriptionsAndLogging_areTheServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, _ := subscribable(t, "db")
		stage := newStage(t, allowAll, db)
		about, failure := stage.one.Introduce(t.Context(), old)
		if want := `{"tools":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"logging":{}}`; failure != nil || string(about.Capabilities) != want {
			t.Errorf("got %s, want %s", about.Capabilities, want)
		}
	})
}
