package surface_test

import (
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

func TestPassMethods_passOnlyIfTheEntryNamesThem_andTheServerWasGivenWhole(t *testing.T) {
	session := testkit.NewSession(1, testkit.Says(`{"skills":[1.0],"resultType":"complete"}`)).
		WithInfo(endpoint.ServerInfo{ProtocolVersion: "2026-07-28", Tools: true, Capabilities: `{"tools":{},"extensions":{"x.skills":{"n":1.0},"io.modelcontextprotocol/tasks":{}}}`})
	db := testkit.NewBackend("db", testkit.Ready(1, session)).Has("query").With(func(e *serversfile.Entry) {
		e.Settings.PassMethods = []string{"skills/*", "tools/*"}
	})
	s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db"]}}, "some": {"allow": {"servers": ["db"], "tools": {"db": ["query"]}}}, "less": {"allow": {"servers": ["db"]}, "deny": {"tools": {"*": ["drop_*"]}}}}}`, db)
	if got, failure := s.ask(stateless, "skills/list", `{"of":{"a":1.00}}`); !strings.HasPrefix(got, `{"skills":[1.0],"resultType":"complete","_meta":{`) {
		t.Errorf("got %s %s, want the server's result", got, failure)
	}
	calls := session.Calls()
	if len(calls) != 1 || calls[0].Method != "skills/list" || string(calls[0].Params) != `{"of":{"a":1.00}}` {
		t.Fatalf("the server was sent %+v, want the request as it was", calls)
	}
	if r := s.Records()[0]; r.Operation != "skills/list" || r.Server != "db" || r.Outcome != "ok" {
		t.Errorf("the audit log has %+v, want a line of skills/list", r)
	}
	for agent, methods := range map[string][]string{
		"a": {"skills", "other/list", "tools/drop", "Tools/drop"}, "some": {"skills/list"}, "less": {"skills/list"},
	} {
		for _, method := range methods {
			caller := stateless
			caller.Agent = agent
			if got, failure := s.ask(caller, method, ""); !strings.Contains(failure, `"code":-32601`) {
				t.Errorf("%s by %s: got %s %s, want -32601", method, agent, got, failure)
			}
		}
	}
	if got := len(session.Calls()); got != 1 {
		t.Errorf("the server was asked %d times, want once", got)
	}
	for agent, want := range map[string]bool{"a": true, "some": false} {
		caller := stateless
		caller.Agent = agent
		if about, failure := s.one.Introduce(t.Context(), caller); failure != nil || strings.Contains(string(about.Capabilities), `"x.skills":{"n":1.0}`) != want {
			t.Errorf("agent %s: got %s, want the extension: %v", agent, about.Capabilities, want)
		}
	}
}
