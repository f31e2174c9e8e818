package surface_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/internal/rawjson"
	"gatehouse/testkit"
)

// tellingServer plays a task server that says how it stands with those of its tasks
// that it was asked for.
type tellingServer struct {
	*taskServer

	refuses bool // to speak of tasks
	hears   atomic.Pointer[func(method string, params json.RawMessage)]
	asked   atomic.Pointer[endpoint.Request]
}

func (s *tellingServer) answer(ctx context.Context, r endpoint.Request) (endpoint.Response, error) {
	if r.Method != "subscriptions/listen" {
		return s.taskServer.answer(ctx, r)
	}
	s.asked.Store(&r)
	agreed := rawjson.Get(rawjson.Get(r.Params, "notifications"), "taskIds")
	if s.refuses {
		agreed = json.RawMessage("[]")
	}
	r.Notice("notifications/subscriptions/acknowledged", fmt.Appendf(nil, `{"notifications":{"taskIds":%s}}`, agreed))
	s.hears.Store(&r.Notice)
	<-ctx.Done()
	return endpoint.Response{}, context.Cause(ctx)
}

// says has the server say something of a task to whoever has asked for it.
func (s *tellingServer) says(t *testing.T, params string) {
	t.Helper()
	synctest.Wait() // Who was acknowledged goes on before the server listens here.
	hear := s.hears.Load()
	if hear == nil {
		t.Fatal("the server was not asked for what it says of tasks, want that it was")
	}
	(*hear)("notifications/tasks", json.RawMessage(params))
}

// follows has a run's session asked for what is wanted.
func follows(t *testing.T, s *taskWorld, session *testkit.Session) *endpoint.Notices {
	t.Helper()
	route, _ := s.Snapshot().Route("db")
	ctx, end := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		servers.Follow(ctx, session, route.Cell.Notices())
	}()
	t.Cleanup(func() { end(); <-over })
	return route.Cell.Notices()
}

func tellingStage(t *testing.T, protocol, rules string) (*taskWorld, *tellingServer, *testkit.Session, *endpoint.Notices) {
	t.Helper()
	s, inner, _ := taskStage(t, protocol, rules)
	server := &tellingServer{taskServer: inner}
	session := testkit.NewSession(2, server.answer).WithInfo(endpoint.ServerInfo{ProtocolVersion: protocol, Tools: true, Capabilities: oldTaskServer})
	route, _ := s.Snapshot().Route("db")
	testkit.Publish(route.Cell, endpoint.Status{State: endpoint.BackingOff})
	testkit.Publish(route.Cell, testkit.Ready(2, session))
	return s, server, session, follows(t, s, session)
}

// listener is a subscription of 2026-07-28 to tasks.
func listener(t *testing.T, s *taskWorld, as agents.Caller, ids ...string) (c *client, agreed []string) {
	t.Helper()
	c = newClient(t, as.Agent)
	as.Inbox = c.Inbox
	ctx, end := context.WithCancel(context.Background())
	t.Cleanup(end)
	return c, s.one.(interface {
		FollowTasks(ctx context.Context, c agents.Caller, ids []string) []string
	}).FollowTasks(ctx, as, ids)
}

const bothAllowed = `{"agents": {"a": {"allow": {"servers": ["*"]}}, "b": {"allow": {"servers": ["*"]}}}}`

