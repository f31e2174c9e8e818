package surface_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/surface"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/testkit"
)

// old and stateless are callers by the revision that they speak.
var (
	old       = agents.Caller{Client: "tester/1", Protocol: "2025-11-25", Agent: "a"}
	stateless = agents.Caller{Client: "tester/2", Protocol: "2026-07-28", Agent: "a"}
)

const allowAll = `{"agents": {"a": {"allow": {"servers": ["*"]}}}}`

// stage is the surface of the server db on a stage of fake servers.
type stage struct {
	*testkit.Stage
	one agents.Surface
}

func newStage(t *testing.T, rules string, servers ...*testkit.Backend) *stage {
	t.Helper()
	s := testkit.NewStage(t, rules, servers...)
	return &stage{s, surface.Gateway{Router: s.Router(front.Config{}), Version: "1.2"}.One("db")}
}

// ask serves a request and returns its result, or its error as JSON.
func (s *stage) ask(caller agents.Caller, method, params string) (result, failure string) {
	r := agents.Request{Method: method}
	if method == "tools/call" {
		var call struct {
			Name      string
			Arguments json.RawMessage
		}
		if err := json.Unmarshal([]byte(params), &call); err != nil {
			panic(err)
		}
		r.ToolCall = agents.ToolCall{Name: call.Name, Args: call.Arguments}
	} else if params != "" {
		r.Params = json.RawMessage(params)
	}
	out, e := s.one.Serve(context.Background(), caller, r, nil)
	if e != nil {
		return "", string(e.Object)
	}
	return string(out), ""
}

func TestToolsList_isWhatTheAgentMayUse_byteForByte(t *testing.T) {
	const query = `{ "name":"query",  "inputSchema":{"type":"object","n":1.0}, "x":[1e400] }`
	s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["query", "list_*"]}}}}}`,
		testkit.ReadyBackend("db", testkit.Hangs).Has("drop", query, "list_tables"))
	got, failure := s.ask(old, "tools/list", "")
	want := `{"tools":[` + query + `,{"name":"list_tables"}]}`
	if got != want || failure != "" {
		t.Errorf("got %s %s, want %s", got, failure, want)
	}
	got, _ = s.ask(stateless, "tools/list", `{"cursor":null}`)
	want = `{"tools":[` + query + `,{"name":"list_tables"}],"resultType":"complete","cacheScope":"private","ttlMs":0}`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if r := s.Records()[0]; r.Operation != "tools/list" || r.Server != "db" || r.AgentID != "a" || r.Outcome != "ok" {
		t.Errorf("got the record %+v, want one of tools/list of db by a", r)
	}
}

// Lists come whole, so whoever has a cursor has it from somewhere else.
func TestToolsList_refusesCursors(t *testing.T) {
	s := newStage(t, allowAll, testkit.ReadyBackend("db", testkit.Hangs).Has("query"))
	if got, failure := s.ask(old, "tools/list", `{"cursor":"abc"}`); got != "" || !strings.Contains(failure, `"code":-32602`) {
		t.Errorf("got %s %s, want an error -32602", got, failure)
	}
}

func TestToolsCall_passesArgumentsAndResults(t *testing.T) {
	session := testkit.NewSession(1, testkit.Says(`{"content":[{"type":"text","text":"hi"}],"odd":1.0,"_meta":{"x":1}}`))
	s := newStage(t, allowAll, testkit.NewBackend("db", testkit.Ready(1, session)).Has("query"))
	got, failure := s.ask(old, "tools/call", `{"name":"query","arguments":{"n": 1.0}}`)
	want := `{"content":[{"type":"text","text":"hi"}],"odd":1.0,"_meta":{"x":1,"io.gatehouse/generation":1,"io.gatehouse/call_id":"gw-1","io.gatehouse/origin":"server"}}`
	if got != want || failure != "" {
		t.Errorf("got %s %s, want %s", got, failure, want)
	}
	if params := string(session.Calls()[0].Params); params != `{"name":"query","arguments":{"n": 1.0}}` {
		t.Errorf("the server was sent %s, want the arguments as they are", params)
	}
	s.ask(old, "tools/call", `{"name":"query"}`)
	if params := string(session.Calls()[1].Params); params != `{"name":"query"}` {
		t.Errorf("without arguments the server was sent %s, want none", params)
	}
	if r := s.Records()[0]; r.Operation != "tools/call" || r.Server != "db" || r.Tool != "query" || r.Outcome != "ok" {
		t.Errorf("got the record %+v, want one of tools/call of db/query", r)
	}
}

// A refusal must not stand in structuredContent, which is what the tool promises.
func TestToolsCall_refusalsAreResults(t *testing.T) {
	s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["query"]}}}}}`,
		testkit.ReadyBackend("db", testkit.Hangs).Has("query", "drop"))
	got, _ := s.ask(old, "tools/call", `{"name":"drop"}`)
	var r struct {
		Content []struct{ Type, Text string }
		IsError bool
		Meta    struct {
			Error  struct{ Code, Message, Server, Tool string } `json:"io.gatehouse/error"`
			Origin string                                       `json:"io.gatehouse/origin"`
		} `json:"_meta"`
		StructuredContent json.RawMessage
	}
	if err := json.Unmarshal([]byte(got), &r); err != nil {
		t.Fatal(err)
	}
	e := r.Meta.Error
	if !r.IsError || e.Code != "DENIED_BY_POLICY" || e.Server != "db" || e.Tool != "drop" || r.Meta.Origin != "gateway" || r.StructuredContent != nil {
		t.Errorf("got %s, want a result with isError and the error in _meta", got)
	}
	if len(r.Content) != 1 || r.Content[0].Text != e.Message {
		t.Errorf("got the content %v, want the message %q", r.Content, e.Message)
	}
	if got, _ := s.ask(stateless, "tools/call", `{"name":"drop"}`); !strings.Contains(got, `"resultType":"complete"`) {
		t.Errorf("got %s, want a resultType where the revision has one", got)
	}
}

