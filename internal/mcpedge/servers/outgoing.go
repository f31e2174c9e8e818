package servers

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"gatehouse/internal/rawjson"
)

// errBadParams means that a caller gave params that are not JSON. They must
// not reach the wire: they could end the message early and begin another.
var errBadParams = errors.New("the params are not valid JSON")

// refusal is the error that a server gets for whatever it asks of us.
const refusal = `{"code":-32601,"message":"method not found"}`

// appendRequest appends one request as a line. params are copied as they are;
// only line ends between their tokens, which would end the line, become
// spaces.
func appendRequest(dst []byte, id int64, method string, params []byte) []byte {
	dst = append(dst, `{"jsonrpc":"2.0","id":`...)
	dst = strconv.AppendInt(dst, id, 10)
	return appendMethod(append(dst, ','), method, params)
}

// notificationLine is one notification as a line.
func notificationLine(method string, params []byte) []byte {
	return appendMethod([]byte(`{"jsonrpc":"2.0",`), method, params)
}

func appendMethod(dst []byte, method string, params []byte) []byte {
	dst = rawjson.AppendString(append(dst, `"method":`...), method)
	if len(params) > 0 {
		dst = append(dst, `,"params":`...)
		start := len(dst)
		dst = append(dst, params...)
		noLineEnds(dst[start:])
	}
	return append(dst, "}\n"...)
}

// noLineEnds replaces line ends by spaces. In valid JSON they stand only
// between tokens, so the value stays the same.
func noLineEnds(b []byte) {
	for _, end := range []byte("\n\r") {
		for rest := b; ; {
			i := bytes.IndexByte(rest, end)
			if i < 0 {
				break
			}
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
}

// replyLine is our answer to a request of a server: {} to ping, a refusal to
// all else, as no capability was declared. It is nil where the id can't be
// answered.
func replyLine(m message) []byte {
	if len(m.id) > maxSkimmedToken || m.id[0] == '{' || m.id[0] == '[' {
		return nil
	}
	line := append([]byte(`{"jsonrpc":"2.0","id":`), m.id...)
	if m.name() == methodPing {
		line = append(line, `,"result":{}`...)
	} else {
		line = append(append(line, `,"error":`...), refusal...)
	}
	line = append(line, "}\n"...)
	noLineEnds(line[:len(line)-1])
	return line
}

// cancelParams are the params of notifications/cancelled; id is JSON.
func cancelParams(id []byte) []byte {
	return append(append([]byte(`{"requestId":`), id...), `,"reason":"the caller no longer waits"}`...)
}

// withToken gives params with our progress token, which is JSON, in _meta.
// All else stays as it was. Params that are no object can't carry one.
func withToken(params, token []byte) []byte {
	if len(params) == 0 {
		params = []byte("{}")
	}
	if rawjson.First(params) != '{' {
		return params
	}
	return rawjson.Set(params, "_meta", rawjson.Set(rawjson.Get(params, "_meta"), "progressToken", token))
}

// splitToken takes the progress token out of the params of a progress
// notification. token is nil where there is none.
func splitToken(params []byte) (token, rest json.RawMessage) {
	if token = rawjson.Get(params, "progressToken"); token == nil {
		return nil, nil
	}
	return token, rawjson.Delete(params, "progressToken")
}
