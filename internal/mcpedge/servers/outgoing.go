package servers

import (
	"encoding/json"
	"errors"
	"strconv"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// errBadParams means that a caller gave params that are not JSON. They must
// not reach the wire: they could end the message early and begin another.
var errBadParams = errors.New("the params are not valid JSON")

// refusal is the error that a server gets for whatever it asks of us.
const refusal = `{"code":-32601,"message":"method not found"}`

// replyLine is our answer to a request of a server: {} to ping, a refusal to
// all else, as no capability was declared. It is nil where the id can't be
// answered.
func replyLine(m jsonrpc.Message) []byte {
	var line []byte
	switch {
	case len(m.ID) > jsonrpc.MaxIDBytes, m.ID[0] == '{', m.ID[0] == '[':
		return nil
	case m.Name() == methodPing:
		line = jsonrpc.AppendResult(nil, m.ID, []byte("{}"))
	default:
		line = jsonrpc.AppendError(nil, m.ID, []byte(refusal))
	}
	return append(line, '\n')
}

// requestLine appends one request as a line.
func requestLine(dst []byte, id int64, method string, params []byte) []byte {
	var digits [20]byte
	return append(jsonrpc.AppendRequest(dst, strconv.AppendInt(digits[:0], id, 10), method, params), '\n')
}

// notificationLine is one notification as a line.
func notificationLine(method string, params []byte) []byte {
	return append(jsonrpc.AppendNotification(nil, method, params), '\n')
}

// cancelParams are the params of notifications/cancelled; id is JSON.
func cancelParams(id []byte) []byte {
	return append(append([]byte(`{"requestId":`), id...), `,"reason":"the caller no longer waits"}`...)
}

// withToken returns params with our progress token, which is JSON, in _meta.
// All else stays as it was. Params that are not an object can't carry one.
func withToken(params, token []byte) []byte {
	if len(params) == 0 {
		params = []byte("{}")
	}
	if rawjson.First(params) != '{' {
		return params
	}
	return rawjson.Set(params, "_meta", rawjson.Set(rawjson.Get(params, "_meta"), "progressToken", token))
}

// withLevel returns params with the level of log messages that are wanted in _meta, if
// any are.
func withLevel(params []byte, level endpoint.Level) []byte {
	if level == 0 || rawjson.First(params) != '{' {
		return params
	}
	meta := rawjson.Get(params, "_meta")
	if rawjson.First(meta) != '{' {
		meta = []byte("{}")
	}
	return rawjson.Set(params, "_meta", rawjson.Set(meta, metaLogLevel, []byte(`"`+level.String()+`"`)))
}

// splitToken takes the progress token out of the params of a progress
// notification, and what of _meta is the gateway's. token is nil where there is
// none.
func splitToken(params []byte) (token, rest json.RawMessage) {
	if token = rawjson.Get(params, "progressToken"); token == nil {
		return nil, nil
	}
	return token, endpoint.WithoutOwnMeta(rawjson.Delete(params, "progressToken"))
}
