package agents

import (
	"context"
	"encoding/json"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
)

// asker has the call's client asked on its stream, or in 2026-07-28 by answers to its
// calls of tools; nil where it cannot be asked.
func (c *call) asker(r toolRequest) endpoint.Asker {
	switch {
	case c.asks == nil, r.stateless && r.method != "":
		return nil
	case r.stateless:
		return (*inRounds)(c)
	}
	return c
}

// Ask implements endpoint.Asker.
func (c *call) Ask(ctx context.Context, method string, params json.RawMessage) (endpoint.Response, error) {
	return c.asks.ask(ctx, method, params, c.tell)
}

// Tell implements endpoint.Asker.
func (c *call) Tell(method string, params json.RawMessage) (send func(ctx context.Context)) {
	if q := c.queue(); q != nil {
		q.add(jsonrpc.AppendNotification(nil, method, params), maxNotices)
		return nil
	}
	return c.asks.Tell(method, params)
}

// queue is what sends notifications of the call before its answer, begun if need be; nil
// if the call has no stream, or no longer.
func (c *call) queue() *progress {
	c.queueing.Lock()
	defer c.queueing.Unlock()
	if c.told || c.notify == nil {
		return nil
	}
	if c.progress == nil {
		c.progress = startProgress(nil, c.budget, c.notify)
	}
	return c.progress
}

// finishQueue sends what is queued, or drops it, and ends the queue.
func (c *call) finishQueue(drop bool) {
	c.queueing.Lock()
	c.told = true
	q := c.progress
	c.queueing.Unlock()
	q.finish(drop)
}

// tell sends a message on the call's stream, and reports whether there is one. It may
// block on a slow client.
func (c *call) tell(body []byte) bool {
	return c.notify != nil && c.whileItRuns(func() { c.notify(body) })
}

// whileItRuns uses the call's stream, unless that is another's now.
func (c *call) whileItRuns(do func()) bool {
	c.asking.Lock()
	defer c.asking.Unlock()
	if c.over {
		return false
	}
	do()
	return true
}

// hangUp ends the use of the call's stream: its answer is about to be sent.
func (c *call) hangUp() {
	c.asking.Lock()
	defer c.asking.Unlock()
	c.over = true
}
