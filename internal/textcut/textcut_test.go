package textcut_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/internal/textcut"
)

func TestTo_cutsBetweenCodePoints(t *testing.T) {
	for _, c := range []struct {
		s     string
		limit int
		want  string
	}{
		{"", 0, ""},
		{"abc", 3, "abc"},
		{"abc", 2, "ab"},
		{"abc", 0, ""},
		{"abc", -1, ""},
		{"aé", 2, "a"},
		{"aé", 3, "aé"},
		{"日本", 5, "日"},
		{"日本", 2, ""},
		{"a😀", 4, "a"},
		{"\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80\x80"},
		{"a\xff\xffb", 3, "a\xff\xff"},
	} {
		if got := textcut.To(c.s, c.limit); got != c.want {
			t.Errorf("To(%q, %d): got %q, want %q", c.s, c.limit, got, c.want)
		}
	}
}

func TestMarked_countsTheMark(t *testing.T) {
	for _, c := range []struct {
		s     string
		limit int
		want  string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdef", 5, "ab…"},
		{"abédef", 6, "ab…"},
		{"abcdef", 3, "…"},
		{"abcdef", 2, ""},
		{"abcdef", -1, ""},
	} {
		if got := textcut.Marked(c.s, c.limit); got != c.want {
			t.Errorf("Marked(%q, %d): got %q, want %q", c.s, c.limit, got, c.want)
		}
	}
}

func TestCharacters_countsCodePoints(t *testing.T) {
	for _, c := range []struct {
		s     string
		limit int
		want  string
	}{
		{"日本語", 3, "日本語"},
		{"日本語", 2, "日…"},
		{"日本語", 1, "…"},
		{"日本語", 0, ""},
		{"日本語", -1, ""},
		{"ab", 9, "ab"},
		{"", 0, ""},
	} {
		if got := textcut.Characters(c.s, c.limit); got != c.want {
			t.Errorf("Characters(%q, %d): got %q, want %q", c.s, c.limit, got, c.want)
		}
	}
}

// FuzzCut holds what each caller relies on: a text that is UTF-8 stays UTF-8, a
// beginning of what it was, no longer than the limit, and no shorter than need
// be.
func FuzzCut(f *testing.F) {
	for _, s := range []string{"", "plain", "é", "日本語", "a😀b", "\xff\x80", "e\u0301\u0301", "\U0010ffff", strings.Repeat("😀", 50)} {
		for _, limit := range []int{-1, 0, 1, 2, 3, 4, 5, 127, 128} {
			f.Add(s, limit)
		}
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		room := max(limit, 0)
		to, marked, few := textcut.To(s, limit), textcut.Marked(s, limit), textcut.Characters(s, limit)
		if len(to) > room || !strings.HasPrefix(s, to) {
			t.Errorf("To(%q, %d): got %q, want at most %d bytes of its beginning", s, limit, to, room)
		}
		if len(to) < len(s) && len(to) <= room-utf8.UTFMax {
			t.Errorf("To(%q, %d): got %d bytes, want more than %d", s, limit, len(to), room-utf8.UTFMax)
		}
		if beginning := strings.TrimSuffix(marked, textcut.Mark); len(marked) > room || !strings.HasPrefix(s, beginning) {
			t.Errorf("Marked(%q, %d): got %q, want at most %d bytes", s, limit, marked, room)
		}
		if n := utf8.RuneCountInString(few); n > room || n < min(room, utf8.RuneCountInString(s)) {
			t.Errorf("Characters(%q, %d): got %d characters of %q, want as many as fit", s, limit, n, few)
		}
		if end := textcut.End([]byte(s), limit); end > room || end > len(s) {
			t.Errorf("End(%q, %d): got %d, want at most the limit and the end", s, limit, end)
		}
		for name, got := range map[string]string{"To": to, "Marked": marked, "Characters": few} {
			if utf8.ValidString(s) && !utf8.ValidString(got) {
				t.Errorf("%s(%q, %d): got %q, want UTF-8", name, s, limit, got)
			}
		}
	})
}
