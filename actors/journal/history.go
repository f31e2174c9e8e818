package journal

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/plural"
	"gatehouse/internal/textcut"
	"gatehouse/messages"
)

// The limits of what is remembered of servers.
const (
	maxHistories = 2048 // servers; the one that has been quiet longest is forgotten
	maxEvents    = 30   // of one server
	maxCrashes   = 5    // likewise
	maxOutput    = 20   // lines of one server
	maxText      = 1000 // bytes of one event's details, or of one line
)

// Happening is an event in the life of a server.
type Happening struct {
	At  time.Time
	Run uint64
	// Event is the event's text, such as "server crashed".
	Event string
	// Details are its other attributes, "reason" without its key. They hold no
	// secrets.
	Details string
}

// Output is a line that a server wrote where no protocol is spoken, redacted.
type Output struct {
	At   time.Time
	Run  uint64
	Junk bool // written on stdout; else on stderr
	Line string
}

// history is what is remembered of one server, the oldest first.
type history struct {
	last    time.Time
	began   time.Time // the latest run
	events  []Happening
	output  []Output
	crashes []Crash
}

// Crash is a run that ended by itself, and the calls that it was running. It
// holds no secrets.
type Crash struct {
	At     time.Time
	Run    uint64
	Phase  endpoint.Phase
	Reason string
	Calls  endpoint.Calls
	Stderr []string // its last lines
}

// Crashes returns the last crashes of a server, the oldest first. It does not
// block.
func (m *Memory) Crashes(server string) []Crash {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.histories[server]
	if !ok {
		return nil
	}
	return slices.Clone(h.crashes)
}

// Moments returns when the latest run of a server began and when a run last ended
// by itself; zero if none has. It does not block.
func (m *Memory) Moments(server string) (began, crashed time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.histories[server]
	if !ok {
		return time.Time{}, time.Time{}
	}
	if n := len(h.crashes); n > 0 {
		crashed = h.crashes[n-1].At
	}
	return h.began, crashed
}

// crashed notes a crash. The caller holds the lock.
func (m *Memory) crashed(now time.Time, e *endpoint.Exit) {
	h := m.historyOf(e.Server, now)
	crash := Crash{At: now, Run: e.Run, Phase: e.Phase, Reason: textcut.Marked(e.Reason, maxText), Calls: e.Calls}
	for _, line := range e.Stderr[max(0, len(e.Stderr)-maxOutput):] {
		crash.Stderr = append(crash.Stderr, textcut.Marked(line, maxText))
	}
	h.crashes = appendLast(h.crashes, crash, maxCrashes)
}

// History returns the last events of a server and the last lines that it wrote,
// each the oldest first. It does not block.
func (m *Memory) History(server string) ([]Happening, []Output) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.histories[server]
	if !ok {
		return nil, nil
	}
	return slices.Clone(h.events), slices.Clone(h.output)
}

// remember notes an event that is about a server.
func (m *Memory) remember(now time.Time, e messages.Event) {
	switch e := e.(type) {
	case messages.ServerSaid:
		m.wrote(e.Server, Output{now, e.Run, false, textcut.Marked(e.Line, maxText)})
	case messages.ServerJunk:
		m.wrote(e.Server, Output{now, e.Run, true, textcut.Marked(e.Line, maxText)})
	default:
		if server, happened := happening(e); server != "" && !routine(e) {
			happened.At = now
			h := m.historyOf(server, now)
			h.events = appendLast(h.events, happened, maxEvents)
		}
	}
}

// routine reports whether an event says nothing about how a server does.
func routine(e messages.Event) bool {
	listed, ok := e.(messages.ToolsListed)
	return ok && listed.Level() <= slog.LevelDebug
}

func (m *Memory) wrote(server string, line Output) {
	h := m.historyOf(server, line.At)
	h.output = appendLast(h.output, line, maxOutput)
}

func (m *Memory) historyOf(server string, now time.Time) *history {
	h, ok := m.histories[server]
	if !ok {
		h = &history{}
		m.histories[server] = h
		if len(m.histories) > maxHistories {
			m.forgetQuietest(server)
		}
	}
	h.last = now
	return h
}

// forgetQuietest makes room for a server that was just added.
func (m *Memory) forgetQuietest(but string) {
	quietest := ""
	for name, h := range m.histories {
		if name != but && (quietest == "" || h.last.Before(m.histories[quietest].last)) {
			quietest = name
		}
	}
	delete(m.histories, quietest)
	delete(m.failures, quietest) // Each of them is in a history.
}

// happening reads which server an event is about, and what it says.
func happening(e messages.Event) (server string, h Happening) {
	h.Event = e.Text()
	var details []string
	for _, a := range e.Attrs() {
		switch a.Key {
		case "server":
			server = a.Value.String()
		case "run":
			h.Run = a.Value.Uint64()
		case "stderr", "calls", "generation", "phase": // Shown elsewhere, or to no use.
		case "in_flight":
			if n := a.Value.Int64(); n > 0 {
				details = append(details, plural.Of(n, "call")+" in flight")
			}
		case "reason":
			if _, after := e.(messages.ServerBackingOff); after {
				continue // The crash before it says it.
			}
			details = slices.Insert(details, 0, a.Value.String())
		default:
			details = append(details, a.Key+"="+a.Value.String())
		}
	}
	h.Details = textcut.Marked(strings.Join(slices.DeleteFunc(details, func(s string) bool { return s == "" }), " "), maxText)
	return server, h
}

func appendLast[T any](list []T, item T, limit int) []T {
	if len(list) >= limit {
		list = slices.Delete(list, 0, len(list)-limit+1)
	}
	return append(list, item)
}
