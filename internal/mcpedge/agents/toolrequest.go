package agents

import (
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// toolRequest is a tools/call, or another request of a surface: the values of its
// members as ranges of the bytes that were sent, nil where they are absent.
type toolRequest struct {
	id json.RawMessage // a string or an integer
	// method and params are of a request that is not a tools/call; else empty.
	method string
	params json.RawMessage

	name string
	args json.RawMessage // nil for null too
	meta metaMembers

	stateless                    bool // of 2026-07-28, else of a revision before it
	inputResponses, requestState json.RawMessage
	task                         json.RawMessage // nil unless it is an object
}

// quickToolRequest reads a message in one scan. ok is false for whatever is not
// plainly a well-formed tools/call with members that are known here, each once
// and with a key that has no escapes: readToolRequest reads that, or says what
// is wrong with it. What both accept means the same to both.
func quickToolRequest(b []byte) (r toolRequest, ok bool) {
	var version, method, params bool
	end := rawjson.Object(b, rawjson.Space(b, 0), 0, func(key []byte, i int) int {
		if string(key) == `"params"` && !params {
			params = true
			return r.quickParams(b, i)
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
			return when(set(&r.id, value) && jsonrpc.ValidID(value), end)
		default:
			return -1
		}
	})
	whole := end > 0 && rawjson.Space(b, end) == len(b)
	switch {
	case !whole || !version || !method || r.id == nil || r.name == "" || r.meta.tooLong() != nil:
		return r, false
	case r.meta.version == nil:
		r.inputResponses, r.requestState = nil, nil // No revision before 2026-07-28 has them.
		return r, true
	}
	r.stateless = string(r.meta.version) == `"`+mcp.ProtocolVersion20260728+`"`
	return r, r.stateless && validCapabilities(r.meta.capabilities)
}

// quickParams reads the value at i as the params.
func (r *toolRequest) quickParams(b []byte, i int) int {
	var named, meta bool
	return rawjson.Object(b, i, 1, func(key []byte, i int) int {
		if string(key) == `"_meta"` {
			return when(once(&meta), r.meta.quick(b, i))
		}
		end := rawjson.Skip(b, i, 2)
		if end < 0 {
			return -1
		}
		value := b[i:end]
		switch string(key) {
		case `"name"`:
			name, plain := rawjson.Plain(value)
			if len(value) <= maxDecoded {
				r.name = string(name)
			}
			return when(once(&named) && plain && len(value) <= maxDecoded, end)
		case `"arguments"`:
			return when(set(&r.args, value) && !rawjson.IsNull(value), end)
		case `"inputResponses"`:
			return when(set(&r.inputResponses, value) && value[0] == '{', end)
		case `"requestState"`:
			return when(set(&r.requestState, value) && value[0] == '"', end)
		default:
			return -1
		}
	})
}

// when returns end if ok, else what stops the scan.
func when(ok bool, end int) int {
	if !ok {
		return -1
	}
	return end
}

// once reports whether a member is asked about for the first time.
func once(seen *bool) bool {
	first := !*seen
	*seen = true
	return first
}

// set keeps the value of a member, and reports whether it is the first one.
func set(member *json.RawMessage, value []byte) bool {
	first := *member == nil
	*member = value
	return first
}

// readToolRequest reads any message that is a tools/call, or says what is wrong
// with it. supported are the revisions that are served where it came from.
func readToolRequest(m message, supported []string) (toolRequest, *rpcFailure) {
	r := toolRequest{id: m.id, meta: m.meta}
	name := rawjson.Get(m.params, "name")
	switch {
	case rawjson.First(m.params) != '{':
		return r, invalidParams("params of tools/call must be an object")
	case rawjson.First(name) != '"':
		return r, invalidParams("params.name must be a string: the name of a tool")
	}
	r.name, r.args = rawjson.Text(name), given(m.params, "arguments")
	if task := given(m.params, "task"); rawjson.First(task) == '{' {
		r.task = task
	}
	if failure := r.readRevision(supported); failure != nil || !r.stateless {
		return r, failure
	}
	r.inputResponses, r.requestState = given(m.params, "inputResponses"), given(m.params, "requestState")
	switch {
	case r.inputResponses != nil && r.inputResponses[0] != '{':
		return r, invalidParams("params.inputResponses must be an object")
	case r.requestState != nil && r.requestState[0] != '"':
		return r, invalidParams("params.requestState must be a string")
	}
	return r, nil
}

// readRevision finds out whether a request is of 2026-07-28, which says so in its
// _meta, or what is wrong with that.
func (r *toolRequest) readRevision(supported []string) *rpcFailure {
	revision := r.meta.revision()
	switch {
	case !mcp.IsModernProtocol(revision):
		return nil
	case !validCapabilities(r.meta.capabilities):
		return invalidParams("missing or invalid _meta field " + mcp.MetaKeyClientCapabilities)
	case revision != mcp.ProtocolVersion20260728:
		return unsupported(revision, supported)
	}
	r.stateless = true
	return nil
}

// given is the value of a member; nil for null too.
func given(object []byte, name string) json.RawMessage {
	value := rawjson.Get(object, name)
	if rawjson.IsNull(value) {
		return nil
	}
	return value
}

func unsupported(revision string, supported []string) *rpcFailure {
	failure := mcp.UnsupportedProtocolVersionError{Version: revision, Supported: supported}.JSONRPCError().Error
	return &rpcFailure{code: failure.Code, text: failure.Message, data: failure.Data}
}

// validCapabilities reports whether a client's capabilities are ones of MCP.
func validCapabilities(raw json.RawMessage) bool {
	if string(raw) == "{}" {
		return true
	}
	defer decoding(len(raw))()
	var capabilities mcp.ClientCapabilities
	return rawjson.First(raw) == '{' && rawjson.Decode(raw, &capabilities) == nil
}
