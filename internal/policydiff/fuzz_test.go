package policydiff_test

import (
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policydiff"
	"gatehouse/testkit/problemtest"
)

// FuzzParseToolLists reads any file of tools: lists or errors, not both, and
// each problem at a place in the file.
func FuzzParseToolLists(f *testing.F) {
	f.Add([]byte(`{"db": ["query", {"name": "list"}], "web": {"tools": []}}`))
	f.Add([]byte(`{"servers": [{"server": "db", "tools": [{"name": 5}]}]}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		lists, problems := policydiff.ParseToolLists("tools.json", src)
		if jsondoc.HasErrors(problems) != (lists == nil) {
			t.Errorf("got lists %v with %v, want lists or errors", lists, problems)
		}
		for _, p := range problems {
			problemtest.InsideFile(t, src, p)
		}
	})
}
