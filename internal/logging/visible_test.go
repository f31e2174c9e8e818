package logging_test

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/internal/logging"
	"gatehouse/internal/terminal"
)

// nasty is what a terminal would act on, also in the form from which tint makes
// an escape sequence.
const nasty = "a\x1b[2Jb\x9bc\u009bd\u202ee\u2066f\u200bg\u2028h\x7fi\rj\nk\U000e0041l\u061cm\\x1b[31mn\ufe01o"

type stringer struct{ s string }

func (s stringer) MarshalText() ([]byte, error) { return []byte(s.s), nil }

func TestNew_noTextOfUnknownOrigin_actsOnATerminal(t *testing.T) {
	for _, o := range []logging.Options{
		{Format: logging.Text}, {Format: logging.Text, Colors: true}, {Format: logging.JSON}, {Format: logging.Auto, Terminal: true, Colors: true},
	} {
		var out bytes.Buffer
		log := logging.New(&out, o).With(slog.String("with", nasty)).WithGroup("g")
		log.Info(nasty, slog.String("text", nasty), slog.Any("err", errors.New(nasty)), slog.Any("list", []string{nasty}),
			slog.Any("bytes", []byte(nasty)), slog.Any("text_of", stringer{nasty}), slog.Group("in", slog.String("deep", nasty)), slog.String(nasty, "key"),
			slog.Any("nothing", nil))
		got := out.String()
		if !utf8.ValidString(got) || strings.Count(got, "\n") != 1 {
			t.Errorf("%+v: got %q, want one line of UTF-8", o, got)
		}
		rest := tints.ReplaceAllString(strings.TrimSuffix(got, "\n"), "")
		if terminal.Line(rest) != rest {
			t.Errorf("%+v: got %q, want nothing that a terminal acts on", o, rest)
		}
		if n := strings.Count(rest, "u202e"); n < 6 {
			t.Errorf("%+v: got %d of the marks made visible in %q, want each", o, n, rest)
		}
	}
}

// tints are the sequences by which tint colors words.
var tints = regexp.MustCompile("\x1b\\[(2|22|0|2;\\d+|9\\d)?m")
