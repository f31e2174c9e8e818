package gate

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/internal/front/relay"
)

// executeTool runs a tool of a server, or a method of MCP that is one here.
func (g *Gate) executeTool(ctx context.Context, c *call) (relay.Result, error) {
	c.Timeout = time.Duration(min(c.args.timeoutMS, maxTimeoutMS)) * time.Millisecond
	c.TimeoutName = "timeout_ms"
	if m := methodNamed(c.args.tool); m != nil {
		if run, err := g.isMethod(ctx, c, m); run || err != nil {
			return g.runMethod(ctx, c, m, err)
		}
	}
	c.Tool, c.Args = c.args.tool, c.args.args
	if c.Args == nil {
		c.Args = json.RawMessage("{}")
	}
	err := c.Run(ctx, g.router)
	return c.Result, err
}

// maxTimeoutMS is longer than any call_timeout_ms can be set to.
const maxTimeoutMS = 365 * 24 * 60 * 60 * 1000
