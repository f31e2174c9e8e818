package suggest_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/suggest"
)

func TestByDistance_nearestFirst(t *testing.T) {
	got := suggest.ByDistance("query_db", []string{"zebra", "query", "query-DB", "drop_db"})
	if diff := cmp.Diff([]string{"query-DB", "query", "drop_db", "zebra"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestByDistance_ofVeryManyNames_findsTheTypoStill(t *testing.T) {
	names := make([]string, 20000)
	for i := range names {
		names[i] = fmt.Sprintf("a_much_longer_tool_name_%d", i)
	}
	names[12345] = "list_tables"
	if got := suggest.ByDistance("list_tabels", names); got[0] != "list_tables" {
		t.Errorf("got %q first, want %q", got[0], "list_tables")
	}
}
