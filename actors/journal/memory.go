package journal

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/eventstream"

	"gatehouse/internal/admin"
	"gatehouse/messages"
)

// Memory is what `status` says of the past: the last reloads, the last failure
// of each server, its history, its crashes and its last lines. It hears events where they are published,
// so that no mailbox stands between an event and its being shown; hearing and
// reading take a short lock each.
type Memory struct {
	mu        sync.Mutex
	reloads   []Reload // the oldest first; the last one of each file among them
	failures  map[string]Failure
	draining  map[form]draining
	histories map[string]*history
}

// Reload is a ConfigReloaded and when it came.
type Reload struct {
	At time.Time
	// Good is when a change of the file was last not rejected; zero if all were.
	Good time.Time
	messages.ConfigReloaded
}

// Failure is the last failure of a server; Reason holds no secrets.
type Failure struct {
	At     time.Time
	Reason string
}

// form names a server, or an earlier form of it, by the serial of its plan.
type form struct {
	server string
	serial uint64
}

// draining says of a form whose last calls are ending in which generation it first
// appeared, and since when they are.
type draining struct {
	generation uint64
	since      time.Time
}

// Remember makes a Memory of what is published on the stream from now on,
// until the stream is gone.
func Remember(stream *eventstream.EventStream) *Memory {
	m := &Memory{failures: map[string]Failure{}, draining: map[form]draining{}, histories: map[string]*history{}}
	stream.Subscribe(m.hear)
	return m
}

func (m *Memory) hear(e any) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := e.(messages.Event); ok {
		m.remember(now, e)
	}
	switch e := e.(type) {
	case messages.ConfigReloaded:
		m.reloaded(Reload{At: now, ConfigReloaded: e})
		for _, name := range e.Removed {
			delete(m.failures, name)
			delete(m.histories, name)
		}
	case messages.ServerStarting:
		m.historyOf(e.Server, now).began = now
	case messages.ServerCrashed:
		m.failures[e.Exit.Server] = Failure{now, e.Exit.Reason}
		m.crashed(now, e.Exit)
	case messages.ServerQuarantined:
		m.failures[e.Server] = Failure{now, e.Reason}
	case messages.ServerNeedsAuth:
		m.failures[e.Server] = Failure{now, e.Reason}
	case messages.ServerDraining:
		m.draining[form{e.Server, e.Serial}] = draining{e.Generation, now}
	case messages.ServerStopped:
		delete(m.draining, form{e.Server, e.Serial})
	}
}

// maxReloads limits the reports that are kept: which files entries refer to may
// change without end.
const maxReloads = 256

func (m *Memory) reloaded(r Reload) {
	if r.Role == messages.RoleOperator {
		return
	}
	r.Good = r.At
	if r.Outcome == messages.Rejected {
		r.Good = m.lastGood(r.File)
	}
	m.reloads = append(m.reloads, r)
	if len(m.reloads) > maxReloads {
		m.reloads = slices.Delete(m.reloads, m.superseded(), m.superseded()+1)
	}
}

// lastGood returns when a change of a file was last not rejected.
func (m *Memory) lastGood(file string) time.Time {
	for _, r := range slices.Backward(m.reloads) {
		if r.File == file {
			return r.Good
		}
	}
	return time.Time{}
}

// superseded is the oldest report that is not the last one of its file; the oldest
// of all if each is.
func (m *Memory) superseded() int {
	last := map[string]int{}
	for i, r := range m.reloads {
		last[r.File] = i
	}
	return max(0, slices.IndexFunc(m.reloads, func(r Reload) bool { return !r.At.Equal(m.reloads[last[r.File]].At) }))
}

// Reloads lists the last report of each file, sorted by file.
func (m *Memory) Reloads() []Reload {
	last := map[string]Reload{}
	for _, r := range m.AllReloads() {
		last[r.File] = r
	}
	return slices.SortedFunc(maps.Values(last), func(a, b Reload) int { return strings.Compare(a.File, b.File) })
}

// AllReloads lists the last reports, the oldest first.
func (m *Memory) AllReloads() []Reload {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.reloads)
}

// Failure returns the last failure of a server, if there was one since it was
// last added.
func (m *Memory) Failure(server string) (Failure, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.failures[server]
	return f, ok
}

// Draining lists what is being drained and since when, sorted by server.
func (m *Memory) Draining() []admin.Drain {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []admin.Drain
	for which, d := range m.draining {
		list = append(list, admin.Drain{Server: which.server, Generation: d.generation, Since: d.since})
	}
	slices.SortFunc(list, func(a, b admin.Drain) int {
		return cmp.Or(strings.Compare(a.Server, b.Server), cmp.Compare(a.Generation, b.Generation))
	})
	return list
}
