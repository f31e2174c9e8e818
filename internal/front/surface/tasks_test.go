package surface_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/surface"
	"gatehouse/internal/identity"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/tasks"
	"gatehouse/testkit"
	"gatehouse/testkit/spec"
)

// followsTasks are the capabilities of a client that follows tasks.
const followsTasks = `{"extensions":{"io.modelcontextprotocol/tasks":{}}}`

// taskServer plays a server that answers with tasks: task-1, task-2 and so on, which
// complete once they have been told to.
type taskServer struct {
	mu   sync.Mutex
	made int
	done bool
}

const taskTimes = `"createdAt":"2026-01-01T00:00:00Z","lastUpdatedAt":"2026-01-01T00:00:01Z"`

func (s *taskServer) answer(_ context.Context, r endpoint.Request) (endpoint.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := rawjson.Text(rawjson.Get(r.Params, "taskId"))
	status, rest := "working", ""
	if s.done {
		status, rest = "completed", `,"result":{"content":[{"type":"text","text":"done"}],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"`+id+`"}}}`
	}
	var result string
	switch old := rawjson.Get(r.Params, "task") != nil; {
	case r.Method == "tools/call" && old:
		s.made++
		result = fmt.Sprintf(`{"task":{"taskId":"task-%d","status":"working",%s,"ttl":60000}}`, s.made, taskTimes)
	case r.Method == "tools/call" && rawjson.Get(rawjson.Get(r.Capabilities, "extensions"), "io.modelcontextprotocol/tasks") != nil:
		s.made++
		result = fmt.Sprintf(`{"resultType":"task","taskId":"task-%d","status":"working","statusMessage":"s3cr3t-value",%s,"ttlMs":60000}`, s.made, taskTimes)
	case r.Method == "tools/call":
		result = `{"content":[{"type":"text","text":"at once"}]}`
	case r.Method == "tasks/get":
		ttl := "ttlMs"
		if r.Capabilities == nil {
			ttl, rest = "ttl", ""
		}
		result = fmt.Sprintf(`{"taskId":%q,"status":%q,%s,%q:60000%s}`, id, status, taskTimes, ttl, rest)
	case r.Method == "tasks/result":
		result = `{"content":[{"type":"text","text":"done"}]}`
	case r.Method == "tasks/cancel" && r.Capabilities == nil:
		result = fmt.Sprintf(`{"taskId":%q,"status":"cancelled",%s,"ttl":60000}`, id, taskTimes)
	default:
		result = `{}`
	}
	return endpoint.Response{Result: json.RawMessage(result)}, nil
}

func (s *taskServer) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
}

const oldTaskServer = `{"tools":{},"tasks":{"cancel":{},"requests":{"tools":{"call":{}}}}}`

type taskWorld struct {
	stage

	gateway surface.Gateway
}

// taskStage is a stage with the server db that answers with tasks, and one more that
// does.
func taskStage(t *testing.T, protocol, rules string) (*taskWorld, *taskServer, *testkit.Session) {
	t.Helper()
	server := &taskServer{}
	session := testkit.NewSession(1, server.answer).WithInfo(endpoint.ServerInfo{ProtocolVersion: protocol, Tools: true, Capabilities: oldTaskServer})
	s := testkit.NewStage(t, rules, testkit.NewBackend("db", testkit.Ready(1, session)).Has("report", "other"), testkit.ReadyBackend("web", server.answer).Has("report"))
	kept := surface.NewTasks(time.Hour)
	t.Cleanup(kept.Close)
	gateway := surface.Gateway{Router: s.Router(front.Config{}), Version: "1.2", Tasks: kept}
	return &taskWorld{stage{s, gateway.One("db")}, gateway}, server, session
}

// follow sends a request of a client that follows tasks.
func (s *taskWorld) follow(caller agents.Caller, method, params string) (result, failure string) {
	return serveTask(s.one, caller, method, params, followsTasks)
}

