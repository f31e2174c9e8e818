package server

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// lineBurst is how many lines of a server's output are logged in a second;
// what comes faster is counted.
const lineBurst = 50

// hooks makes the functions with which a session reports; done is to be
// called when the run is over.
func (s *server) hooks(c actor.Context, plan messages.ServerPlan) (h Hooks, done func()) {
	root, self, stream := c.ActorSystem().Root, c.Self(), c.ActorSystem().EventStream
	name, run := plan.Name(), s.run.nr
	lines := &lineLimit{dropped: func(n int) {
		stream.Publish(messages.ServerLinesDropped{Server: name, Run: run, Lines: n})
	}}
	h.Stderr = func(line string) {
		if lines.allow(time.Now()) {
			stream.Publish(messages.ServerSaid{Server: name, Run: run, Line: plan.Redact.String(line)})
		}
	}
	h.Junk = func(line string) {
		if lines.allow(time.Now()) {
			stream.Publish(messages.ServerJunk{Server: name, Run: run, Line: plan.Redact.String(line)})
		}
	}
	h.StartedOver = func(reason string) {
		stream.Publish(messages.ServerStartedOver{Server: name, Run: run, Reason: reason})
	}
	h.Renewed = func(reason string) {
		plan.Cell.Notices().Forgotten()
		stream.Publish(messages.ServerSessionRenewed{Server: name, Run: run, Reason: reason})
	}
	h.ToolsChanged = func() { root.Send(self, messages.RefreshTools{Name: name, Cell: plan.Cell}) }
	h.ListChanged = func(l endpoint.List) { root.Send(self, listChanged{ofRun(run), l}) }
	h.Notice = func(method string, params json.RawMessage) {
		if clean := plan.Redact.String(string(params)); json.Valid([]byte(clean)) {
			plan.Cell.Notices().Hear(method, json.RawMessage(clean))
		}
	}
	return h, lines.flush
}

// lineLimit lets lineBurst lines through in each second and counts the rest.
type lineLimit struct {
	mu      sync.Mutex
	second  time.Time
	passed  int
	missed  int
	dropped func(lines int)
}

func (l *lineLimit) allow(now time.Time) bool {
	l.mu.Lock()
	missed := 0
	if now.Sub(l.second) >= time.Second {
		missed, l.second, l.passed, l.missed = l.missed, now, 0, 0
	}
	ok := l.passed < lineBurst
	if ok {
		l.passed++
	} else {
		l.missed++
	}
	l.mu.Unlock()
	if missed > 0 {
		l.dropped(missed)
	}
	return ok
}

// flush reports what was dropped last.
func (l *lineLimit) flush() {
	l.mu.Lock()
	missed := l.missed
	l.missed = 0
	l.mu.Unlock()
	if missed > 0 {
		l.dropped(missed)
	}
}
