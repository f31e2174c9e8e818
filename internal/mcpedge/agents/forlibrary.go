package agents

import (
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/rawjson"
)

// forLibrary is a request as mcp-go can read it. Some languages write an empty
// object as an empty list, and some clients a part of initialize that is only
// informative in another type: no harm is in either.
func forLibrary(m message) json.RawMessage {
	params := m.params
	switch {
	case emptyList(params):
		return rawjson.Set(m.raw, "params", []byte("{}"))
	case rawjson.First(params) != '{':
		return m.raw
	case m.method == string(mcp.MethodInitialize):
		params = initializeParams(params)
	}
	if emptyList(rawjson.Get(params, "_meta")) {
		params = rawjson.Set(params, "_meta", []byte("{}"))
	}
	if emptyList(rawjson.Get(m.meta.whole, mcp.MetaKeyClientCapabilities)) {
		params = rawjson.Set(params, "_meta", rawjson.Set(m.meta.whole, mcp.MetaKeyClientCapabilities, []byte("{}")))
	}
	return rawjson.Set(m.raw, "params", params)
}

func initializeParams(params json.RawMessage) json.RawMessage {
	var client mcp.Implementation
	if rawjson.Decode(rawjson.Get(params, "clientInfo"), &client) != nil {
		params = rawjson.Set(params, "clientInfo", []byte("{}")) // clientOf reads what was sent.
	}
	if !validCapabilities(rawjson.Get(params, "capabilities")) {
		params = rawjson.Set(params, "capabilities", []byte("{}"))
	}
	if version := rawjson.Get(params, "protocolVersion"); rawjson.First(version) != '"' {
		params = rawjson.Set(params, "protocolVersion", rawjson.AppendString(nil, scalar(version)))
	}
	return params
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
