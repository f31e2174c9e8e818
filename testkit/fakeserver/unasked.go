package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// levels are those of log messages, the most verbose first.
var levels = []string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}

// heed does what a client of a revision with a handshake asks for.
func (s *server) heed(m message) []byte {
	var params struct{ URI, Level string }
	_ = json.Unmarshal(m.Params, &params) // Bad params ask for nothing.
	s.mu.Lock()
	defer s.mu.Unlock()
	switch m.Method {
	case "resources/subscribe":
		s.wanted[params.URI] = true
	case "resources/unsubscribe":
		delete(s.wanted, params.URI)
	case "logging/setLevel":
		s.level = slices.Index(levels, params.Level)
	}
	return []byte(`{}`)
}

// subscriptions are the resources and the tasks that a subscription of 2026-07-28 asks for.
func subscriptions(m message) (uris, tasks []string) {
	var params struct {
		Notifications struct{ ResourceSubscriptions, TaskIDs []string }
	}
	_ = json.Unmarshal(m.Params, &params) // Bad params ask for nothing.
	return params.Notifications.ResourceSubscriptions, params.Notifications.TaskIDs
}

// touch says that a resource was updated.
func touch(c *call) []byte {
	uri := c.args.Name
	c.s.mu.Lock()
	wanted := c.s.wanted[uri]
	var told []*subscriber
	for _, sub := range c.s.subscribers {
		if slices.Contains(sub.uris, uri) {
			told = append(told, sub)
		}
	}
	c.s.mu.Unlock()
	if wanted {
		c.s.tell(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":%s}}`, marshal(uri)))
	}
	for _, sub := range told {
		sub.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":%s,"_meta":{%q:%s}}}`, marshal(uri), metaSubscription, sub.id))
	}
	return c.result(fmt.Sprint(wanted, len(told)), nil)
}

// logMessage says something to those who want such messages.
func logMessage(c *call) []byte {
	level := c.args.Kind
	msg := fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":%s,"logger":"fake","data":%s}}`, marshal(level), marshal(c.args.Message))
	severity := slices.Index(levels, level)
	var asked string
	_ = json.Unmarshal(c.meta[metaLogLevel], &asked) // Without it nothing is asked for.
	c.s.mu.Lock()
	wanted := severity >= c.s.level
	c.s.mu.Unlock()
	switch _, stateless := c.meta[metaVersion]; {
	case stateless && asked != "" && severity >= slices.Index(levels, asked):
		c.p.send(msg)
	case stateless, !wanted:
		return c.result("nobody wants it", nil)
	case c.args.Silent:
		c.s.tell(msg)
	default:
		c.p.send(msg)
	}
	return c.result("said", nil)
}

// listens adds a listener. The caller holds the server's mutex.
func (s *server) listens(p peer) {
	s.listeners[p] = struct{}{}
	s.hears.Do(func() { close(s.heard) })
}

// firstListener is how long after the handshake somebody may begin to listen: calls may
// come before the stream.
const firstListener = 10 * time.Second

// tell sends a message to everyone who listens, once somebody does.
func (s *server) tell(msg []byte) {
	s.mu.Lock()
	left := time.Until(s.greeted.Add(firstListener))
	s.mu.Unlock()
	select {
	case <-s.heard:
	case <-time.After(left):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.listeners {
		p.send(msg)
	}
}