func serveTask(on agents.Surface, caller agents.Caller, method, params, capabilities string) (result, failure string) {
	r := agents.Request{Method: method, Params: json.RawMessage(params)}
	if caller.Protocol == "2026-07-28" {
		r.Capabilities = json.RawMessage(capabilities)
		r.InputResponses = rawjson.Get(r.Params, "inputResponses")
	}
	if method == "tools/call" {
		r.Params, r.Name = nil, rawjson.Text(rawjson.Get([]byte(params), "name"))
		if caller.Protocol == "2025-11-25" {
			r.Task = rawjson.Get([]byte(params), "task")
		}
	}
	out, e := on.Serve(context.Background(), caller, r, nil)
	if e != nil {
		return "", string(e.Object)
	}
	return string(out), ""
}

func idOf(t *testing.T, result string) string {
	t.Helper()
	id := rawjson.Text(rawjson.Get([]byte(result), "taskId"))
	if id == "" {
		id = rawjson.Text(rawjson.Get(rawjson.Get([]byte(result), "task"), "taskId"))
	}
	if !strings.HasPrefix(id, "gh-") {
		t.Fatalf("got %s, want a task with an id of the gateway's", result)
	}
	return id
}

func about(id string) string { return fmt.Sprintf(`{"taskId":%q}`, id) }

func TestTasks_ofTheExtension_areFollowedUnderIDsOfTheGatewaysOwn(t *testing.T) {
	s, server, session := taskStage(t, "2026-07-28", allowAll)
	got, failure := s.follow(stateless, "tools/call", `{"name":"report"}`)
	id := idOf(t, got)
	want := fmt.Sprintf(`{"resultType":"task","taskId":%q,"status":"working","statusMessage":"[redacted TOKEN]",%s,"ttlMs":60000,"_meta":`, id, taskTimes)
	if !strings.HasPrefix(got, want) || failure != "" {
		t.Errorf("got %s %s, want it to begin with %s", got, failure, want)
	}
	got, failure = s.follow(stateless, "tasks/get", about(id))
	want = fmt.Sprintf(`{"taskId":%q,"status":"working",%s,"ttlMs":60000,"resultType":"complete"`, id, taskTimes)
	if !strings.HasPrefix(got, want) || failure != "" {
		t.Errorf("got %s %s, want it to begin with %s", got, failure, want)
	}
	if got, failure := s.follow(stateless, "tasks/update", fmt.Sprintf(`{"taskId":%q,"inputResponses":{"a":{"x":1.0}}}`, id)); !strings.Contains(got, `"resultType":"complete"`) {
		t.Errorf("got %s %s, want an acknowledgement", got, failure)
	}
	calls := session.Calls()
	if last := calls[len(calls)-1]; last.Method != "tasks/update" || string(last.Params) != `{"taskId":"task-1","inputResponses":{"a":{"x":1.0}}}` || string(last.Capabilities) != followsTasks {
		t.Errorf("the server was sent %s %s %s, want the answers under its own id", last.Method, last.Params, last.Capabilities)
	}
	server.finish()
	got, _ = s.follow(stateless, "tasks/get", about(id))
	if want := `"result":{"content":[{"type":"text","text":"done"}],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"` + id + `"}}}`; !strings.Contains(got, want) || strings.Contains(got, "task-1") {
		t.Errorf("got %s, want it to have %s and nothing of the server's id", got, want)
	}
	if got, failure := s.follow(stateless, "tasks/cancel", about(id)); !strings.HasPrefix(got, `{"_meta"`) {
		t.Errorf("got %s %s, want an acknowledgement", got, failure)
	}
	records := s.Records()
	if r := records[1]; r.Operation != "tasks/get" || r.Server != "db" || r.Tool != "report" || r.Outcome != "ok" {
		t.Errorf("got the record %+v, want one of tasks/get of db/report", r)
	}
}

