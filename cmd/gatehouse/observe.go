package main

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/tally"
	"gatehouse/messages"
)

// observed is what the gateway counts of its calls, for status. It may be used
// from any goroutine.
type observed struct {
	calls   tally.Book // by server
	clients recentNames
}

// outcomes that are not failures, by their word in the audit log.
var goodOutcomes = map[string]tally.Outcome{
	"ok": tally.Good, "input_required": tally.Good, "CANCELLED": tally.Cancelled, "tool_error": tally.ToolError,
}

// elsewhere are outcomes of calls that were kept from their server for a reason that
// is not the server's.
var elsewhere = []string{"SERVER_NOT_FOUND", "RATE_LIMITED", "CALL_BLOCKED"}

// note takes in what the audit log is told of a call.
func (o *observed) note(r audit.Record) {
	if r.Client != operatorClient {
		o.clients.note(r.Client)
	}
	if r.Operation != "execute_tool" || r.Decision != audit.Allow || slices.Contains(elsewhere, r.Outcome) {
		return
	}
	outcome, good := goodOutcomes[r.Outcome]
	if !good {
		outcome = tally.Failed
	}
	o.calls.Of(r.Server).Add(outcome, time.Now(), time.Duration(r.LatencyMS*float64(time.Millisecond)))
}

// forget hears which servers are gone.
func (o *observed) forget(e any) {
	if r, ok := e.(messages.ConfigReloaded); ok && len(r.Removed) > 0 {
		o.calls.Keep(func(name string) bool { return !slices.Contains(r.Removed, name) })
	}
}

// recentNames are the names noted last, each once. Noting the newest again,
// which is what mostly happens, costs one atomic load.
type recentNames struct {
	newest atomic.Pointer[string]
	mu     sync.Mutex
	names  []string // the newest first
}

// maxRecent is how many names are kept.
const maxRecent = 8

func (r *recentNames) note(name string) {
	if name == "" {
		return
	}
	if last := r.newest.Load(); last != nil && *last == name {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	name = strings.Clone(name) // It may be part of something large.
	r.names = slices.DeleteFunc(r.names, func(s string) bool { return s == name })
	r.names = slices.Insert(r.names, 0, name)
	r.names = r.names[:min(len(r.names), maxRecent)]
	r.newest.Store(&name)
}

func (r *recentNames) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.names...)
}
