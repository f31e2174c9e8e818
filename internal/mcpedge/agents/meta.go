package agents

import (
	"bytes"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// metaMembers are a request's _meta, and those of its members that matter here.
type metaMembers struct {
	whole                                json.RawMessage // nil unless it is an object
	token, version, client, capabilities json.RawMessage
	level                                json.RawMessage // of log messages
}

// The keys of a request's _meta, with their quotes.
const (
	keyToken        = `"progressToken"`
	keyVersion      = `"` + mcp.MetaKeyProtocolVersion + `"`
	keyClient       = `"` + mcp.MetaKeyClientInfo + `"`
	keyCapabilities = `"` + mcp.MetaKeyClientCapabilities + `"`
	keyLevel        = `"` + metaLevel + `"`
)

// metaLevel is the member by which a request asks for log messages.
const metaLevel = "io.modelcontextprotocol/logLevel"

// maxTokenBytes bounds a progress token, which every notification repeats.
const maxTokenBytes = jsonrpc.MaxIDBytes

// quick reads the value at i as the _meta of a request, for quickToolRequest.
func (m *metaMembers) quick(b []byte, i int) int {
	end := rawjson.Object(b, i, 2, func(key []byte, i int) int {
		end := rawjson.Skip(b, i, 3)
		if end < 0 {
			return -1
		}
		value := b[i:end]
		switch string(key) {
		case keyToken:
			return when(set(&m.token, value) && !rawjson.IsNull(value) && len(value) <= maxTokenBytes, end)
		case keyVersion:
			return when(set(&m.version, value), end)
		case keyClient:
			return when(set(&m.client, value), end)
		case keyCapabilities:
			return when(set(&m.capabilities, value), end)
		case keyLevel:
			return when(set(&m.level, value) && len(value) < maxTokenBytes, end)
		default:
			return when(bytes.IndexByte(key, '\\') < 0 && !looksLikeMeta(key), end)
		}
	})
	if end >= 0 {
		m.whole = b[i:end]
	}
	return end
}

// looksLikeMeta reports whether a key, in quotes, is one of metaNames in another
// letter case.
func looksLikeMeta(key []byte) bool {
	for _, name := range metaNames {
		if bytes.EqualFold(key[1:len(key)-1], []byte(name)) {
			return true
		}
	}
	return false
}

// readMeta reads params._meta. A progress token that is too long counts as
// absent: progress is advisory.
func readMeta(params json.RawMessage) (m metaMembers, failure *rpcFailure) {
	meta := given(params, "_meta")
	switch {
	case meta == nil, emptyList(meta):
		return m, nil
	case meta[0] != '{':
		return m, invalidParams("params._meta must be an object")
	case ambiguous(meta, metaNames):
		return m, ambiguousMember("params._meta")
	}
	m.whole = meta
	if m.token = given(meta, "progressToken"); len(m.token) > maxTokenBytes {
		m.token = nil
	}
	m.version = rawjson.Get(meta, mcp.MetaKeyProtocolVersion)
	m.client = rawjson.Get(meta, mcp.MetaKeyClientInfo)
	m.level = given(meta, metaLevel)
	if m.capabilities = rawjson.Get(meta, mcp.MetaKeyClientCapabilities); emptyList(m.capabilities) {
		m.capabilities = json.RawMessage("{}")
	}
	return m, nil
}

// revision is the one that the request itself declares, if any.
func (m metaMembers) revision() string { return rawjson.Text(m.version) }

// clientName is "name/version" of the clientInfo.
func (m metaMembers) clientName() string {
	if m.client == nil {
		return ""
	}
	return clientName(scalar(rawjson.Get(m.client, "name")), scalar(rawjson.Get(m.client, "version")))
}
