package surface

import (
	"encoding/json"

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
func (o *One) readResource(v visit) ([]byte, *agents.Error) {
	raw, uri, ok := v.uri()
	if !ok {
		return v.refuse(notAURI)
	}
	return v.forward(o.server, reading(v.caller, uri, raw))
}

// notAURI says what is wrong with the params of a resource's request.
const notAURI = "params.uri must be the URI of a resource, in whole characters: no lone surrogate such as \\ud83d"

// uri is that of the params, as it was sent and as it is; ok is false if there is
// none.
func (v *visit) uri() (raw json.RawMessage, uri string, ok bool) {
	raw = rawjson.Get(v.r.Params, "uri")
	uri = rawjson.Text(raw)
	return raw, uri, rawjson.First(raw) == '"' && uri != "" && len(uri) <= maxURIBytes && endpoint.CanBeSent(raw)
}

// reading is the reading of a resource.
func reading(caller agents.Caller, uri string, raw json.RawMessage) passing {
	return passing{kind: &resources, name: uri, notThere: noResource(caller), kept: true, members: []relay.Member{{Name: "uri", Value: raw}}}
}

// passing is a request that passes to its server.
type passing struct {
	kind     *front.Kind
	name     string
	notThere int // the code of the error if it is not there, or not for the agent
	kept     bool
	members  []relay.Member
	// shown makes of a result what the agent sees; nil leaves it.
	shown func(a *front.Attempt, result json.RawMessage) json.RawMessage
	// of is the run that it concerns, of which it asks patiently; nil is any.
	of      *endpoint.Run
	patient bool
}

// forward sends a request to a server, if the rules allow what it is about.
func (v *visit) forward(server string, p passing) ([]byte, *agents.Error) {
	c := relay.Request{Call: &relay.Call{}, Method: v.r.Method, Members: p.members, Kept: p.kept, Shown: p.shown}
	c.Sent, c.Dst, c.Bare = v.r.ToolCall, v.dst, true
	c.Grant = v.pageOf(&p)
	c.Of, c.Patient, c.Extensions = p.of, p.patient, v.extensions(p.of != nil)
	if v.caller.Protocol >= endpoint.StatelessRevision {
		c.Sent.InputResponses, c.Sent.RequestState = v.param("inputResponses", '{'), v.param("requestState", '"')
	}
	v.begin(&c.Call.Call, server, p.kind, p.name)
	defer v.Router.Finish(&c.Call.Call)
	if err := c.Run(v.ctx, v.Router); err != nil {
		return v.dst, failed(c.End(err), p.notThere)
	}
	if c.RPC != nil {
		_ = c.End(nil)
		return v.dst, passed(c.RPC)
	}
	answer := c.Finish(c.Result, true)
	_ = c.End(nil)
	return answer, nil
}

// param is a member of the params if it begins so: an object or a string.
func (v *visit) param(name string, begins byte) json.RawMessage {
	if value := rawjson.Get(v.r.Params, name); rawjson.First(value) == begins {
		return value
	}
	return nil
}
