package surface

import (
	"encoding/json"
	"strconv"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// The codes of JSON-RPC errors.
const (
	rpcMethodNotFound = -32601
	rpcInvalidParams  = -32602
	rpcInternal       = -32603
)

// MetaError is the member of a refused tool call's _meta that holds the error
// object.
const MetaError = endpoint.OwnMeta + "error"

// rpcError makes a JSON-RPC error of the gateway's own. data is an object, or nil
// for none; it gets the mark by which errors of servers, which pass, can be told
// from it.
func rpcError(code int, message string, data json.RawMessage) *agents.Error {
	object := append(strconv.AppendInt([]byte(`{"code":`), int64(code), 10), `,"message":`...)
	object = append(rawjson.AppendString(object, message), `,"data":`...)
	object = append(object, rawjson.Set(data, "_meta", json.RawMessage(`{"`+endpoint.MetaOrigin+`":"gateway"}`))...)
	return &agents.Error{Code: code, Object: append(object, '}')}
}

func unknownMethod(method string) *agents.Error {
	return rpcError(rpcMethodNotFound, "there is no method "+front.Shown(method)+" here", nil)
}

// failed is the JSON-RPC error for a failure of what is not a tool call.
func failed(f *front.Failure, notThere int) *agents.Error {
	code := rpcInternal
	switch f.Code {
	case front.CodeDenied, front.CodeServerNotFound, codeNotFound:
		code = notThere
	case front.CodeInvalidArgument:
		code = rpcInvalidParams
	}
	return rpcError(code, f.Message, f.JSON())
}

// passed is a server's own JSON-RPC error.
func passed(rpc json.RawMessage) *agents.Error {
	code, err := strconv.Atoi(string(rawjson.Get(rpc, "code")))
	if err != nil || code == 0 {
		code = rpcInternal
	}
	return &agents.Error{Code: code, Object: rpc}
}

// refused is the result that tells a model why its tool call failed.
// structuredContent would have to be what the tool promises, so the error
// object stands in _meta.
func refused(f *front.Failure) relay.Result {
	body := f.JSON()
	raw := make(json.RawMessage, 0, 2*len(body)+150)
	raw = append(append(raw, `{"content":[{"type":"text","text":`...), rawjson.Get(body, "message")...)
	raw = append(append(raw, `}],"isError":true,"_meta":{"`+MetaError+`":`...), body...)
	return relay.Look(append(raw, `,"`+endpoint.MetaOrigin+`":"gateway"}}`...))
}
