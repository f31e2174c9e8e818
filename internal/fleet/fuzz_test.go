package fleet_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/fleet"
)

// FuzzBoard puts anything into the store: whatever is there is on the board or named
// as damaged, it is the same as a change as from the start, and it can be taken away.
func FuzzBoard(f *testing.F) {
	f.Add("nodes/a", []byte(`{"id":"a","address":"h:1"}`))
	f.Add("owners/s%40@b", []byte(`{"node":"a"}`))
	f.Add("servers/s", []byte(`{"state":"ready","epoch":-1}`))
	f.Add("config/active", []byte(`{"servers":"e30="}`))
	f.Add("holds/s", []byte(`{"held":1}`))
	f.Add("owners/%zz", []byte(`{}`))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		e := fleet.Entry{Key: key, Value: value, Created: 1, Modified: 2}
		empty := fleet.NewBoard(1, 2, nil).View()
		start := fleet.NewBoard(1, 2, []fleet.Entry{e})
		change := fleet.NewBoard(1, 1, nil)
		change.Apply(2, []fleet.Entry{e})
		if diff := cmp.Diff(start.View(), change.View()); diff != "" {
			t.Errorf("%q: %q: want the same both ways (-from the start +as a change)\n%s", key, value, diff)
		}
		if summary := start.View().Summary(); len(summary) > 1 || len(summary) == 1 && !strings.HasPrefix(summary[0], key) {
			t.Errorf("%q: got %q, want one line of this key at most", key, summary)
		}
		start.Apply(3, []fleet.Entry{{Key: key, Modified: 3, Deleted: true}})
		left := start.View()
		left.Revision, left.Generation, left.Restarts, left.Damaged = empty.Revision, empty.Generation, empty.Restarts, empty.Damaged
		if diff := cmp.Diff(empty, left); diff != "" {
			t.Errorf("%q: %q taken away: want nothing left (-want +got)\n%s", key, value, diff)
		}
	})
}
