package testkit

import (
	"context"
	"log/slog"
	"slices"
	"sync"
)

// Logged is one log record with its attributes as text; groups are joined to
// the key by dots.
type Logged struct {
	Level slog.Level
	Msg   string
	Attrs map[string]string
}

// Logs collects what a logger writes. The zero value is ready to use, from
// any goroutine.
type Logs struct {
	mu      sync.Mutex
	records []Logged
}

// Handler returns a handler that writes here, of every level.
func (l *Logs) Handler() slog.Handler { return logHandler{to: l} }

// Logger is a logger that writes here.
func (l *Logs) Logger() *slog.Logger { return slog.New(l.Handler()) }

// All returns a copy of the records so far.
func (l *Logs) All() []Logged {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}

// With returns the records with this message.
func (l *Logs) With(msg string) []Logged {
	return slices.DeleteFunc(l.All(), func(r Logged) bool { return r.Msg != msg })
}

type logHandler struct {
	to     *Logs
	prefix string
	attrs  []slog.Attr // keys carry their prefix
}

func (h logHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	out := Logged{Level: r.Level, Msg: r.Message, Attrs: map[string]string{}}
	for _, a := range h.attrs {
		flatten(out.Attrs, "", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		flatten(out.Attrs, h.prefix, a)
		return true
	})
	h.to.mu.Lock()
	defer h.to.mu.Unlock()
	h.to.records = append(h.to.records, out)
	return nil
}

func flatten(into map[string]string, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup {
		if a.Key != "" {
			into[prefix+a.Key] = v.String()
		}
		return
	}
	if a.Key != "" {
		prefix += a.Key + "."
	}
	for _, member := range v.Group() {
		flatten(into, prefix, member)
	}
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.attrs = slices.Clone(h.attrs)
	for _, a := range attrs {
		if h.prefix != "" {
			a = slog.Attr{Key: h.prefix + a.Key, Value: a.Value}
		}
		h.attrs = append(h.attrs, a)
	}
	return h
}

func (h logHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.prefix += name + "."
	}
	return h
}
