package gate_test

import (
	"strings"
	"testing"

	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

func TestFirstSentence_standsForADescription(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"One. Two.", "One."},
		{"One", "One"},
		{"Reads v1.2 files, e.g. of today, i.e. now. Then more.", "Reads v1.2 files, e.g. of today, i.e. now."},
		{"What? This.", "What?"},
		{"Number 9. Ten.", "Number 9."},
		{"\n\n  First line\nsecond line.", "First line"},
		{"日本語の文。次の文。", "日本語の文。"},
		{"See https://example.com/a.b for more", "See https://example.com/a.b for more"},
		{strings.Repeat("é", 200), strings.Repeat("é", 38) + "…"},
	} {
		db := up("db", testkit.Hangs).With(func(e *serversfile.Entry) { e.Description = c.text })
		got := newGateWith(t, settings{Pinned: []string{"a"}}, allowAll, db).gate.Introduce(old)
		if _, line, _ := strings.Cut(got, "- db: "); line != c.want {
			t.Errorf("%q: got %q, want %q", c.text, line, c.want)
		}
	}
}
