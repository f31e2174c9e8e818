package surface

import (
	"context"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// rpcNoResource says that there is no such resource, before 2026-07-28.
const rpcNoResource = -32002

// noResource is the code for a resource that is not there, or not for the agent.
func noResource(caller agents.Caller) int {
	if caller.Protocol >= endpoint.StatelessRevision {
		return rpcInvalidParams
	}
	return rpcNoResource
}

// maxURIBytes is the longest URI that is looked for.
const maxURIBytes = 64 << 10

// readResource reads a resource, listed or not.
func (o *One) readResource(ctx context.Context, caller agents.Caller, r agents.Request, dst []byte) ([]byte, *agents.Error) {
	raw := rawjson.Get(r.Params, "uri")
	uri := rawjson.Text(raw)
	if rawjson.First(raw) != '"' || uri == "" || len(uri) > maxURIBytes {
		return dst, rpcError(rpcInvalidParams, "params.uri must be the URI of a resource", nil)
	}
	return o.forward(ctx, caller, r, dst, passing{
		kind: &resources, name: uri, notThere: noResource(caller), kept: true, members: []relay.Member{{Name: "uri", Value: raw}},
	})
}

// passing is a request that passes to its server.
type passing struct {
	kind     *front.Kind
	name     string
	notThere int // the code of the error if it is not there, or not for the agent
	kept     bool
	members  []relay.Member
}

// forward sends a request to the server, if the rules allow what it is about.
func (o *One) forward(ctx context.Context, caller agents.Caller, r agents.Request, dst []byte, p passing) ([]byte, *agents.Error) {
	c := relay.Request{Method: r.Method, Members: p.members, Kept: p.kept}
	c.Sent, c.Dst, c.Bare = r.ToolCall, dst, true
	if caller.Protocol >= endpoint.StatelessRevision {
		c.Sent.InputResponses, c.Sent.RequestState = objectOrNothing(r, "inputResponses"), textOrNothing(r, "requestState")
	}
	o.begin(&c.Call.Call, caller, r, p.kind, p.name)
	defer o.gateway.Router.Finish(&c.Call.Call)
	if err := c.Run(ctx, o.gateway.Router); err != nil {
		return dst, failed(c.End(err), p.notThere)
	}
	if c.RPC != nil {
		_ = c.End(nil)
		return dst, passed(c.RPC)
	}
	answer := c.Finish(c.Result, true)
	_ = c.End(nil)
	return answer, nil
}

// objectOrNothing is a member of the params if it is an object.
func objectOrNothing(r agents.Request, name string) []byte {
	if value := rawjson.Get(r.Params, name); rawjson.First(value) == '{' {
		return value
	}
	return nil
}

// textOrNothing is a member of the params if it is a string.
func textOrNothing(r agents.Request, name string) []byte {
	if value := rawjson.Get(r.Params, name); rawjson.First(value) == '"' {
		return value
	}
	return nil
}