func TestTasks_of20251125_areFollowed(t *testing.T) {
	s, _, session := taskStage(t, "2025-11-25", allowAll)
	got, failure := s.follow(old, "tools/call", `{"name":"report","task":{"ttl":5.0}}`)
	id := idOf(t, got)
	if want := fmt.Sprintf(`{"task":{"taskId":%q,"status":"working",%s,"ttl":60000},"_meta":`, id, taskTimes); !strings.HasPrefix(got, want) {
		t.Errorf("got %s %s, want it to begin with %s", got, failure, want)
	}
	if sent := string(session.Calls()[0].Params); sent != `{"name":"report","task":{"ttl":5.0}}` {
		t.Errorf("the server was sent %s, want the wish for a task", sent)
	}
	got, failure = s.follow(old, "tasks/list", ``)
	if want := fmt.Sprintf(`{"tasks":[{"status":"working",%s,"ttl":60000,"taskId":%q}]}`, taskTimes, id); got != want {
		t.Errorf("got %s %s, want %s", got, failure, want)
	}
	got, failure = s.follow(old, "tasks/result", about(id))
	if want := `{"content":[{"type":"text","text":"done"}],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"` + id + `"}`; !strings.HasPrefix(got, want) {
		t.Errorf("got %s %s, want it to begin with %s", got, failure, want)
	}
	got, failure = s.follow(old, "tasks/cancel", about(id))
	if want := fmt.Sprintf(`{"taskId":%q,"status":"cancelled"`, id); !strings.HasPrefix(got, want) {
		t.Errorf("got %s %s, want it to begin with %s", got, failure, want)
	}
}

// A server must not be told of tasks by a client that cannot follow them here.
func TestTasks_areOfferedOnlyToThoseWhoCanFollowThem(t *testing.T) {
	for _, c := range []struct {
		name, server  string
		caller        agents.Caller
		params, shown string
	}{
		{"nothing declared", "2026-07-28", stateless, `{"name":"report"}`, `{}`},
		{"an old client", "2026-07-28", old, `{"name":"report","task":{}}`, ``},
		{"an old server", "2025-06-18", old, `{"name":"report","task":{}}`, ``},
	} {
		s, _, session := taskStage(t, c.server, allowAll)
		got, failure := serveTask(s.one, c.caller, "tools/call", c.params, c.shown)
		if !strings.Contains(got, "at once") || failure != "" {
			t.Errorf("%s: got %s %s, want the result itself", c.name, got, failure)
		}
		if sent := session.Calls()[0]; rawjson.Get(sent.Params, "task") != nil || strings.Contains(string(sent.Capabilities), "tasks") {
			t.Errorf("%s: the server was sent %s %s, want no word of tasks", c.name, sent.Params, sent.Capabilities)
		}
	}
}

func TestTasks_capabilities_areShownWhereTheyPass(t *testing.T) {
	const both = `{"tools":{},"tasks":{"list":{},"requests":{"tools":{"call":{}}}},"extensions":{"io.modelcontextprotocol/tasks":{},"io.modelcontextprotocol/ui":{"x":1.0},"other":{}}}`
	for _, c := range []struct{ server, caller, want string }{
		{"2026-07-28", "2026-07-28", `{"tools":{"listChanged":true},"extensions":{"io.modelcontextprotocol/tasks":{},"io.modelcontextprotocol/ui":{"x":1.0}}}`},
		{"2025-11-25", "2025-11-25", `{"tools":{"listChanged":true},"extensions":{"io.modelcontextprotocol/ui":{"x":1.0}},"tasks":{"list":{},"requests":{"tools":{"call":{}}}}}`},
		{"2026-07-28", "2025-06-18", `{"tools":{"listChanged":true}}`},
		{"2025-11-25", "2026-07-28", `{"tools":{"listChanged":true},"extensions":{"io.modelcontextprotocol/ui":{"x":1.0}}}`},
	} {
		session := testkit.NewSession(1, testkit.Hangs).WithInfo(endpoint.ServerInfo{ProtocolVersion: c.server, Tools: true, Capabilities: both})
		s := testkit.NewStage(t, allowAll, testkit.NewBackend("db", testkit.Ready(1, session)).Has("report"))
		kept := surface.NewTasks(time.Hour)
		caller := old
		caller.Protocol = c.caller
		got, failure := surface.Gateway{Router: s.Router(front.Config{}), Tasks: kept}.One("db").Introduce(context.Background(), caller)
		if failure != nil || string(got.Capabilities) != c.want {
			t.Errorf("%s before a server of %s: got %s %v, want %s", c.caller, c.server, got.Capabilities, failure, c.want)
		}
		kept.Close()
	}
}

