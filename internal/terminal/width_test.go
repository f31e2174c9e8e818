package terminal_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/internal/terminal"
)

func TestWidth_countsColumns(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "é": 1, "e\u0301": 1, "日本": 4, "🧀": 2, "…": 1} {
		if got := terminal.Width(s); got != want {
			t.Errorf("%q: got %d, want %d", s, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in      string
		columns int
		want    string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"日本語", 4, "日…"},
		{"日本語", 5, "日本…"},
		{"abc", 1, "…"},
		{"abc", 0, ""},
		{"", 0, ""},
	} {
		if got := terminal.Cut(c.in, c.columns); got != c.want {
			t.Errorf("%q in %d columns: got %q, want %q", c.in, c.columns, got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in      string
		columns int
		want    []string
	}{
		{"one two three", 0, []string{"one two three"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 8, []string{"one two", "three"}},
		{"abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"日本語", 4, []string{"日本", "語"}},
		{"日本", 1, []string{"日", "本"}},
		{"a  b", 2, []string{"a", "b"}},
	} {
		if got := terminal.Wrap(c.in, c.columns); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d columns: got %q, want %q", c.in, c.columns, got, c.want)
		}
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("one two three", 5)
	f.Add("日本語 ￿ \xff", 2)
	f.Fuzz(func(t *testing.T, s string, columns int) {
		columns = max(2, columns%200)
		for _, line := range terminal.Wrap(s, columns) {
			if terminal.Width(line) > columns {
				t.Errorf("got a line of %d columns, want %d at most: %q", terminal.Width(line), columns, line)
			}
		}
		all := strings.Join(terminal.Wrap(s, columns), "")
		if strings.ReplaceAll(all, " ", "") != strings.ReplaceAll(s, " ", "") && utf8.ValidString(s) {
			t.Errorf("got %q of %q, want all of it but spaces", all, s)
		}
	})
}
