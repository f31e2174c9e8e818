package jsonrpc

import (
	"bytes"

	"gatehouse/internal/rawjson"
)

// head begins every message.
const head = `{"jsonrpc":"2.0",`

// AppendRequest appends a request, without the end of its line. id and params
// are JSON and copied as they are; only line ends between their tokens, which
// would end the line, become spaces. Empty params are left out.
func AppendRequest(dst, id []byte, method string, params []byte) []byte {
	dst = append(append(dst, head...), `"id":`...)
	dst = append(append(dst, id...), ',')
	return appendMethod(dst, method, params)
}

// AppendNotification is AppendRequest for a message that asks for no answer.
func AppendNotification(dst []byte, method string, params []byte) []byte {
	return appendMethod(append(dst, head...), method, params)
}

func appendMethod(dst []byte, method string, params []byte) []byte {
	dst = rawjson.AppendString(append(dst, `"method":`...), method)
	if len(params) > 0 {
		dst = appendOneLine(append(dst, `,"params":`...), params)
	}
	return append(dst, '}')
}

// AppendResultHead begins a response. The result must follow, on one line, and
// then a brace. Without an id it is null.
func AppendResultHead(dst, id []byte) []byte {
	if id == nil {
		id = []byte("null")
	}
	dst = append(append(dst, head...), `"id":`...)
	return append(append(dst, id...), `,"result":`...)
}

// AppendResult appends a response, as AppendRequest does a request.
func AppendResult(dst, id, result []byte) []byte {
	return append(appendOneLine(AppendResultHead(dst, id), result), '}')
}

// AppendError appends a response that is an error. failure is the error object.
// Without an id there is no such member.
func AppendError(dst, id, failure []byte) []byte {
	dst = append(dst, head...)
	if id != nil {
		dst = append(append(append(dst, `"id":`...), id...), ',')
	}
	return append(appendOneLine(append(dst, `"error":`...), failure), '}')
}

func appendOneLine(dst, value []byte) []byte {
	start := len(dst)
	dst = append(dst, value...)
	OneLine(dst[start:])
	return dst
}

// OneLine replaces line ends by spaces, in place. In valid JSON they stand
// between tokens only, so the value stays the same; in a stream of lines or
// events they would end the message.
func OneLine(b []byte) {
	for _, end := range []byte("\n\r") {
		rest := b
		for i := bytes.IndexByte(rest, end); i >= 0; i = bytes.IndexByte(rest, end) {
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
}
