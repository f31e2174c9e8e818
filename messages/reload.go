package messages

import (
	"log/slog"
	"strings"
	"time"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/resolve"
)

// Outcome says what became of a change of a file.
type Outcome string

// The outcomes of a reload.
const (
	Applied   Outcome = "applied"
	Rejected  Outcome = "rejected"
	Unchanged Outcome = "unchanged"
)

// ConfigReloaded reports what became of one change of one file, or of the
// first load. It is an event and, as data, what `status` shows.
type ConfigReloaded struct {
	Role       FileRole
	File       string
	Trigger    string
	Outcome    Outcome
	Mended     bool   // what was read of the file before was rejected
	Generation uint64 // the one in force after it
	Added      []string
	Removed    []string
	Changed    []resolve.ChangedServer
	Updated    []string // settings or description only: the process goes on
	Problems   []jsondoc.Problem
	Elapsed    time.Duration
}

// Text implements Event.
func (e ConfigReloaded) Text() string { return "config " + string(e.Outcome) }

// Level implements Event.
func (e ConfigReloaded) Level() slog.Level {
	switch e.Outcome {
	case Rejected:
		return slog.LevelError
	case Unchanged:
		return slog.LevelDebug
	case Applied:
	}
	return slog.LevelInfo
}

// Attrs implements Event.
func (e ConfigReloaded) Attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("role", string(e.Role)), slog.String("file", e.File), slog.String("trigger", e.Trigger),
		generation(e.Generation), slog.Duration("elapsed", e.Elapsed),
	}
	if e.Mended {
		attrs = append(attrs, slog.Bool("mended", true))
	}
	attrs = appendNames(attrs, "added", e.Added)
	attrs = appendNames(attrs, "removed", e.Removed)
	changed := make([]string, len(e.Changed))
	for i, c := range e.Changed {
		changed[i] = c.Name + " (" + strings.Join(c.Fields, " ") + ")"
	}
	attrs = appendNames(attrs, "changed", changed)
	attrs = appendNames(attrs, "updated", e.Updated)
	problems := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		problems[i] = string(p.Severity) + " " + p.String()
	}
	return appendNames(attrs, "problems", problems)
}

func appendNames(attrs []slog.Attr, key string, names []string) []slog.Attr {
	if len(names) == 0 {
		return attrs
	}
	return append(attrs, slog.Any(key, names))
}

// ConfigMended: a file that was rejected, or gone, is again what is in force.
type ConfigMended struct {
	Role       FileRole
	File       string
	Generation uint64
}

// Text implements Event.
func (ConfigMended) Text() string { return "config mended" }

// Level implements Event.
func (ConfigMended) Level() slog.Level { return slog.LevelInfo }

// Attrs implements Event.
func (e ConfigMended) Attrs() []slog.Attr {
	return []slog.Attr{slog.String("role", string(e.Role)), slog.String("file", e.File), generation(e.Generation)}
}

// RulesUnreadable: the rules file may have changed and cannot be read. Those in
// force may be out of date.
type RulesUnreadable struct{ File, Reason string }

// Text implements Event.
func (RulesUnreadable) Text() string { return "rules cannot be read" }

// Level implements Event.
func (RulesUnreadable) Level() slog.Level { return slog.LevelError }

// Attrs implements Event.
func (e RulesUnreadable) Attrs() []slog.Attr {
	return []slog.Attr{slog.String("file", e.File), slog.String("reason", e.Reason)}
}

// RulesReadable: the rules file has been read again, and what follows from it is
// in force; or it is gone.
type RulesReadable struct {
	File  string
	After time.Duration // since RulesUnreadable
}

// Text implements Event.
func (RulesReadable) Text() string { return "rules can be read again" }

// Level implements Event.
func (RulesReadable) Level() slog.Level { return slog.LevelInfo }

// Attrs implements Event.
func (e RulesReadable) Attrs() []slog.Attr {
	return []slog.Attr{slog.String("file", e.File), slog.Duration("after", e.After)}
}
