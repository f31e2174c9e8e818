package agents

import (
	"context"
	"encoding/json"

	"gatehouse/internal/endpoint"
)

// asker has the call's client asked on its stream; nil where it cannot be asked, as in
// 2026-07-28, where servers ask in their results.
func (c *call) asker(r toolRequest) endpoint.Asker {
	if c.asks == nil || r.stateless {
		return nil
	}
	return c
}

// Ask implements endpoint.Asker.
func (c *call) Ask(ctx context.Context, method string, params json.RawMessage) (endpoint.Response, error) {
	return c.asks.ask(ctx, method, params, c.tell)
}

// tell sends a message on the call's stream, and reports whether there is one. It may
// block on a slow client.
func (c *call) tell(body []byte) bool {
	c.asking.Lock()
	defer c.asking.Unlock()
	if c.over || c.notify == nil {
		return false
	}
	c.notify(body)
	return true
}

// hangUp ends the use of the call's stream: its answer is about to be sent.
func (c *call) hangUp() {
	c.asking.Lock()
	defer c.asking.Unlock()
	c.over = true
}
