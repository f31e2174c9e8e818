package front_test

import (
	"slices"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/policy"
	"gatehouse/testkit"
)

// How much there is that an agent may not use must not show in how long its
// answers take: what it may use is found once for each generation and list.
func TestPermitted_isFoundOnce_howeverMuchIsHidden(t *testing.T) {
	db := testkit.ReadyBackend("db", testkit.Says(contents)).Has("file:///a", "file:///secret/b", "file:///secret/c")
	h := newHouse(t, front.Config{Pinned: []string{"a"}}, db)
	asked := 0
	counted := resources
	counted.Decide = func(rules *policy.Policy, agent, server, name string, list *endpoint.Catalog) policy.Decision {
		asked++
		return resources.Decide(rules, agent, server, name, list)
	}
	permitted := func() []string {
		a, ok := h.router.Known(agents.Caller{})
		if !ok {
			t.Fatal("got no agent, want a")
		}
		if got := slices.Collect(a.Servers()); !slices.Equal(got, []string{"db"}) {
			t.Fatalf("got the servers %q, want db", got)
		}
		return a.Permitted(&counted, "db", db.Cell.Catalog())
	}
	for range 3 {
		if got := permitted(); !slices.Equal(got, []string{"file:///a"}) || asked != 3 {
			t.Errorf("got %q after %d decisions, want one of three after three", got, asked)
		}
	}
	db.Has("file:///a", "file:///d")
	if got := permitted(); !slices.Equal(got, []string{"file:///a", "file:///d"}) || asked != 5 {
		t.Errorf("of a new list: got %q after %d decisions, want two after five", got, asked)
	}
	h.Next(denyAll, db)
	if a, _ := h.router.Known(agents.Caller{}); len(slices.Collect(a.Servers())) != 0 || len(a.Permitted(&counted, "db", db.Cell.Catalog())) != 0 {
		t.Error("by new rules: got servers and resources, want none")
	}
}
