package policydiff_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/policydiff"
	"gatehouse/testkit/problemtest"
)

func TestParseToolLists_readsEveryForm(t *testing.T) {
	want := policydiff.ToolLists{"db": {"query": 0, "list_users": 0}, "docs": {}}
	for name, src := range map[string]string{
		"names":                      `{"db": ["query", "list_users"], "docs": [],}`,
		"definitions":                `{"db": [{"name": "query"}, {"name": "list_users"}], "docs": []}`,
		"results of tools/list":      `{"db": {"tools": [{"name": "query"}, {"name": "list_users"}], "nextCursor": ""}, "docs": {"tools": []}}`,
		"what gatehouse tools says":  `{"servers": [{"server": "db", "state": "ready", "known": true, "tools": [{"name": "query", "tokens": 3}, {"name": "list_users", "tokens": 3}], "tokens": 6}, {"server": "docs", "tools": []}], "tokens": 6}`,
		"a mixture of all for a set": `{"db": ["query", {"name": "list_users"}], "docs": {"tools": []}}`,
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := policydiff.ParseToolLists("tools.json", []byte(src))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	got, problems := policydiff.ParseToolLists("tools.json", []byte(`{"servers": ["a"]}`))
	if len(problems) > 0 || !cmp.Equal(got, policydiff.ToolLists{"servers": {"a": 0}}) {
		t.Errorf("a server that is called servers: %v %v, want its tool a", got, problems)
	}
}

func TestParseToolLists_readsAnnotations(t *testing.T) {
	const known = policy.Known
	want := policydiff.ToolLists{"s": {
		"defaults": known | policy.Destructive | policy.OpenWorld, "get": known | policy.ReadOnly | policy.OpenWorld, "printed": known | policy.Idempotent, "name": 0, "odd": 0,
	}}
	got, problems := policydiff.ParseToolLists("tools.json", []byte(`{"s": [{"name": "defaults", "inputSchema": {}}, {"name": "get", "annotations": {"readOnlyHint": true, "openWorldHint": "no"}},
	  {"name": "printed", "tokens": 3, "annotations": "!@readOnly !@destructive @idempotent !@openWorld"}, "printed", "name", {"name": "odd", "annotations": "safe"}]}`))
	if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
		t.Errorf("%v (-want +got):\n%s", problems, diff)
	}
}

func TestParseToolLists_eachMistakeIsSaidInWords(t *testing.T) {
	problemtest.EachFile(t, "toollists-bad/*.json", func(t *testing.T, file string, src []byte) []jsondoc.Problem {
		tools, problems := policydiff.ParseToolLists(file, src)
		if !jsondoc.HasErrors(problems) || tools != nil {
			t.Errorf("the file is accepted: got %v, want errors and no lists", tools)
		}
		return problems
	})
}

func TestCodes_eachHasABadFileAndIsDocumented(t *testing.T) { problemtest.EachCode(t) }
