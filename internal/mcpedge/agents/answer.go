package agents

import (
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

// rpcFailure is a JSON-RPC error to answer with.
type rpcFailure struct {
	code   int
	text   string
	data   any // nil for none
	status int // HTTP status; 0 for the code's own
}

func invalid(text string) *rpcFailure {
	return &rpcFailure{code: mcp.INVALID_REQUEST, text: text}
}

func invalidParams(text string) *rpcFailure {
	return &rpcFailure{code: mcp.INVALID_PARAMS, text: text}
}

func internalFailure() *rpcFailure {
	return &rpcFailure{code: mcp.INTERNAL_ERROR, text: "internal error of the gateway", status: 500}
}

// answer is a whole JSON-RPC response on one line, without the newline.
type answer struct {
	body   []byte
	code   int // the error's code; 0 for a result
	status int // HTTP status that the failure asks for; 0 for the code's own

	buffer *buffer       // what body is in; nil if that is nobody's but the answer's
	weight *weight.Share // what it takes of the budget until it has been written
}

// none reports that there is nothing to send.
func (a answer) none() bool { return a.body == nil }

// free returns the answer's buffer to the pool, and its bytes to the budget, once
// it has been sent.
func (a answer) free() {
	a.buffer.free(a.body)
	a.weight.Release()
}

func resultAnswer(id json.RawMessage, result []byte) answer {
	return answer{body: jsonrpc.AppendResult(make([]byte, 0, len(result)+len(id)+40), id, result)}
}

func failureAnswer(id json.RawMessage, f *rpcFailure) answer {
	detail := struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}{f.code, f.text, f.data}
	text, err := rawjson.Marshal(detail)
	if err != nil {
		detail.Data = nil
		text, _ = rawjson.Marshal(detail)
	}
	return answer{body: jsonrpc.AppendError(nil, id, text), code: f.code, status: f.status}
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

// joinAnswers makes one batch response of those that are there.
func joinAnswers(answers []answer) answer {
	size := len("[]")
	for _, a := range answers {
		size += len(a.body) + len(",")
	}
	b := append(make([]byte, 0, size), '[')
	for _, a := range answers {
		if a.none() {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, a.body...)
		a.free()
	}
	if len(b) == 1 {
		return answer{}
	}
	return answer{body: append(b, ']')}
}
