package surface

import (
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
func (v *visit) callTool(server, tool string) ([]byte, *agents.Error) {
	switch {
	case tool == "" || len(tool) > maxNameBytes:
		return v.refuse("params.name must be the name of a tool")
	case v.r.Args != nil && rawjson.First(v.r.Args) != '{':
		return v.refuse("params.arguments must be an object")
	}
	return v.runTool(server, tool, true, nil)
}

// runTool runs a tool. bare has the server's JSON-RPC errors pass as such; wrong,
// unless nil, is why it is not run.
func (v *visit) runTool(server, tool string, bare bool, wrong *front.Failure) ([]byte, *agents.Error) {
	c := calls.Get().(*relay.Call)
	c.Sent, c.Dst, c.Tool, c.Args, c.Bare = v.r.ToolCall, v.dst, tool, v.r.Args, bare
	v.begin(&c.Call, server, &tools, tool)
	defer func() {
		v.Router.Finish(&c.Call)
		*c = relay.Call{}
		calls.Put(c)
	}()
	if bare && wrong == nil {
		c.Extensions = v.extensions(false)
		var held *offer
		held, wrong = v.offerTasks(c)
		defer held.close()
	}
	if wrong != nil {
		return c.Finish(refused(c.End(wrong)), false), nil
	}
	if err := c.Run(v.ctx, v.Router); err != nil {
		return c.Finish(refused(c.End(err)), false), nil
	}
	if c.RPC != nil {
		_ = c.End(nil)
		return v.dst, passed(c.RPC)
	}
	answer := c.Finish(c.Result, true)
	_ = c.End(nil)
	return answer, nil
}

var _ front.Operation = (*relay.Call)(nil)