// Whoever is not a task's owner gets what it would get if there were none.
func TestTasks_ofOthers_areAsThoseThatAreNotThere(t *testing.T) {
	s, _, session := taskStage(t, "2026-07-28", `{"agents": {"a": {"allow": {"servers": ["*"]}}, "b": {"allow": {"servers": ["*"]}}}}`)
	owner, credential := stateless, stateless
	owner.Identity, credential.Identity = twoTokens(t, s)
	got, _ := s.follow(owner, "tools/call", `{"name":"report"}`)
	id, sent := idOf(t, got), len(session.Calls())
	agent, from, before := owner, stateless, old
	agent.Agent = "b"
	from.From = "192.0.2.1"
	before.Identity = owner.Identity
	for name, c := range map[string]struct {
		on     agents.Surface
		caller agents.Caller
	}{
		"another agent": {s.one, agent}, "another credential": {s.one, credential}, "no credential": {s.one, from},
		"in the way of another revision": {s.one, before}, "at another server": {s.gateway.One("web"), owner},
	} {
		for _, method := range []string{"tasks/get", "tasks/cancel"} {
			_, foreign := serveTask(c.on, c.caller, method, about(id), followsTasks)
			none := "gh-" + strings.Repeat("A", len(id)-3)
			_, unknown := serveTask(c.on, c.caller, method, about(none), followsTasks)
			if want := withoutCall(unknown); withoutCall(strings.ReplaceAll(foreign, id, none)) != want || !strings.HasPrefix(want, `{"code":-32602,`) {
				t.Errorf("%s, %s: got %s, want %s", name, method, foreign, want)
			}
		}
	}
	if n := len(session.Calls()); n != sent {
		t.Errorf("the server was asked %d times, want none", n-sent)
	}
	if got, failure := s.follow(owner, "tasks/get", about(id)); failure != "" {
		t.Errorf("the owner got %s %s, want its task", got, failure)
	}
}

// twoTokens puts two credentials of the same agents in force and returns who they
// let in.
func twoTokens(t *testing.T, s *taskWorld) (first, second *identity.Caller) {
	t.Helper()
	texts := []string{"gatehouse_" + strings.Repeat("A", 43), "gatehouse_" + strings.Repeat("B", 43)}
	var list []identity.Token
	for i, text := range texts {
		list = append(list, identity.Token{ID: fmt.Sprint("key-", i), Agents: []string{"a", "b"}, Digest: identity.DigestOf(text)})
	}
	set := identity.Compile(identity.Credentials{Tokens: list})
	s.Change(func(now *snapshot.Snapshot) { now.Credentials = set })
	var callers [2]*identity.Caller
	for i, text := range texts {
		who, err := set.CheckToken(text, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		callers[i] = who
	}
	return callers[0], callers[1]
}

// withoutCall is an error without what differs from call to call.
func withoutCall(failure string) string { return string(rawjson.Delete([]byte(failure), "data")) }

func TestTasks_eachAccessIsDecidedAnew(t *testing.T) {
	s, server, session := taskStage(t, "2026-07-28", allowAll)
	got, _ := s.follow(stateless, "tools/call", `{"name":"report"}`)
	id := idOf(t, got)
	server.finish()
	sent := len(session.Calls())
	route, _ := s.Snapshot().Route("db")
	s.Next(`{"agents": {"a": {"allow": {"servers": ["*"], "tools": {"db": ["other"]}}}}}`, &testkit.Backend{Route: *route})
	for _, method := range []string{"tasks/get", "tasks/cancel"} {
		if _, failure := s.follow(stateless, method, about(id)); !strings.Contains(failure, "DENIED_BY_POLICY") || len(session.Calls()) != sent {
			t.Errorf("%s: got %s and %d requests, want a refusal and none", method, failure, len(session.Calls())-sent)
		}
	}
}

func TestTasks_endWithTheRunOfTheirServer(t *testing.T) {
	for _, c := range []struct {
		protocol string
		caller   agents.Caller
	}{{"2026-07-28", stateless}, {"2025-11-25", old}} {
		s, _, session := taskStage(t, c.protocol, allowAll)
		got, _ := s.follow(c.caller, "tools/call", `{"name":"report","task":{}}`)
		id := idOf(t, got)
		route, _ := s.Snapshot().Route("db")
		next := &taskServer{made: 0, done: true} // It knows a task-1 too: that is another one.
		again := testkit.NewSession(2, next.answer).WithInfo(session.Info())
		session.Close(&endpoint.Exit{Reason: "exit status 3"})
		testkit.Publish(route.Cell, endpoint.Status{State: endpoint.BackingOff})
		testkit.Publish(route.Cell, testkit.Ready(2, again))
		got, failure := s.follow(c.caller, "tasks/get", about(id))
		for _, want := range []string{`"status":"failed"`, `ended while running this`, id, `"createdAt":"2026-01-01T00:00:00Z"`, `"io.gatehouse/origin":"gateway"`} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got %s %s, want %s in it", c.protocol, got, failure, want)
			}
		}
		if c.protocol == "2026-07-28" {
			if want := `"error":{"code":-32603,`; !strings.Contains(got, want) || !strings.Contains(got, "SERVER_CRASHED") {
				t.Errorf("got %s, want the error SERVER_CRASHED in it", got)
			}
		} else {
			got, failure := s.follow(c.caller, "tasks/result", about(id))
			if !strings.Contains(got, `"isError":true`) || !strings.Contains(got, "SERVER_CRASHED") || !strings.Contains(got, id) {
				t.Errorf("got %s %s, want a result with SERVER_CRASHED", got, failure)
			}
			if got, _ := s.follow(c.caller, "tasks/list", ``); !strings.Contains(got, `"status":"failed"`) {
				t.Errorf("got %s, want a task that has failed", got)
			}
		}
		if calls := again.Calls(); len(calls) != 0 {
			t.Errorf("%s: the next run was sent %v, want nothing", c.protocol, calls)
		}
		if r := s.Records(); r[1].Outcome != front.CodeServerCrashed {
			t.Errorf("%s: got the outcome %q, want SERVER_CRASHED", c.protocol, r[1].Outcome)
		}
	}
}

