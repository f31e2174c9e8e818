package surface

import (
	"encoding/json"

	"gatehouse/internal/front/relay"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// getPrompt has the server make a prompt.
func (o *One) getPrompt(v visit) ([]byte, *agents.Error) {
	raw := rawjson.Get(v.r.Params, "name")
	return v.makePrompt(o.server, rawjson.Text(raw), raw)
}

// makePrompt has a server make a prompt. raw is its name as the server is sent it.
func (v *visit) makePrompt(server, name string, raw json.RawMessage) ([]byte, *agents.Error) {
	args := rawjson.Get(v.r.Params, "arguments")
	switch {
	case rawjson.First(raw) != '"' || name == "" || len(name) > maxNameBytes:
		return v.refuse("params.name must be the name of a prompt")
	case rawjson.IsNull(args):
		args = nil
	case args != nil && rawjson.First(args) != '{':
		return v.refuse("params.arguments must be an object")
	}
	return v.forward(server, passing{
		kind: &prompts, name: name, notThere: rpcInvalidParams,
		members: []relay.Member{{Name: "name", Value: raw}, {Name: "arguments", Value: args}},
	})
}
