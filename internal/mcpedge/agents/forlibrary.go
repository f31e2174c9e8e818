package agents

import (
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// forLibrary is a request as mcp-go can read it, with nothing but what it needs.
// Some languages write an empty object as an empty list, and some clients a part
// of initialize that is only informative in another type: no harm is in either.
func forLibrary(m message) json.RawMessage {
	params := m.params
	switch {
	case emptyList(params):
		params = json.RawMessage("{}")
	case rawjson.First(params) != '{': // mcp-go says what is wrong with it.
	case m.method == string(mcp.MethodInitialize):
		params = initializeParams(params, m.meta.forLibrary())
	case m.method == string(mcp.MethodPing): // Whatever it says, it is answered alike.
		params = append(append(json.RawMessage(`{"_meta":`), m.meta.forLibrary()...), '}')
	case rawjson.Get(params, "_meta") != nil:
		params = rawjson.Set(params, "_meta", m.meta.forLibrary())
	}
	return jsonrpc.AppendRequest(nil, m.id, m.method, params)
}

// initializeParams are those that matter for what is answered: clientOf reads
// who the client is from what was sent.
func initializeParams(params, meta json.RawMessage) json.RawMessage {
	version := rawjson.Get(params, "protocolVersion")
	if rawjson.First(version) != '"' {
		version = rawjson.AppendString(nil, scalar(version))
	}
	out := append(json.RawMessage(`{"capabilities":{},"clientInfo":{},"protocolVersion":`), version...)
	out = append(append(out, `,"_meta":`...), meta...) // It may name another revision.
	return append(out, '}')
}

// forLibrary is a _meta with the members that mcp-go reads.
func (m metaMembers) forLibrary() json.RawMessage {
	out := json.RawMessage{'{'}
	for _, member := range []struct {
		key   string
		value json.RawMessage
	}{{keyVersion, m.version}, {keyClient, m.client}, {keyCapabilities, m.capabilities}} {
		if member.value == nil {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, member.key...), ':'), member.value...)
	}
	return append(out, '}')
}

// emptyList reports whether a value is a list without elements.
func emptyList(value []byte) bool {
	i := rawjson.Space(value, 0)
	if i >= len(value) || value[i] != '[' {
		return false
	}
	i = rawjson.Space(value, i+1)
	return i < len(value) && value[i] == ']'
}