// A changed entry ends its server's tasks as it ends its calls.
func TestTasks_endWithAChangeOfTheirServer(t *testing.T) {
	s, server, session := taskStage(t, "2025-11-25", allowAll)
	got, _ := s.follow(old, "tools/call", `{"name":"report","task":{}}`)
	id := idOf(t, got)
	route, _ := s.Snapshot().Route("db")
	db := &testkit.Backend{Route: *route}
	next := testkit.NewSession(2, server.answer).WithInfo(session.Info())
	s.Next(allowAll, db.Again(testkit.Ready(1, next)))
	route.Cell.Close()
	if got, failure := s.follow(old, "tasks/result", about(id)); !strings.Contains(got, `"code":"CANCELLED"`) || len(next.Calls()) != 0 {
		t.Errorf("got %s %s and that the next one was asked %v, want CANCELLED and nothing", got, failure, next.Calls())
	}
}

func TestTasks_thatNobodyAsksFor_areCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, session := taskStage(t, "2026-07-28", allowAll)
		got, _ := s.follow(stateless, "tools/call", `{"name":"report"}`)
		forgotten := idOf(t, got)
		got, _ = s.follow(stateless, "tools/call", `{"name":"report"}`)
		asked := idOf(t, got)
		for range 4 {
			time.Sleep(20 * time.Minute)
			if got, failure := s.follow(stateless, "tasks/get", about(asked)); failure != "" {
				t.Errorf("got %s %s, want the task", got, failure)
			}
		}
		synctest.Wait()
		var cancelled []string
		for _, call := range session.Calls() {
			if call.Method == "tasks/cancel" {
				cancelled = append(cancelled, string(call.Params))
			}
		}
		if want := []string{`{"taskId":"task-1"}`}; !slices.Equal(cancelled, want) {
			t.Errorf("got %v cancelled, want %v", cancelled, want)
		}
		if _, failure := s.follow(stateless, "tasks/get", about(forgotten)); !strings.HasPrefix(failure, `{"code":-32602,`) {
			t.Errorf("got %s, want that there is no such task any more", failure)
		}
	})
}