// A server of 2025-11-25 says unasked how it stands with its tasks: the session that was
// promised one hears that, under its own id, and nobody else.
func TestTaskNotices_of20251125_reachTheSessionThatWasPromisedTheTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _, notices := tellingStage(t, "2025-11-25", bothAllowed)
		owner, other := newClient(t, "a"), newClient(t, "b")
		synctest.Wait()
		// The server is faster than whoever reads its answer.
		notices.Hear("notifications/tasks/status", json.RawMessage(`{"taskId":"task-1","status":"working",`+taskTimes+`,"ttl":1}`))
		got, _ := s.follow(owner.Caller, "tools/call", `{"name":"report","task":{}}`)
		id := idOf(t, got)
		notices.Hear("notifications/tasks/status", json.RawMessage(`{"taskId":"task-2","status":"working"}`))
		time.Sleep(time.Minute) // Nobody had such a task then.
		foreign, _ := s.follow(other.Caller, "tools/call", `{"name":"report","task":{}}`)
		notices.Hear("notifications/tasks/status", json.RawMessage(`{"taskId":"task-1","status":"completed",`+taskTimes+`,"ttl":1,"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"task-1"}}}`))
		notices.Hear("notifications/tasks/status", json.RawMessage(`{"taskId":"task-1","status":"working","late":true}`))
		notices.Hear("notifications/tasks/status", json.RawMessage(`{"taskId":"task-9","status":"working"}`))
		owner.hears(t,
			fmt.Sprintf(`tasks/status {"taskId":%q,"status":"working",%s,"ttl":1}`, id, taskTimes),
			fmt.Sprintf(`tasks/status {"taskId":%q,"status":"completed",%s,"ttl":1,"_meta":{"io.modelcontextprotocol/related-task":{"taskId":%q}}}`, id, taskTimes, id))
		other.hears(t)
		s.Next(`{"agents": {"a": {"allow": {"servers": ["*"]}}, "b": {"allow": {"tools": {"db": ["other"]}}}}}`, &testkit.Backend{Route: *must(s.Snapshot().Route("db"))})
		notices.Hear("notifications/tasks/status", json.RawMessage(`{"taskId":"task-2","status":"completed"}`))
		owner.hears(t)
		other.hears(t) // It may not use the tool any more.
		_ = foreign
	})
}

func must[T any](value T, _ bool) T { return value }

// Of a server of 2026-07-28 a client asks to hear of tasks: it hears of its own, as
// tasks/get shows them, and of no other.
func TestTaskNotices_of20260728_reachWhoAsksForItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server, session, _ := tellingStage(t, "2026-07-28", bothAllowed)
		a, b := stateless, stateless
		a.Agent, b.Agent = "a", "b"
		got, _ := s.follow(a, "tools/call", `{"name":"report"}`)
		id := idOf(t, got)
		owner, agreed := listener(t, s, a, id, "gh-none", id)
		if !slices.Equal(agreed, []string{id}) {
			t.Errorf("agreed to %q, want %q", agreed, id)
		}
		other, agreed := listener(t, s, b, id)
		if len(agreed) != 0 {
			t.Errorf("another agent is told of %q, want nothing", agreed)
		}
		if asked := server.asked.Load(); string(asked.Params) != `{"notifications":{"taskIds":["task-1"]}}` || string(asked.Capabilities) != followsTasks {
			t.Errorf("the server was asked %s %s, want the task under its own id, by a client that follows tasks", asked.Params, asked.Capabilities)
		}
		server.says(t, `{"taskId":"task-1","status":"working","statusMessage":"s3cr3t-value",`+taskTimes+`,"ttlMs":1,"resultType":"complete","_meta":{"io.gatehouse/origin":"gateway","own":1}}`)
		server.says(t, `{"taskId":"task-2","status":"working"}`)
		owner.hears(t, fmt.Sprintf(`tasks {"taskId":%q,"status":"working","statusMessage":"[redacted TOKEN]",%s,"ttlMs":1,"_meta":{"own":1}}`, id, taskTimes))
		session.Close(&endpoint.Exit{Reason: "exit status 3"})
		synctest.Wait()
		owner.mu.Lock()
		last := strings.Join(owner.heard, " ")
		owner.mu.Unlock()
		for _, want := range []string{`"status":"failed"`, "SERVER_CRASHED", id} {
			if !strings.Contains(last, want) {
				t.Errorf("after the death of the server: heard %s, want %s in it", last, want)
			}
		}
		other.hears(t)
	})
}

func TestTaskNotices_ofAServerThatDoesNotSpeakOfTasks_areNotPromised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server, _, _ := tellingStage(t, "2026-07-28", allowAll)
		server.refuses = true
		got, _ := s.follow(stateless, "tools/call", `{"name":"report"}`)
		c, agreed := listener(t, s, stateless, idOf(t, got))
		if len(agreed) != 0 {
			t.Errorf("agreed to %q, want nothing", agreed)
		}
		c.hears(t)
	})
}
