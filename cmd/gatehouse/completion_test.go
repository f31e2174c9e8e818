package main

import (
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestCompletion_offersServersAndToolsNeverFiles(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t, "--tools", "query"), "files": testkit.Fake(t)})
	pidOf(t, a, "db")
	const noFiles = ":4"
	for _, c := range []struct {
		args    []string
		want    []string
		wantNot string
	}{
		{[]string{"restart", ""}, []string{"db", "files"}, ""},
		{[]string{"status", ""}, []string{"db", "files"}, ""},
		{[]string{"hold", ""}, []string{"db", "files"}, ""},
		{[]string{"release", ""}, []string{"db", "files"}, ""},
		{[]string{"tools", ""}, []string{"db", "files"}, ""},
		{[]string{"logs", "--server", ""}, []string{"db", "files"}, ""},
		{[]string{"call", ""}, []string{"db", "files"}, ""},
		{[]string{"call", "db", ""}, []string{"query"}, "files"},
		{[]string{"restart", "db", ""}, nil, "files"},
		{[]string{"reload", ""}, nil, "files"},
		{[]string{"init", ""}, nil, "files"},
	} {
		r := operate(t, g, append([]string{"__complete"}, c.args...)...)
		for _, want := range append(c.want, noFiles) {
			if !strings.Contains(r.out, want) {
				t.Errorf("%q: nothing offers %q in\n%s", c.args, want, r.out)
			}
		}
		if c.wantNot != "" && strings.Contains(r.out, c.wantNot) {
			t.Errorf("%q: got %q, which must not be in\n%s", c.args, c.wantNot, r.out)
		}
	}
}
