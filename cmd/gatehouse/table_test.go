package main

import (
	"regexp"
	"testing"
)

func TestTables_haveNoBlanksAtTheEndOfALine(t *testing.T) {
	freshHome(t)
	before, after := written(t, "before.json", explainRules), written(t, "after.json", `{"agents": {"a": {"allow": {"servers": ["db", "x"]}}}}`)
	for _, args := range [][]string{
		{"policy", "diff", after, "--rules", before},
		{"policy", "diff", before, "--rules", after},
		{"explain", "a", "db", "query", "--rules", before},
		{"explain", "nobody", "x", "--rules", before},
	} {
		r := atHome(t, args...)
		if at := regexp.MustCompile(`.*[ \t]\n`).FindString(r.out); at != "" || r.out == "" {
			t.Errorf("%q: got the line %q, want no blanks at its end, in\n%s", args, at, r.out)
		}
	}
}
