package surface_test

import (
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/surface"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/redact"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
	"gatehouse/testkit"
)

// Marks are compared by agent: who sees the same is not told of a change.
func TestMarks_areThoseOfWhatTheAgentSees(t *testing.T) {
	give := func(tool string) string {
		return `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["` + tool + `"]}}}, "b": {"allow": {"servers": ["db"]}}}}`
	}
	db, session := whole(all)
	db.Has("query", "drop")
	s := testkit.NewStage(t, give("query"), db)
	one := surface.Gateway{Router: s.Router(front.Config{})}.One("db")
	a, b := agents.Caller{Agent: "a"}, agents.Caller{Agent: "b"}
	lastA, lastB := one.Marks(a), one.Marks(b)
	if lastA[agents.ToolsList] == 0 || lastA[agents.ResourcesList] != 0 || lastA == lastB {
		t.Errorf("got %v and %v, want marks of the tools alone, and different ones", lastA, lastB)
	}
	for _, c := range []struct {
		what       string
		change     func()
		forA, forB agents.ListKind // that changes; -1 for none
	}{
		{"a server that restarts with the same tools", func() { db.Has("query", "drop") }, -1, -1},
		{"a tool that a may not use", func() { db.Has("query", "drop", "list") }, -1, agents.ToolsList},
		{"another definition", func() { db.Has(`{"name":"query","description":"new"}`, "drop", "list") }, agents.ToolsList, agents.ToolsList},
		{"another order", func() { db.Has("list", `{"name":"query","description":"new"}`, "drop") }, -1, agents.ToolsList},
		{"other rules of a", func() { s.Next(give("drop"), db) }, agents.ToolsList, -1},
		{"a generation that changes nothing", func() { s.Next(give("drop"), db, testkit.ReadyBackend("other", testkit.Hangs)) }, -1, -1},
		{"templates", func() {
			db.Cell.PublishList(endpoint.Templates, endpoint.Catalog{Known: true, At: time.Now(), Info: session.Info(), Tools: []endpoint.Tool{{Name: "a://{x}", Raw: []byte(`{}`)}}})
		}, agents.TemplatesList, agents.TemplatesList},
	} {
		c.change()
		for _, who := range []struct {
			caller agents.Caller
			last   *agents.Marks
			want   agents.ListKind
		}{{a, &lastA, c.forA}, {b, &lastB, c.forB}} {
			next := one.Marks(who.caller)
			for kind := range next {
				if differs, want := next[kind] != who.last[kind], agents.ListKind(kind) == who.want; differs != want {
					t.Errorf("%s: the mark %d of agent %s differs: got %v, want %v", c.what, kind, who.caller.Agent, differs, want)
				}
			}
			*who.last = next
		}
	}
	s.Next(`{"agents": {"a": {}, "b": {"allow": {"servers": ["db"]}}}}`, db)
	if got := one.Marks(a); got[agents.ToolsList] == 0 || got == lastA {
		t.Errorf("without the server: got %v, want others than %v", got, lastA)
	}
}

// Until an agent has an instance of its own it sees the lists of another; then it is
// told of the difference, and nobody else is.
func TestMarks_ofAServerWithInstances(t *testing.T) {
	db := testkit.NewBackend("db", endpoint.Status{State: endpoint.Idle}).With(func(e *serversfile.Entry) { e.Settings.Scope = serversfile.ScopeAgent })
	db.Cell.Split(func(string) *redact.Redactor { return redact.New(nil) })
	s := testkit.NewStage(t, `{"agents": {"a": {"allow": {"servers": ["db"]}}, "b": {"allow": {"servers": ["db"]}}}}`, db)
	one := surface.Gateway{Router: s.Router(front.Config{})}.One("db")
	a, b := agents.Caller{Agent: "a"}, agents.Caller{Agent: "b"}
	has := func(agent string, tools ...string) {
		cell, _, err := db.Cell.Instances().Obtain(endpoint.Whose{Agent: agent}, "", nil, 9, endpoint.Status{State: endpoint.Idle})
		if err != nil {
			t.Fatal(err)
		}
		(&testkit.Backend{Route: snapshot.Route{Cell: cell}}).Has(tools...)
	}
	has("a", "query")
	before := one.Marks(b)
	if before != one.Marks(a) || before[agents.ToolsList] == 0 {
		t.Errorf("b sees %v, want what the instance of a has: %v", before, one.Marks(a))
	}
	has("b", "query", "extra")
	if now := one.Marks(b); now == before {
		t.Error("the own list of b has the mark of the one before, want another")
	}
	if now := one.Marks(a); now != before {
		t.Errorf("the mark of a is %v, want it unchanged: %v", now, before)
	}
}

func TestChanged_hearsOfSnapshotsAndLists(t *testing.T) {
	s := newStage(t, allowAll, testkit.ReadyBackend("db", testkit.Hangs))
	changed := s.one.Changed()
	select {
	case <-changed:
		t.Error("a change before there was one")
	default:
	}
	s.Next(allowAll)
	<-changed
}
