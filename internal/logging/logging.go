// Package logging sets up log/slog: tint for people, JSON for machines. It is
// the one home of tint.
package logging

import (
	"encoding"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/lmittmann/tint"

	"gatehouse/internal/terminal"
)

// Format says how log lines look.
type Format string

// The formats. Auto is Text on a terminal and JSON elsewhere.
const (
	Auto Format = "auto"
	Text Format = "text"
	JSON Format = "json"
)

// ParseFormat reads --log-format.
func ParseFormat(s string) (Format, error) {
	switch f := Format(strings.ToLower(s)); f {
	case Auto, Text, JSON:
		return f, nil
	}
	return "", fmt.Errorf("unknown log format %q: use auto, text or json", s)
}

// ParseLevel reads --log-level.
func ParseLevel(s string) (slog.Level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(s)); err != nil {
		return 0, fmt.Errorf("unknown log level %q: use debug, info, warn or error", s)
	}
	return l, nil
}

// Options say what a logger writes.
type Options struct {
	Format Format
	Level  slog.Level
	// Terminal means that people read the log as it is written.
	Terminal bool
	// Colors are for Text only.
	Colors bool
}

// New makes the program's logger. It writes each line to w by one Write. No text
// of an attribute, nor a message, reaches w with a character that a terminal could act on.
func New(w io.Writer, o Options) *slog.Logger {
	if o.Format == JSON || o.Format == Auto && !o.Terminal {
		return slog.New(slog.NewJSONHandler(harmless{w}, &slog.HandlerOptions{Level: o.Level, ReplaceAttr: durations}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{
		Level: o.Level, TimeFormat: "15:04:05.000", NoColor: !o.Colors, ReplaceAttr: visible,
	}))
}

// harmless escapes what JSON lets through in strings and a terminal could act on.
type harmless struct{ w io.Writer }

func (h harmless) Write(line []byte) (int, error) {
	if _, err := io.WriteString(h.w, terminal.JSON(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}

// visible makes the text of an attribute visible before tint writes it: tint
// lets escape sequences through where there are colors, even those that it had to
// write as \x1b, and drops them where there are none.
func visible(_ []string, a slog.Attr) slog.Attr {
	if kind := a.Value.Kind(); kind == slog.KindString || kind == slog.KindAny {
		switch v := a.Value.Any().(type) {
		case slog.Level, *slog.Source, nil:
		case string:
			a.Value = slog.StringValue(shown(v))
		default:
			a.Value = slog.StringValue(shown(textOf(v)))
		}
	}
	a.Key = shown(a.Key)
	return a
}

func shown(s string) string {
	return strings.ReplaceAll(terminal.Line(s), `\x1b`, `\u001b`)
}

// textOf is what tint would write for a value.
func textOf(v any) string {
	if m, ok := v.(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil {
			return string(text)
		}
	}
	return fmt.Sprintf("%+v", v)
}

// durations writes a duration as people do ("1.5s"): JSON would show
// nanoseconds without saying so.
func durations(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}
