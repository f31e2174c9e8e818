package agents

import (
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/rawjson"
)

// introduced is a result of initialize or server/discover with what the handler
// has to say to this caller.
func (e *Edge) introduced(p *peer, result json.RawMessage) json.RawMessage {
	if e.listsOf(p) != nil {
		result = rawjson.Set(result, "capabilities", []byte(`{"tools":{"listChanged":true}}`))
	}
	text := e.handler.Introduce(p.caller())
	if text == "" {
		return result
	}
	return rawjson.Set(result, "instructions", rawjson.AppendString(nil, text))
}

// introducedBy is a result of initialize or server/discover with what the
// conversation's surface says of itself. revision is what initialize settles.
func (e *Edge) introducedBy(ctx context.Context, p *peer, m message, revision string, result json.RawMessage) (json.RawMessage, *Error) {
	caller := Caller{Session: p.session, From: p.from, Identity: p.identity, Agent: p.agent, Protocol: revision, Client: clientOf(m.params), Asks: p.asked()}
	if revision == "" {
		caller.Protocol, caller.Client = m.meta.revision(), m.meta.clientName()
		p.asks.speaks(m.meta.capabilities)
	}
	about, failure := p.surface.Introduce(ctx, caller)
	if failure != nil {
		return nil, failure
	}
	result = rawjson.Set(result, "capabilities", about.Capabilities)
	if about.Instructions != "" {
		result = rawjson.Set(result, "instructions", rawjson.AppendString(nil, about.Instructions))
	}
	meta := about.Meta
	if meta == nil {
		meta = json.RawMessage("{}")
	}
	if m.method == string(mcp.MethodInitialize) {
		result = rawjson.Set(result, "serverInfo", about.ServerInfo)
		return rawjson.Set(result, "_meta", meta), nil
	}
	result = rawjson.Set(result, "cacheScope", []byte(`"private"`))
	return rawjson.Set(result, "_meta", rawjson.Set(meta, mcp.MetaKeyServerInfo, about.ServerInfo)), nil
}

// definitionsTTL is for how long a client need not ask for the definitions
// again, in milliseconds: what they say of servers is only a hint.
const definitionsTTL = "300000"

// listed is a result of tools/list with the definitions for this caller, and
// with how they may be cached where the revision says so: by everybody if
// everybody gets the same.
func (e *Edge) listed(p *peer, result json.RawMessage) json.RawMessage {
	shown := e.shownTo(p)
	result = rawjson.Set(result, "tools", shown)
	if rawjson.Get(result, "ttlMs") == nil {
		return result
	}
	scope := `"private"`
	if e.alike(p, shown) {
		scope = `"public"`
	}
	return rawjson.Set(rawjson.Set(result, "ttlMs", []byte(definitionsTTL)), "cacheScope", []byte(scope))
}

// alike reports whether everybody who can reach the gateway is shown these
// definitions: where credentials are asked for, others may be shown others.
func (e *Edge) alike(p *peer, shown json.RawMessage) bool {
	return string(shown) == string(e.tools.list) && (e.definitions == nil || p.identity.ID() == "")
}

// shownTo returns the tools as a client should see them.
func (e *Edge) shownTo(p *peer) json.RawMessage {
	if e.definitions == nil {
		return e.tools.list
	}
	return join(e.definitions(p.caller()))
}
