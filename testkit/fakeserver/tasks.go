package main

import (
	"encoding/json"
	"fmt"
	"slices"
)

// extensionTasks is how 2026-07-28 has tasks.
const extensionTasks = "io.modelcontextprotocol/tasks"

// taskTimes are when each task was made.
const taskTimes = `"createdAt":"2026-01-01T00:00:00Z","lastUpdatedAt":"2026-01-01T00:00:01Z"`

// taskTools are the tools that only a server with --tasks has.
func taskTools() []tool {
	return []tool{
		{"promise", "Answers with a task if it may, and says how it stands.", object, promise},
		{"settle", "Says of the task name that it is completed, to those who want to hear.", object, settle},
	}
}

// taskCapabilities adds what --tasks declares.
func (s *server) taskCapabilities(c map[string]any) map[string]any {
	if s.opt.tasks {
		c["tasks"] = map[string]any{"requests": map[string]any{"tools": map[string]any{"call": map[string]any{}}}}
		c["extensions"] = map[string]any{extensionTasks: map[string]any{}}
	}
	return c
}

func promise(c *call) []byte {
	var params struct{ Task json.RawMessage }
	_ = json.Unmarshal(c.params, &params) // Bad params ask for nothing.
	var capabilities struct{ Extensions map[string]json.RawMessage }
	_ = json.Unmarshal(c.meta[metaCapabilities], &capabilities) // None are none.
	c.s.mu.Lock()
	c.s.promised++
	id := fmt.Sprintf("task-%d", c.s.promised)
	c.s.mu.Unlock()
	switch {
	case params.Task != nil:
		c.s.sayOfTask(id, "working")
		return fmt.Appendf(nil, `{"task":{"taskId":%q,"status":"working",%s,"ttl":null}}`, id, taskTimes)
	case capabilities.Extensions[extensionTasks] != nil:
		return fmt.Appendf(nil, `{"resultType":"task","taskId":%q,"status":"working",%s,"ttlMs":null}`, id, taskTimes)
	}
	return c.result("at once", nil)
}

func settle(c *call) []byte {
	c.s.sayOfTask(c.args.Name, "completed")
	return c.result("said", nil)
}

// sayOfTask says how it stands with a task: to everyone before 2026-07-28, and in that to
// those who have asked.
func (s *server) sayOfTask(id, status string) {
	if s.opt.era != eraStateless {
		s.tell(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":%q,"status":%q,%s,"ttl":null}}`, id, status, taskTimes))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subscribers {
		if slices.Contains(sub.tasks, id) {
			sub.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":%q,"status":%q,%s,"ttlMs":null,"_meta":{%q:%s}}}`,
				id, status, taskTimes, metaSubscription, sub.id))
		}
	}
}
