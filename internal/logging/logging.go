// Package logging sets up log/slog: tint for people, JSON for machines. It is
// the one home of tint.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/lmittmann/tint"
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

// New makes the program's logger. It writes each line to w by one Write.
func New(w io.Writer, o Options) *slog.Logger {
	if o.Format == JSON || o.Format == Auto && !o.Terminal {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: o.Level, ReplaceAttr: durations}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{Level: o.Level, TimeFormat: "15:04:05.000", NoColor: !o.Colors}))
}

// durations writes a duration as people do ("1.5s"): JSON would show
// nanoseconds without saying so.
func durations(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}