// A server's entry may have another time, shorter or longer than the gateway's.
func TestTasks_areKeptAsLongAsTheServersEntrySays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, session := taskStage(t, "2026-07-28", allowAll)
		idle := func(d time.Duration) {
			s.Change(func(now *snapshot.Snapshot) {
				route, _ := now.Route("db")
				route.Entry.Settings.SessionIdle = d
			})
		}
		cancelled := func() (n int) {
			synctest.Wait()
			for _, call := range session.Calls() {
				if call.Method == "tasks/cancel" {
					n++
				}
			}
			return n
		}
		s.follow(stateless, "tools/call", `{"name":"report"}`)
		idle(time.Minute)
		s.follow(stateless, "tools/call", `{"name":"report"}`)
		idle(3 * time.Hour)
		s.follow(stateless, "tools/call", `{"name":"report"}`)
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{50 * time.Second, 0}, {30 * time.Second, 1}, {50 * time.Minute, 1}, {20 * time.Minute, 2}, {time.Hour, 2}, {2 * time.Hour, 3}} {
			time.Sleep(step.after)
			if got := cancelled(); got != step.want {
				t.Errorf("%v later: got %d cancelled, want %d", step.after, got, step.want)
			}
		}
	})
}

// A server that works on a task must not be stopped as idle.
func TestTasks_countAsWork_untilTheirOwnersHearOfTheirEnd(t *testing.T) {
	s, server, _ := taskStage(t, "2026-07-28", allowAll)
	route, _ := s.Snapshot().Route("db")
	got, _ := s.follow(stateless, "tools/call", `{"name":"report"}`)
	id := idOf(t, got)
	if s.follow(stateless, "tasks/get", about(id)); !route.Cell.Working() {
		t.Error("a server with a task that runs is not working, want that it is")
	}
	server.finish()
	if s.follow(stateless, "tasks/get", about(id)); route.Cell.Working() {
		t.Error("a server whose task is over is still working, want that it is not")
	}
}

func TestTasks_areBounded(t *testing.T) {
	s, _, session := taskStage(t, "2025-11-25", allowAll)
	var first string
	for i := range tasks.MaxOwned {
		got, _ := s.follow(old, "tools/call", `{"name":"report","task":{}}`)
		if i == 0 {
			first = idOf(t, got)
		}
	}
	sent := len(session.Calls())
	if got, _ := s.follow(old, "tools/call", `{"name":"report","task":{}}`); !strings.Contains(got, "OVERLOADED") || len(session.Calls()) != sent {
		t.Errorf("got %s, want OVERLOADED and nothing sent", got)
	}
	other := old
	other.From = "192.0.2.1"
	if got, _ := s.follow(other, "tools/call", `{"name":"report","task":{}}`); !strings.Contains(got, `"taskId"`) {
		t.Errorf("another client got %s, want a task", got)
	}
	s.follow(old, "tasks/result", about(first)) // What is over gives way.
	if got, _ := s.follow(old, "tools/call", `{"name":"report","task":{}}`); !strings.Contains(got, `"taskId"`) {
		t.Errorf("once one is over: got %s, want a task", got)
	}
	if _, failure := s.follow(old, "tasks/get", about(first)); !strings.HasPrefix(failure, `{"code":-32602,`) {
		t.Errorf("got %s, want that the one that is over is forgotten", failure)
	}
}

func TestTasks_methodsAreThoseOfTheRevision(t *testing.T) {
	for _, c := range []struct{ protocol, method, code string }{
		{"2026-07-28", "tasks/result", "-32601"},
		{"2026-07-28", "tasks/list", "-32601"},
		{"2025-11-25", "tasks/update", "-32601"},
		{"2025-06-18", "tasks/get", "-32601"},
		{"2026-07-28", "tasks/get", "-32602"},
		{"2026-07-28", "tasks/update", "-32602"},
		{"2025-11-25", "tasks/get", "-32602"},
	} {
		s, _, _ := taskStage(t, "2026-07-28", allowAll)
		caller := old
		caller.Protocol = c.protocol
		if _, failure := s.follow(caller, c.method, `{"taskId":1}`); !strings.HasPrefix(failure, `{"code":`+c.code) {
			t.Errorf("%s in %s: got %s, want %s", c.method, c.protocol, failure, c.code)
		}
	}
	s, _, _ := taskStage(t, "2026-07-28", allowAll)
	if _, failure := serveTask(s.one, stateless, "tasks/get", `{"taskId":"gh-x"}`, `{}`); !strings.HasPrefix(failure, `{"code":-32021,`) {
		t.Errorf("without the capability: got %s, want -32021", failure)
	}
}

