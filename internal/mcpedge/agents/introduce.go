package agents

import (
	"encoding/json"

	"gatehouse/internal/rawjson"
)

// introduced is a result of initialize or server/discover with what the handler
// has to say to this caller.
func (e *Edge) introduced(p *peer, result json.RawMessage) json.RawMessage {
	revision, client := p.known()
	text := e.handler.Introduce(Caller{Client: client, Session: p.session, Protocol: revision, Identity: p.identity})
	if text == "" {
		return result
	}
	return rawjson.Set(result, "instructions", rawjson.AppendString(nil, text))
}

// definitionsTTL is for how long a client need not ask for the definitions
// again, in milliseconds: they are the same for as long as the gateway runs.
const definitionsTTL = "300000"

// listed is a result of tools/list with the definitions for this caller, and
// with how they may be cached where the revision says so: by everybody if
// everybody gets the same.
func (e *Edge) listed(p *peer, result json.RawMessage) json.RawMessage {
	result = rawjson.Set(result, "tools", e.shownTo(p))
	if rawjson.Get(result, "ttlMs") == nil {
		return result
	}
	scope := `"private"`
	if e.alike(p) {
		scope = `"public"`
	}
	return rawjson.Set(rawjson.Set(result, "ttlMs", []byte(definitionsTTL)), "cacheScope", []byte(scope))
}

// alike reports whether everybody who can reach the gateway is shown the same
// definitions: they differ by credential only.
func (e *Edge) alike(p *peer) bool {
	return e.pinned == nil || string(e.pinned) == string(e.tools.list) || p.identity.ID() == ""
}

// shownTo returns the tools as a client should see them.
func (e *Edge) shownTo(p *peer) json.RawMessage {
	if e.pinned != nil && p.identity != nil && len(p.identity.Agents) == 1 {
		return e.pinned
	}
	return e.tools.list
}
