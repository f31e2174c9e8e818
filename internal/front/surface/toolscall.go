package surface

import (
	"context"
	"sync"

	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// maxNameBytes is the longest name that is looked for.
const maxNameBytes = 4096

// calls are used again: one is nearly a kilobyte.
var calls = sync.Pool{New: func() any { return new(relay.Call) }}

// callTool runs a tool. What is wrong with the message itself is a JSON-RPC
// error, and so is the server's own; all else is a result.
func (o *One) callTool(ctx context.Context, caller agents.Caller, r agents.Request, dst []byte) ([]byte, *agents.Error) {
	switch {
	case r.Name == "" || len(r.Name) > maxNameBytes:
		return dst, rpcError(rpcInvalidParams, "params.name must be the name of a tool", nil)
	case r.Args != nil && rawjson.First(r.Args) != '{':
		return dst, rpcError(rpcInvalidParams, "params.arguments must be an object", nil)
	}
	c := calls.Get().(*relay.Call)
	c.Sent, c.Dst, c.Tool, c.Args, c.Bare = r.ToolCall, dst, r.Name, r.Args, true
	o.begin(&c.Call, caller, r, &tools, r.Name)
	defer func() {
		o.gateway.Router.Finish(&c.Call)
		*c = relay.Call{}
		calls.Put(c)
	}()
	if err := c.Run(ctx, o.gateway.Router); err != nil {
		return c.Finish(refused(c.End(err)), false), nil
	}
	if c.RPC != nil {
		_ = c.End(nil)
		return dst, passed(c.RPC)
	}
	answer := c.Finish(c.Result, true)
	_ = c.End(nil)
	return answer, nil
}

var _ front.Operation = (*relay.Call)(nil)
