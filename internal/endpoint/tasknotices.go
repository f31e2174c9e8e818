package endpoint

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"gatehouse/internal/rawjson"
)

// What is kept of what a server says of tasks that nobody knows yet: it may be faster
// than whoever reads its answer.
const (
	maxEarly      = 16
	maxEarlyBytes = 16 << 10 // of one
	earlyFor      = 10 * time.Second
)

// early is something that was said of a task.
type early struct {
	id     string
	params json.RawMessage
	at     time.Time
}

// SubscribeTask has hear called with the params of whatever the server says unasked of
// a task, by the server's id: not with locks held, and it must neither block nor keep
// them. A server of before 2026-07-28 need not be asked for that: what it has said
// already comes once Begin is called. The subscription is as one to a resource
// otherwise.
func (n *Notices) SubscribeTask(id string, hear func(params json.RawMessage)) (*Subscription, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.subscribe(Topic{Name: id, Task: true}, func(_ string, params json.RawMessage) { hear(params) })
}

// Begin has the subscription to a task hear what was said before there was one.
func (s *Subscription) Begin() {
	var said []json.RawMessage
	s.of.mu.Lock()
	s.of.early = slices.DeleteFunc(s.of.early, func(e early) bool {
		if e.id != s.topic.Name {
			return false
		}
		if time.Since(e.at) < earlyFor {
			said = append(said, e.params)
		}
		return true
	})
	s.of.mu.Unlock()
	for _, params := range said {
		s.hear(s.topic.Name, params)
	}
}

// taskSaid tells those who want to hear of a task. keep has it wait for them if there
// are none.
func (n *Notices) taskSaid(params json.RawMessage, keep bool) {
	id := rawjson.Text(rawjson.Get(params, "taskId"))
	if id == "" {
		return
	}
	var told []*Subscription
	n.mu.Lock()
	switch t := n.topics[Topic{Name: id, Task: true}]; {
	case t != nil:
		told = keys(t.subscribers)
	case keep && len(params) <= maxEarlyBytes:
		if len(n.early) >= maxEarly {
			n.early = slices.Delete(n.early, 0, 1)
		}
		n.early = append(n.early, early{id, bytes.Clone(params), time.Now()})
	}
	n.mu.Unlock()
	for _, s := range told {
		s.hear(id, params)
	}
}
