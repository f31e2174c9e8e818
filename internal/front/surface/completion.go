package surface

import (
	"encoding/json"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front/kinds"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// complete has the server complete an argument of a prompt or of a resource
// template, for whoever may use that.
func (o *One) complete(v visit) ([]byte, *agents.Error) {
	ref := rawjson.Get(v.r.Params, "ref")
	p, ok := completed(ref)
	if !ok {
		return v.refuse(notARef)
	}
	return v.completeBy(o.server, p, ref)
}

// notARef says what is wrong with the params of a completion.
const notARef = "params.ref must name a prompt or a resource template"

// completeBy has a server complete an argument of what ref names, as the server is
// sent it.
func (v *visit) completeBy(server string, p passing, ref json.RawMessage) ([]byte, *agents.Error) {
	argument := v.param("argument", '{')
	if argument == nil {
		return v.refuse("params.argument must be an object")
	}
	p.members = []relay.Member{{Name: "ref", Value: ref}, {Name: "argument", Value: argument}, {Name: "context", Value: v.param("context", '{')}}
	return v.forward(server, p)
}

// completed is what a reference is about. It must not be readable in two ways.
func completed(ref json.RawMessage) (passing, bool) {
	p := passing{notThere: rpcInvalidParams, kind: &templates}
	list, name := kinds.OfRef(ref)
	if list == endpoint.Prompts {
		p.kind = &prompts
	}
	p.name = name
	return p, name != "" && len(name) <= maxURIBytes
}
