package agents

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/rawjson"
)

// message is one JSON-RPC message of a client. Its slices belong to the input.
type message struct {
	raw    json.RawMessage
	id     json.RawMessage // nil for a notification; else a string or number
	method string          // empty for a response
	params json.RawMessage
	meta   metaMembers
}

func (m message) isRequest() bool      { return m.method != "" && m.id != nil }
func (m message) isNotification() bool { return m.method != "" && m.id == nil }

// maxIDBytes bounds a JSON-RPC id, which is kept while its call runs, and a
// progress token, which every notification repeats.
const maxIDBytes = 1024

// rpcFailure is a JSON-RPC error to answer with.
type rpcFailure struct {
	code   int
	text   string
	data   any // nil for none
	status int // HTTP status; 0 for the code's own
}

// parseMessage reads one message. With a failure, the message still holds the
// id if that could be read.
func parseMessage(raw []byte) (message, *rpcFailure) {
	m := message{raw: raw}
	var env struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  *string         `json:"method"`
		Params  json.RawMessage `json:"params"`
		Result  json.RawMessage `json:"result"`
		Error   json.RawMessage `json:"error"`
	}
	err := json.Unmarshal(raw, &env)
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return m, &rpcFailure{code: mcp.PARSE_ERROR, text: "this is not valid JSON"}
	}
	if env.ID != nil && !validID(env.ID) {
		return m, invalid("id must be a string or an integer of at most 1024 bytes")
	}
	m.id = env.ID
	switch {
	case err != nil:
		return m, invalid("this is no JSON-RPC message object")
	case !utf8.Valid(raw):
		// Passed on, it could end a server that all agents share.
		return m, invalid("this message is not UTF-8")
	case env.JSONRPC != mcp.JSONRPC_VERSION:
		return m, invalid(`jsonrpc must be "2.0"`)
	case env.Method == nil && (env.Result != nil || env.Error != nil):
		return m, nil
	case env.Method == nil || *env.Method == "":
		return m, invalid("method is missing")
	}
	m.method, m.params = *env.Method, env.Params
	m.meta = readMeta(env.Params)
	return m, nil
}

func invalid(text string) *rpcFailure {
	return &rpcFailure{code: mcp.INVALID_REQUEST, text: text}
}

// validID tells whether a JSON value may be the id of a request: a string or
// an integer.
func validID(id json.RawMessage) bool {
	if len(id) == 0 || len(id) > maxIDBytes || !utf8.Valid(id) {
		return false
	}
	c := id[0]
	return c == '"' || (c == '-' || '0' <= c && c <= '9') && !bytes.ContainsAny(id, ".eE")
}

// readMeta reads params._meta; what is malformed counts as absent, since
// mcp-go judges the request itself, and so does a token that is too long.
func readMeta(params json.RawMessage) (m metaMembers) {
	meta := rawjson.Get(params, "_meta")
	if rawjson.First(meta) == '{' {
		m.whole = meta
	}
	m.token = rawjson.Get(meta, "progressToken")
	if isNull(m.token) || len(m.token) > maxIDBytes {
		m.token = nil
	}
	m.version = rawjson.Get(meta, mcp.MetaKeyProtocolVersion)
	m.client = rawjson.Get(meta, mcp.MetaKeyClientInfo)
	m.capabilities = rawjson.Get(meta, mcp.MetaKeyClientCapabilities)
	return m
}

// revision gives the revision that the request itself declares, if any.
func (m metaMembers) revision() string {
	var revision string
	_ = json.Unmarshal(m.version, &revision) // What is no string declares none.
	return revision
}

// answer is a whole JSON-RPC response on one line, without the newline.
type answer struct {
	body   []byte
	code   int // the error's code; 0 for a result
	status int // HTTP status that the failure asks for; 0 for the code's own

	buffer *buffer // what body is in; nil if that is nobody's but the answer's
}

// none reports that there is nothing to send.
func (a answer) none() bool { return a.body == nil }

// free gives the answer's buffer back once it has been sent.
func (a answer) free() { a.buffer.free(a.body) }

// resultAnswer wraps result, which must be on one line.
func resultAnswer(id json.RawMessage, result []byte) answer {
	b := appendResultHead(make([]byte, 0, len(result)+len(id)+40), id)
	return answer{body: append(append(b, result...), '}')}
}

// appendResultHead begins a response: the result follows, and a brace.
func appendResultHead(b []byte, id json.RawMessage) []byte {
	b = append(b, `{"jsonrpc":"2.0","id":`...)
	b = append(b, idOrNull(id)...)
	return append(b, `,"result":`...)
}

// orNull is the id of an answer to a message whose own id may have been beyond
// reading. From 2025-11-25 on the schemas leave it out; before, they know no
// such answer, and JSON-RPC says null.
func orNull(id json.RawMessage, revision string) json.RawMessage {
	if id == nil && revision != "" && revision < mcp.ProtocolVersion20251125 {
		return json.RawMessage("null")
	}
	return id
}

func failureAnswer(id json.RawMessage, f *rpcFailure) answer {
	detail := struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}{f.code, f.text, f.data}
	text, err := json.Marshal(detail)
	if err != nil {
		detail.Data = nil
		text, _ = json.Marshal(detail)
	}
	b := []byte(`{"jsonrpc":"2.0",`)
	if id != nil {
		b = append(append(append(b, `"id":`...), id...), ',')
	}
	b = append(b, `"error":`...)
	b = append(b, text...)
	return answer{body: append(b, '}'), code: f.code, status: f.status}
}

func idOrNull(id json.RawMessage) []byte {
	if id == nil {
		return []byte("null")
	}
	return id
}

// joinAnswers makes one batch response of those that are there.
func joinAnswers(answers []answer) answer {
	var bodies [][]byte
	for _, a := range answers {
		if !a.none() {
			bodies = append(bodies, a.body)
		}
	}
	if bodies == nil {
		return answer{}
	}
	b := append([]byte{'['}, bytes.Join(bodies, []byte{','})...)
	return answer{body: append(b, ']')}
}
