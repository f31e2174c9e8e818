package gate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/testkit"
)

// annotated is a definition with these annotations.
func annotated(name, annotations string) string {
	return fmt.Sprintf(`{"name":%q,"description":"Works on rows.","inputSchema":{"type":"object"},"annotations":{%s}}`, name, annotations)
}

const readOnlyRules = `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["@readOnly"]}}, "deny": {"tools": {"*": ["@openWorld", "@destructive"]}}}}}`

func TestAnnotations_decideEverywhere_andAgainWhenTheServerChangesThem(t *testing.T) {
	db := up("db", testkit.Says(oneText)).Has(
		annotated("get_row", `"readOnlyHint":true,"openWorldHint":false`), annotated("drop_row", `"openWorldHint":false`), annotated("ask_row", `"readOnlyHint":true`),
	)
	g := newGate(t, readOnlyRules, db)
	check := func(want ...string) {
		t.Helper()
		var listed []string
		for _, raw := range g.tools("").Tools {
			var named struct{ Name string }
			if err := json.Unmarshal(raw, &named); err != nil {
				t.Fatal(err)
			}
			listed = append(listed, named.Name)
		}
		if !slices.Equal(listed, want) {
			t.Errorf("get_server_tools: got %q, want %q", listed, want)
		}
		var found []string
		for _, name := range g.search("row", "").names() {
			found = append(found, strings.TrimPrefix(name, "db/"))
		}
		slices.Sort(found)
		if !slices.Equal(found, slices.Sorted(slices.Values(want))) {
			t.Errorf("search_tools: got %q, want %q", found, want)
		}
		for _, name := range []string{"get_row", "drop_row", "ask_row"} {
			if got, may := g.execute("db", name), slices.Contains(want, name); got.IsError == may {
				t.Errorf("execute_tool of %s: got %s, want it to run: %v", name, got.raw, may)
			}
		}
	}
	check("get_row")
	if got := g.execute("db", "drop_row").err; len(got.Available) != 1 || got.Available[0] != "get_row" {
		t.Errorf("got %+v, want get_row offered instead, alone", got)
	}
	db.Has(annotated("get_row", ``), annotated("drop_row", `"readOnlyHint":true,"openWorldHint":false`), annotated("ask_row", `"readOnlyHint":true`))
	check("drop_row")
}

// A tool that the rules deny by what its server says of it is not to be told from
// one that the server does not have.
func TestAnnotations_denied_areTheSameBytesAsForAToolThatDoesNotExist(t *testing.T) {
	worlds := [][]string{
		nil,
		{annotated("x", ``)},
		{annotated("x", `"openWorldHint":false`)},
		{annotated("x", `"openWorldHint":false,"destructiveHint":false`)},
		{annotated("x", `"readOnlyHint":true`)},
	}
	var first string
	for i, tools := range worlds {
		g := newGate(t, readOnlyRules, up("db", testkit.Says(oneText)).Has(append(tools, annotated("mine", `"readOnlyHint":true,"openWorldHint":false`))...))
		got := string(g.execute("db", "x").raw)
		if i == 0 {
			first = got
		}
		if got != first || !strings.Contains(got, "DENIED_BY_POLICY") {
			t.Errorf("world %d: got\n%s\nwant the answer of the first\n%s", i, got, first)
		}
	}
}

func TestAnnotations_unknown_areDenied_andTheAuditSaysWhy(t *testing.T) {
	g := newGate(t, readOnlyRules, server("db", endpoint.Status{State: endpoint.Idle}))
	if got := g.execute("db", "get_row").err.Code; got != "DENIED_BY_POLICY" {
		t.Errorf("got %q before the server has listed its tools, want DENIED_BY_POLICY", got)
	}
	g = newGate(t, readOnlyRules, up("db", testkit.Says(oneText)).Has(annotated("get_row", `"readOnlyHint":true,"openWorldHint":false`)))
	g.execute("db", "get_row")
	g.execute("db", "other")
	var got []string
	for _, r := range g.Records() {
		got = append(got, r.Step+" "+r.Rule+" "+r.Annotations)
	}
	want := []string{
		"tool_allowed_pattern agents.a.allow.tools.db[0] @readOnly !@destructive !@idempotent !@openWorld",
		`tool_denied_pattern agents.a.deny.tools["*"][0] unknown`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got the records %q, want %q", got, want)
	}
}

func TestAnnotations_withoutRulesThatAskForThem_areNotInTheAudit(t *testing.T) {
	g := newGate(t, someRules, up("db", testkit.Says(oneText)).Has(annotated("query", `"readOnlyHint":true`)))
	g.execute("db", "query")
	if got := g.Records(); len(got) != 1 || got[0].Annotations != "" {
		t.Errorf("got %+v, want a record without annotations", got)
	}
}
