package surface

import (
	"context"
	"encoding/json"

	"gatehouse/internal/front/relay"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// complete has the server complete an argument of a prompt or of a resource
// template, for whoever may use that.
func (o *One) complete(ctx context.Context, caller agents.Caller, r agents.Request, dst []byte) ([]byte, *agents.Error) {
	ref, argument := rawjson.Get(r.Params, "ref"), rawjson.Get(r.Params, "argument")
	p, ok := completed(ref)
	if !ok {
		return dst, rpcError(rpcInvalidParams, "params.ref must name a prompt or a resource template", nil)
	}
	if rawjson.First(argument) != '{' {
		return dst, rpcError(rpcInvalidParams, "params.argument must be an object", nil)
	}
	p.members = []relay.Member{{Name: "ref", Value: ref}, {Name: "argument", Value: argument}, {Name: "context", Value: objectOrNothing(r, "context")}}
	return o.forward(ctx, caller, r, dst, p)
}

// completed is what a reference is about. It must not be readable in two ways.
func completed(ref json.RawMessage) (passing, bool) {
	if rawjson.First(ref) != '{' || rawjson.Misnamed(ref, "type", "name", "uri") != nil {
		return passing{}, false
	}
	p := passing{notThere: rpcInvalidParams}
	switch rawjson.Text(rawjson.Get(ref, "type")) {
	case "ref/prompt":
		p.kind, p.name = &prompts, rawjson.Text(rawjson.Get(ref, "name"))
	case "ref/resource":
		p.kind, p.name = &templates, rawjson.Text(rawjson.Get(ref, "uri"))
	}
	return p, p.name != "" && len(p.name) <= maxURIBytes
}
