package surface

import (
	"context"

	"gatehouse/internal/front/relay"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// getPrompt has the server make a prompt.
func (o *One) getPrompt(ctx context.Context, caller agents.Caller, r agents.Request, dst []byte) ([]byte, *agents.Error) {
	raw, args := rawjson.Get(r.Params, "name"), rawjson.Get(r.Params, "arguments")
	name := rawjson.Text(raw)
	switch {
	case rawjson.First(raw) != '"' || name == "" || len(name) > maxNameBytes:
		return dst, rpcError(rpcInvalidParams, "params.name must be the name of a prompt", nil)
	case rawjson.IsNull(args):
		args = nil
	case args != nil && rawjson.First(args) != '{':
		return dst, rpcError(rpcInvalidParams, "params.arguments must be an object", nil)
	}
	return o.forward(ctx, caller, r, dst, passing{
		kind: &prompts, name: name, notThere: rpcInvalidParams,
		members: []relay.Member{{Name: "name", Value: raw}, {Name: "arguments", Value: args}},
	})
}