// On the surface of all servers a task is one of its server, under an id alone.
func TestTasks_onAll_areFollowed(t *testing.T) {
	s, _, session := taskStage(t, "2026-07-28", allowAll)
	all := s.gateway.All()
	got, _ := serveTask(all, stateless, "tools/call", `{"name":"db__report"}`, followsTasks)
	id := idOf(t, got)
	got, failure := serveTask(all, stateless, "tasks/get", about(id), followsTasks)
	if want := fmt.Sprintf(`{"taskId":%q,"status":"working"`, id); !strings.HasPrefix(got, want) {
		t.Errorf("got %s %s, want it to begin with %s", got, failure, want)
	}
	if calls := session.Calls(); len(calls) != 2 || string(calls[1].Params) != `{"taskId":"task-1"}` {
		t.Errorf("the server was sent %v, want the call and a question for its task", calls)
	}
	for caller, want := range map[string]string{
		"2026-07-28": `"extensions":{"io.modelcontextprotocol/tasks":{}}`, "2025-11-25": `"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}`,
	} {
		c := old
		c.Protocol = caller
		if got, _ := all.Introduce(context.Background(), c); !strings.Contains(string(got.Capabilities), want) {
			t.Errorf("%s: got %s, want %s in it", caller, got.Capabilities, want)
		}
	}
}

// Where all together have too many, the server hears that the task which gave way is
// not wanted any more.
func TestTasks_oneThatGaveWay_isCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, session := taskStage(t, "2025-11-25", allowAll)
		call := func(from string) {
			caller := old
			caller.From = from
			if got, failure := s.follow(caller, "tools/call", `{"name":"report","task":{}}`); !strings.Contains(got, `"taskId"`) {
				t.Errorf("%s: got %s %s, want a task", from, got, failure)
			}
		}
		call("the richest")
		book := s.gateway.Tasks.Book()
		for i := 1; i < tasks.MaxAll; i++ {
			who := "the richest"
			if i >= tasks.MaxOwned {
				who = fmt.Sprint("owner ", i%100)
			}
			book.Hold(who)
			book.Keep(tasks.Task{ID: fmt.Sprint(i), Owner: tasks.Owner{Who: who}}, time.Now())
		}
		call("a newcomer")
		time.Sleep(time.Second)
		synctest.Wait()
		var cancelled []string
		for _, call := range session.Calls() {
			if call.Method == "tasks/cancel" {
				cancelled = append(cancelled, string(call.Params))
			}
		}
		if want := []string{`{"taskId":"task-1"}`}; !slices.Equal(cancelled, want) {
			t.Errorf("got %v cancelled, want %v", cancelled, want)
		}
	})
}

// A result that takes long is what tasks are for: it says nothing about the server.
func TestTasks_aResultThatTakesLong_isNoSignOfAHungServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server, session := taskStage(t, "2025-11-25", allowAll)
		slow := func(ctx context.Context, r endpoint.Request) (endpoint.Response, error) {
			if r.Method == "tasks/result" {
				return testkit.Hangs(ctx, r)
			}
			return server.answer(ctx, r)
		}
		route, _ := s.Snapshot().Route("db")
		testkit.Publish(route.Cell, endpoint.Status{State: endpoint.BackingOff})
		testkit.Publish(route.Cell, testkit.Ready(2, testkit.NewSession(2, slow).WithInfo(session.Info())))
		got, _ := s.follow(old, "tools/call", `{"name":"report","task":{}}`)
		id, before := idOf(t, got), route.Cell.Overdue()
		if _, failure := s.follow(old, "tasks/result", about(id)); !strings.Contains(failure, "TIMEOUT") || route.Cell.Overdue() != before {
			t.Errorf("got %s and %d overdue, want TIMEOUT and %d", failure, route.Cell.Overdue(), before)
		}
		if got, failure := s.follow(old, "tasks/get", about(id)); failure != "" {
			t.Errorf("got %s %s, want the task", got, failure)
		}
	})
}