func TestToolsCall_theServersErrorsPass_withoutSecrets(t *testing.T) {
	s := newStage(t, allowAll, testkit.ReadyBackend("db", func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{Error: []byte(`{"code":-32602,"message":"no s3cr3t-value","data":[1.0]}`)}, nil
	}).Has("query"))
	got, failure := s.ask(old, "tools/call", `{"name":"query"}`)
	if want := `{"code":-32602,"message":"no [redacted TOKEN]","data":[1.0]}`; failure != want || got != "" {
		t.Errorf("got %s %s, want the error %s", got, failure, want)
	}
	if r := s.Record(); r.Outcome != front.CodeServerError || r.Decision != audit.Allow {
		t.Errorf("got the record %+v, want an allowed call that failed", r)
	}
}

func TestServe_refusesWhatIsNotWellFormedOrUnknown(t *testing.T) {
	s := newStage(t, allowAll, testkit.ReadyBackend("db", testkit.Hangs).Has("query"))
	for _, c := range []struct{ method, params, code string }{
		{"tools/call", `{"name":""}`, "-32602"},
		{"tools/call", `{"name":"query","arguments":[1]}`, "-32602"},
		{"tools/call", `{"name":"` + strings.Repeat("x", 5000) + `"}`, "-32602"},
		{"no/such", `{}`, "-32601"},
		{"", ``, "-32601"},
	} {
		if got, failure := s.ask(old, c.method, c.params); got != "" || !strings.Contains(failure, `"code":`+c.code) {
			t.Errorf("%s %.60s: got %s %s, want an error %s", c.method, c.params, got, failure, c.code)
		}
	}
}

// What does not exist and what the agent may not use are the same to it.
func TestOpen_isForAgentsThatMayUseAServerThatIsThere(t *testing.T) {
	s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db", "ghost"]}}, "b": {}}}`, testkit.ReadyBackend("db", testkit.Hangs))
	gateway := surface.Gateway{Router: s.Router(front.Config{DefaultAgent: "b"})}
	for _, c := range []struct {
		server, agent string
		want          bool
	}{
		{"db", "a", true}, {"db", "b", false}, {"db", "", false}, {"db", "nobody", false}, {"ghost", "a", false}, {"none", "a", false},
	} {
		if got := gateway.One(c.server).Open(agents.Caller{Agent: c.agent}); got != c.want {
			t.Errorf("%s for agent %q: got %v, want %v", c.server, c.agent, got, c.want)
		}
	}
	pinned := surface.Gateway{Router: s.Router(front.Config{Pinned: []string{"a"}})}.One("db")
	if !pinned.Open(agents.Caller{}) || pinned.Open(agents.Caller{Agent: "b"}) {
		t.Error("a pin is not what decides, want that an address names nobody else")
	}
}

func TestIntroduce_isTheServersOwn_lessWhatDoesNotPass(t *testing.T) {
	info := endpoint.ServerInfo{
		ProtocolVersion: "2025-11-25", Name: "Data", Version: "3", Tools: true, Instructions: "Ask first.",
		About: `{"name":"Data","version":"3","icons":[{"src":"x"}]}`, Capabilities: `{"tools":{"listChanged":true},"experimental":{"x":{}}}`,
	}
	db := testkit.ReadyBackend("db", testkit.Hangs)
	db.Cell.PublishCatalog(endpoint.Catalog{Known: true, Info: info, Tools: []endpoint.Tool{{Name: "query", Raw: []byte(`{"name":"query"}`)}}})
	for rules, capabilities := range map[string]string{
		allowAll: `{"tools":{"listChanged":true}}`,
		`{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["other"]}}}}}`: `{}`,
	} {
		got, failure := newStage(t, rules, db).one.Introduce(context.Background(), old)
		if failure != nil {
			t.Fatalf("got %s, want no error", failure.Object)
		}
		want := agents.Introduction{
			Capabilities: json.RawMessage(capabilities), ServerInfo: json.RawMessage(info.About), Instructions: "Ask first.",
			Meta: json.RawMessage(`{"io.gatehouse/server":"db","io.gatehouse/version":"1.2"}`),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("by %s the introduction differs (-want +got): %s", rules, diff)
		}
	}
}

func TestIntroduce_ofAServerThatCannotBeReached_saysWhy(t *testing.T) {
	s := newStage(t, allowAll, testkit.NewBackend("db", endpoint.Status{State: endpoint.Quarantined, Reason: "exit status 3"}))
	_, failure := s.one.Introduce(context.Background(), old)
	if failure == nil || !strings.Contains(string(failure.Object), "exit status 3") || failure.Code != -32603 {
		t.Errorf("got %+v, want an error -32603 with the reason", failure)
	}
}
