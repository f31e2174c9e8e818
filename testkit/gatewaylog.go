package testkit

import (
	"testing"
	"time"
)

// Await waits for a log line with this message and these attributes (key,
// value, ...), from the start of the log on.
func (g *Gateway) Await(t testing.TB, msg string, attrs ...any) Line {
	t.Helper()
	return g.AwaitFrom(t, 0, msg, attrs...)
}

// AwaitFrom is Await among the lines from a mark (Log.Len) on.
func (g *Gateway) AwaitFrom(t testing.TB, mark int, msg string, attrs ...any) Line {
	t.Helper()
	line, ok := g.tryAwait(mark, func(l Line) bool { return l.is(msg, attrs) })
	if !ok {
		g.autopsy(t, "the gateway has not logged %q %v", msg, attrs)
		t.FailNow()
	}
	return line
}

// AwaitLine is AwaitFrom with a condition of the caller's.
func (g *Gateway) AwaitLine(t testing.TB, mark int, what string, ok func(Line) bool) Line {
	t.Helper()
	line, found := g.tryAwait(mark, ok)
	if !found {
		g.autopsy(t, "the gateway has not logged %s", what)
		t.FailNow()
	}
	return line
}

func (g *Gateway) tryAwait(mark int, ok func(Line) bool) (Line, bool) {
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	for {
		lines, ended, more := g.Log.since(mark)
		for _, l := range lines {
			if ok(l) {
				return l, true
			}
		}
		if ended {
			return Line{}, false
		}
		mark += len(lines)
		select {
		case <-more:
		case <-deadline.C:
			return Line{}, false
		}
	}
}

// Count is the number of lines so far, from a mark on, with this message and
// these attributes.
func (g *Gateway) Count(mark int, msg string, attrs ...any) int {
	lines, _, _ := g.Log.since(mark)
	n := 0
	for _, l := range lines {
		if l.is(msg, attrs) {
			n++
		}
	}
	return n
}

// Apply writes a file atomically and waits until it has been applied; it gives
// the line that says so.
func (g *Gateway) Apply(t testing.TB, path, content string) Line {
	t.Helper()
	mark := g.Log.Len()
	WriteAtomic(t, path, content)
	return g.AwaitFrom(t, mark, "config applied", "role", g.role(path))
}

// Reject writes a file atomically and waits until it has been rejected; it
// gives the line that says so.
func (g *Gateway) Reject(t testing.TB, path, content string) Line {
	t.Helper()
	mark := g.Log.Len()
	WriteAtomic(t, path, content)
	return g.AwaitFrom(t, mark, "config rejected", "role", g.role(path))
}

func (g *Gateway) role(path string) string {
	if path == g.RulesFile {
		return "rules"
	}
	return "servers"
}
