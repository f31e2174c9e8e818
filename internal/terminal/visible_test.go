package terminal_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/terminal"
)

func TestLine_showsWhatATerminalWouldActOn(t *testing.T) {
	for in, want := range map[string]string{
		"a käse 🧀 日本 b ❤️":          "a käse 🧀 日本 b ❤️",
		"a\x1b[31mb":                `a\x1b[31mb`,
		"a\x07\bb\n\t":              `a\a\bb\n\t`,
		"a\u009b31m":                `a\u009b31m`,
		"a\x9b31m\xc2":              `a\x9b31m\xc2`,
		"a\u202eb\u2066\u200f":      `a\u202eb\u2066\u200f`,
		"a\u061c\u2028\u2029":       `a\u061c\u2028\u2029`,
		"a\u200b\u200d\ufeffb":      `a\u200b\u200d\ufeffb`,
		"a\U000e0041\U000e01efb":    `a\U000e0041\U000e01efb`,
		"a\u3164\u115f\u2800\ufe01": `a\u3164\u115f\u2800\ufe01`,
		"a\ufffdb":                  "a\ufffdb",
		"\x7f":                      `\x7f`,
	} {
		if got := terminal.Line(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got, want := terminal.Lines("a\nb\tc\x1b\r"), "a\nb\tc\\x1b\\r"; got != want {
		t.Errorf("got %q of several lines, want %q", got, want)
	}
}

// Each character there is either shown as itself or made visible.
func TestLine_everyCharacter_isPrintableAfterwards(t *testing.T) {
	for r := rune(0); r <= 0xe1000; r++ {
		if !utf8.ValidRune(r) || 0x32000 < r && r < 0xe0000 { // Nothing but rare letters, and none at all.
			continue
		}
		got := terminal.Line(string(r))
		if got != string(r) && strings.IndexFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			t.Fatalf("%U: got %q, want it in ASCII", r, got)
		}
		if got == string(r) && (unicode.Is(unicode.C, r) || unicode.In(r, unicode.Zl, unicode.Zp)) {
			t.Fatalf("%U: got it as it is, want it made visible", r)
		}
	}
}

func TestJSON_isTheSameValueWithoutWhatATerminalActsOn(t *testing.T) {
	in := "\x1b \u007f \u009b \u202e \U000e0001 \u3164 <ä> 🧀"
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(in); err != nil {
		t.Fatal(err)
	}
	got := terminal.JSON(b.String())
	var out string
	if err := json.Unmarshal([]byte(got), &out); err != nil || out != in {
		t.Errorf("got %q, %v, want %q", out, err, in)
	}
	if want := `"\u001b \u007f \u009b \u202e \udb40\udc01 \u3164 <ä> 🧀"` + "\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOutput_showsWhateverIsWritten(t *testing.T) {
	var b bytes.Buffer
	out := terminal.Safe(&b)
	text := "one\x1b[2J\ntwo\t\xff\n"
	if n, err := out.Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("got %d, %v, want all %d bytes taken", n, err, len(text))
	}
	if got, want := b.String(), "one\\x1b[2J\ntwo\t\\xff\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if terminal.Raw(out) != &b || terminal.Raw(&b) != &b {
		t.Error("got another writer, want the one behind it")
	}
}

func TestDraw_letsOurOwnSequencesThroughAndNoOthers(t *testing.T) {
	var b bytes.Buffer
	if err := terminal.Draw(terminal.Safe(&b), "\x1b[2J\x1b[H\x1b[31mred\x1b[0m \x1b]0;t\x07\x1b[5A\u202e\x1b[K\n"); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "\x1b[2J\x1b[H\x1b[31mred\x1b[0m \\x1b]0;t\\a\\x1b[5A\\u202e\x1b[K\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzLines(f *testing.F) {
	f.Add("a\x1b[31m\xff\u202e\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := terminal.Lines(s)
		if !utf8.ValidString(got) || terminal.Lines(got) != got {
			t.Errorf("got %q of %q, want what needs no more", got, s)
		}
	})
}
