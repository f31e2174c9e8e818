package surface

import (
	"cmp"
	"context"
	"encoding/json"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/kinds"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// Introduce implements agents.Surface: what the server says of itself, less what
// the rules leave nothing of and what does not pass here. It waits for a server
// that has not said anything yet as a call would.
func (o *One) Introduce(ctx context.Context, caller agents.Caller) (agents.Introduction, *agents.Error) {
	v := visit{Gateway: o.gateway, ctx: ctx, caller: caller, r: agents.Request{Method: "initialize"}}
	var c front.Call
	v.begin(&c, o.server, &tools, "")
	defer v.Router.Finish(&c)
	a, err := v.Router.Introduce(ctx, &c)
	if err != nil {
		return agents.Introduction{}, failed(c.End(err), rpcInvalidParams)
	}
	_ = c.End(nil)
	info := a.Server
	return agents.Introduction{
		Capabilities: o.extended(o.capabilities(a), a, caller), Instructions: info.Instructions,
		ServerInfo: serverInfo(info, o.server), Meta: o.gateway.about(o.server),
	}, nil
}

// capabilities are those of which something passes to the agent.
func (o *One) capabilities(a *front.Attempt) json.RawMessage {
	out := json.RawMessage("{}")
	completes := false
	for _, kind := range []*front.Kind{&tools, &resources, &prompts} {
		if !kinds.MayLeave(a, kind, o.server, a.Server) {
			continue
		}
		says := `{"listChanged":true}`
		if kind == &resources && a.Server.Subscribable() {
			says = `{"listChanged":true,"subscribe":true}`
		}
		out = rawjson.Set(out, kind.List.Capability(), []byte(says))
		completes = completes || kind != &tools
	}
	if a.Server.Capability("logging") != nil {
		out = rawjson.Set(out, "logging", []byte("{}"))
	}
	if completes && a.Server.Capability("completions") != nil {
		out = rawjson.Set(out, "completions", []byte("{}"))
	}
	return out
}

// serverInfo is what a server calls itself, with the members that must be there.
func serverInfo(info endpoint.ServerInfo, entry string) json.RawMessage {
	about := json.RawMessage(cmp.Or(info.About, "{}"))
	for _, must := range []struct{ key, value string }{{"name", cmp.Or(info.Name, entry)}, {"version", cmp.Or(info.Version, "unknown")}} {
		if rawjson.Text(rawjson.Get(about, must.key)) == "" {
			about = rawjson.Set(about, must.key, rawjson.AppendString(nil, must.value))
		}
	}
	return about
}

// about says who stands between, and before which server.
func (g Gateway) about(server string) json.RawMessage {
	out := rawjson.AppendString([]byte(`{"`+endpoint.OwnMeta+`server":`), server)
	out = rawjson.AppendString(append(out, `,"`+endpoint.OwnMeta+`version":`...), g.Version)
	return append(out, '}')
}