// What the gateway says of tasks fits the schema of the revision that has them.
func TestTasks_of20251125_fitTheSchema(t *testing.T) {
	s, server, session := taskStage(t, "2025-11-25", allowAll)
	created, _ := s.follow(old, "tools/call", `{"name":"report","task":{}}`)
	id := idOf(t, created)
	fits := func(definition, value, failure string) {
		t.Helper()
		if err := spec.Validate("2025-11-25", definition, []byte(value)); err != nil {
			t.Errorf("got %s %s, want a %s: %v", value, failure, definition, err)
		}
	}
	ask := func(definition, method, params string) {
		t.Helper()
		got, failure := s.follow(old, method, params)
		fits(definition, got, failure)
	}
	fits("CreateTaskResult", created, "")
	ask("GetTaskResult", "tasks/get", about(id))
	ask("CallToolResult", "tasks/result", about(id))
	ask("CancelTaskResult", "tasks/cancel", about(id))
	ask("ListTasksResult", "tasks/list", `{}`)
	for _, on := range []agents.Surface{s.one, s.gateway.All()} {
		got, _ := on.Introduce(context.Background(), old)
		fits("ServerCapabilities", string(got.Capabilities), "")
	}
	route, _ := s.Snapshot().Route("db")
	testkit.Publish(route.Cell, endpoint.Status{State: endpoint.BackingOff})
	testkit.Publish(route.Cell, testkit.Ready(2, testkit.NewSession(2, server.answer).WithInfo(session.Info())))
	ask("GetTaskResult", "tasks/get", about(id))
	ask("CallToolResult", "tasks/result", about(id))
	ask("ListTasksResult", "tasks/list", `{}`)
}

// A server may say of a task whatever it likes: what the gateway itself says goes on to
// be of use, and no other id than the gateway's is in it.
func TestTasks_ofOddServers_keepTheirIDs(t *testing.T) {
	for _, odd := range []string{
		`{"resultType":"task","taskId":"t","taskId":"t2","status":1}`,
		`{"resultType":"task","taskId":"t","status":"working","createdAt":5,"_meta":[1],"statusMessage":{"x":1},"error":"x","result":"y"}`,
		`{"resultType":"task","taskId":"t","status":"working","_meta":{"io.gatehouse/origin":"gateway","io.modelcontextprotocol/related-task":{"taskId":"t"}}}`,
		`{"content":[],"resultType":"task","taskId":"t","status":"working"}`,
	} {
		s, _, session := taskStage(t, "2026-07-28", allowAll)
		route, _ := s.Snapshot().Route("db")
		testkit.Publish(route.Cell, endpoint.Status{State: endpoint.BackingOff})
		testkit.Publish(route.Cell, testkit.Ready(2, testkit.NewSession(2, testkit.Says(odd)).WithInfo(session.Info())))
		got, failure := s.follow(stateless, "tools/call", `{"name":"report"}`)
		id := idOf(t, got)
		if !json.Valid([]byte(got)) || strings.Contains(got, `"related-task":{"taskId":"t"}`) || !strings.Contains(got, `"io.gatehouse/origin":"server"`) {
			t.Errorf("%s: got %s %s, want valid JSON with the gateway's id alone", odd, got, failure)
		}
		testkit.Publish(route.Cell, endpoint.Status{State: endpoint.BackingOff})
		got, failure = s.follow(stateless, "tasks/get", about(id))
		for _, want := range []string{`"status":"failed"`, `"createdAt":"`, `"lastUpdatedAt":"`, `"ttlMs":null`, id} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got %s %s, want %s in it", odd, got, failure, want)
			}
		}
	}
	for _, useless := range []string{
		`{"resultType":"task"}`, `{"resultType":"task","taskId":""}`, `{"resultType":"task","taskId":7}`, `{"task":{"taskId":"t"}}`,
		`{"resultType":"task","taskId":"` + strings.Repeat("x", tasks.MaxID+1) + `"}`,
	} {
		s, _, session := taskStage(t, "2026-07-28", allowAll)
		route, _ := s.Snapshot().Route("db")
		testkit.Publish(route.Cell, endpoint.Status{State: endpoint.BackingOff})
		testkit.Publish(route.Cell, testkit.Ready(2, testkit.NewSession(2, testkit.Says(useless)).WithInfo(session.Info())))
		if got, failure := s.follow(stateless, "tools/call", `{"name":"report"}`); !strings.Contains(got, `"code":"SERVER_ERROR"`) || len(got) > 4000 {
			t.Errorf("%.80s: got %.300s %s, want SERVER_ERROR", useless, got, failure)
		}
	}
}
