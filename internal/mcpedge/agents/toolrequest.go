package agents

import (
	"bytes"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/rawjson"
)

// toolRequest is a tools/call as the fast lane reads it: the values of its
// members as ranges of the bytes that were sent, nil where they are absent.
type toolRequest struct {
	id   json.RawMessage // a string or an integer
	name string
	args json.RawMessage // nil for null too
	meta metaMembers

	inputResponses, requestState json.RawMessage
}

// metaMembers are a request's _meta, and those of its members that matter here.
type metaMembers struct {
	whole                                json.RawMessage // nil unless it is an object
	token, version, client, capabilities json.RawMessage
}

// The keys of a request's _meta, with their quotes.
const (
	keyToken        = `"progressToken"`
	keyVersion      = `"` + mcp.MetaKeyProtocolVersion + `"`
	keyClient       = `"` + mcp.MetaKeyClientInfo + `"`
	keyCapabilities = `"` + mcp.MetaKeyClientCapabilities + `"`
)

// readToolRequest reads a message in one scan. ok is false for whatever is not
// plainly a well-formed tools/call with members that are known here, each once
// and with a key that has no escapes: mcp-go judges those, so that there is one
// place that says what is wrong with a message.
func readToolRequest(b []byte) (r toolRequest, ok bool) {
	var version, method, params bool
	end := rawjson.Object(b, rawjson.Space(b, 0), 0, func(key []byte, i int) int {
		if string(key) == `"params"` && !params {
			params = true
			return r.readParams(b, i)
		}
		end := rawjson.Skip(b, i, 1)
		if end < 0 {
			return -1
		}
		value := b[i:end]
		switch string(key) {
		case `"jsonrpc"`:
			return when(once(&version) && string(value) == `"2.0"`, end)
		case `"method"`:
			return when(once(&method) && string(value) == `"tools/call"`, end)
		case `"id"`:
			return when(set(&r.id, value) && validID(value), end)
		default:
			return -1
		}
	})
	ok = end > 0 && rawjson.Space(b, end) == len(b) && version && method && r.id != nil && r.name != ""
	return r, ok
}

// readParams reads the value at i as the params.
func (r *toolRequest) readParams(b []byte, i int) int {
	var named, meta bool
	return rawjson.Object(b, i, 1, func(key []byte, i int) int {
		if string(key) == `"_meta"` {
			return when(once(&meta), r.meta.read(b, i))
		}
		end := rawjson.Skip(b, i, 2)
		if end < 0 {
			return -1
		}
		value := b[i:end]
		switch string(key) {
		case `"name"`:
			name, plain := rawjson.Plain(value)
			r.name = string(name)
			return when(once(&named) && plain, end)
		case `"arguments"`:
			return when(set(&r.args, value) && !isNull(value), end)
		case `"inputResponses"`:
			return when(set(&r.inputResponses, value) && value[0] == '{', end)
		case `"requestState"`:
			return when(set(&r.requestState, value) && value[0] == '"', end)
		default:
			return -1
		}
	})
}

// read reads the value at i as the _meta of a request.
func (m *metaMembers) read(b []byte, i int) int {
	end := rawjson.Object(b, i, 2, func(key []byte, i int) int {
		end := rawjson.Skip(b, i, 3)
		if end < 0 {
			return -1
		}
		value := b[i:end]
		switch string(key) {
		case keyToken:
			return when(set(&m.token, value) && !isNull(value) && len(value) <= maxIDBytes, end)
		case keyVersion:
			return when(set(&m.version, value), end)
		case keyClient:
			return when(set(&m.client, value), end)
		case keyCapabilities:
			return when(set(&m.capabilities, value), end)
		default:
			return when(bytes.IndexByte(key, '\\') < 0, end)
		}
	})
	if end >= 0 {
		m.whole = b[i:end]
	}
	return end
}

// when gives end if ok, else what stops the scan.
func when(ok bool, end int) int {
	if !ok {
		return -1
	}
	return end
}

// once is true the first time that it is asked about a member.
func once(seen *bool) bool {
	first := !*seen
	*seen = true
	return first
}

// set keeps the value of a member that has not been there before.
func set(member *json.RawMessage, value []byte) bool {
	first := *member == nil
	*member = value
	return first
}

func isNull(value []byte) bool { return string(value) == "null" }

// protocol is the revision that the request declares, if any.
func (r toolRequest) protocol() string {
	text, _ := rawjson.Plain(r.meta.version)
	return string(text)
}

// stateless reports whether the request is one of 2026-07-28 that has all it
// needs. ok is false if it declares a revision and is no such request.
func (m metaMembers) stateless() (stateless, ok bool) {
	if m.version == nil {
		return false, true
	}
	return true, string(m.version) == `"`+mcp.ProtocolVersion20260728+`"` && validCapabilities(m.capabilities)
}

// validCapabilities tells whether mcp-go could read them.
func validCapabilities(raw json.RawMessage) bool {
	if string(raw) == "{}" {
		return true
	}
	var capabilities mcp.ClientCapabilities
	return rawjson.First(raw) == '{' && json.Unmarshal(raw, &capabilities) == nil
}

// clientName is "name/version" of the clientInfo.
func (m metaMembers) clientName() string {
	if m.client == nil {
		return ""
	}
	var info mcp.Implementation
	if json.Unmarshal(m.client, &info) != nil {
		return ""
	}
	return clientName(info.Name, info.Version)
}
