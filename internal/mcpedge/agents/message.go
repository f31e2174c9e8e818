package agents

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// message is one JSON-RPC message of a client. Its slices belong to the input.
type message struct {
	raw    json.RawMessage
	id     json.RawMessage // nil for a notification; else a string or integer
	method string          // empty for a response
	params json.RawMessage
	meta   metaMembers // of a request
}

func (m message) isRequest() bool      { return m.method != "" && m.id != nil }
func (m message) isNotification() bool { return m.method != "" && m.id == nil }
func (m message) isToolCall() bool {
	return m.id != nil && m.method == string(mcp.MethodToolsCall)
}

// parseMessage reads one message. With a failure, the message still holds the
// id if that could be read.
func parseMessage(raw []byte) (message, *rpcFailure) {
	m := message{raw: raw}
	env, ok := jsonrpc.Read(raw)
	if !ok {
		m.id = idOfBroken(raw)
		return m, notAMessage(raw)
	}
	if env.ID != nil {
		if !jsonrpc.ValidID(env.ID) {
			return m, invalid("id must be a string or an integer of at most 1024 bytes")
		}
		m.id = env.ID
	}
	switch {
	case env.Ambiguous:
		return m, ambiguousMember("the message")
	case string(env.Version) != `"2.0"` && (len(env.Version) > maxDecoded || rawjson.Text(env.Version) != mcp.JSONRPC_VERSION):
		return m, invalid(`jsonrpc must be "2.0"`)
	case env.Method == nil && (env.Result != nil || env.Error != nil):
		return m, nil
	case len(env.Method) > maxDecoded:
		return m, invalid(fmt.Sprintf("method is longer than %d bytes", maxDecoded))
	case env.Method == nil || env.Method[0] != '"' || env.Name() == "":
		return m, invalid("method is missing or not a string")
	case !absent(env.Result) || !absent(env.Error):
		return m, invalid("a message has a method, or a result or error, but not both")
	}
	m.method, m.params = env.Name(), env.Params
	switch {
	case len(m.params) > maxDecoded && m.method != string(mcp.MethodToolsCall):
		return m, tooLong("params")
	case m.id == nil:
		return m, nil
	case ambiguous(m.params, paramNames):
		return m, ambiguousMember("params")
	case m.method == string(mcp.MethodInitialize) && ambiguousCapabilities(m.params):
		return m, ambiguousMember("params.capabilities")
	}
	var failure *rpcFailure
	if m.meta, failure = readMeta(m.params); failure != nil {
		return m, failure
	}
	return m, m.tooLong()
}

// idOfBroken is the id of a message that is nothing worse than not UTF-8, unless
// it is a large one.
func idOfBroken(raw []byte) json.RawMessage {
	const replacement = "\uFFFD"
	if len(raw) > maxDecoded {
		return nil
	}
	env, ok := jsonrpc.Read(bytes.ToValidUTF8(raw, []byte(replacement)))
	if !ok || !jsonrpc.ValidID(env.ID) || bytes.Contains(env.ID, []byte(replacement)) {
		return nil
	}
	return env.ID
}

// withoutMark is a text without the byte order mark that some programs write
// before it.
func withoutMark(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\uFEFF")) }

// notAMessage says why bytes are not a message.
func notAMessage(raw []byte) *rpcFailure {
	switch {
	case !json.Valid(raw):
		return &rpcFailure{code: mcp.PARSE_ERROR, text: "this is not valid JSON"}
	case !utf8.Valid(raw):
		// Passed on, it could end a server that all agents share.
		return invalid("this message is not UTF-8")
	default:
		return invalid("a JSON-RPC message must be an object")
	}
}

func absent(value []byte) bool { return value == nil || rawjson.IsNull(value) }
