package find_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"gatehouse/internal/find"
)

// queries are of all kinds, about what is there and what is not.
var queries = []string{
	"git_commit", "show me the branches", "delte_brnch", "draw a bar chart", "movecard", "add a card in Trello", "xml", "list the tables in the database",
	"微博热搜", "book a dentist", "open, not close", "search", "one", "two/search", "jira board card", "page", "the", "mail", "database server tables list",
}

// What an agent may not use moves nothing in its answers: they are those of a
// gateway where it does not exist.
func TestView_hidden_movesNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		hidden := map[string]bool{}
		for _, each := range house {
			if rnd.IntN(3) == 0 {
				hidden[each.server+"/"+each.name] = true
			}
		}
		v := view(house, func(server, tool string) bool { return !hidden[server+"/"+tool] })
		alone := view(slices.DeleteFunc(slices.Clone(house), func(x tool) bool { return hidden[x.server+"/"+x.name] }), nil)
		for _, q := range queries {
			got, want := v.Search(q, "", 50), alone.Search(q, "", 50)
			if !reflect.DeepEqual(named(got), named(want)) || got.Fits != want.Fits {
				t.Fatalf("%q with %v hidden found %v (fits: %v), want %v (fits: %v) as without them", q, hidden, named(got), got.Fits, named(want), want.Fits)
			}
		}
	}
}

// The name of a server that the agent may not use is a word like any other: it
// does not make its question one about a server.
func TestView_nameOfAHiddenServer_saysNothing(t *testing.T) {
	all := append(many(), tool{"send", "pack", "Packs files."})
	got := view(all, func(server, _ string) bool { return server != "send" }).Search("send mail", "", 10)
	if want := view(many(), nil).Search("send mail", "", 10); !slices.Equal(named(got), named(want)) {
		t.Errorf("found %v, want %v as without it", named(got), named(want))
	}
}

func FuzzSearch(f *testing.F) {
	for _, q := range queries {
		f.Add(q, "Some words, of a "+q)
	}
	f.Fuzz(func(t *testing.T, query, text string) {
		v := view(append(slices.Clone(house), tool{text, text, text}), nil)
		r := v.Search(query, "", find.MaxHits)
		seen := map[find.Hit]bool{}
		for _, h := range r.Hits {
			if seen[h] {
				t.Errorf("%q found %v twice, want each tool once", query, h)
			}
			seen[h] = true
		}
		if !r.Fits && len(r.Hits) > 5 {
			t.Errorf("%q: nothing fits and there are %d hits, want 5 at most", query, len(r.Hits))
		}
	})
}
