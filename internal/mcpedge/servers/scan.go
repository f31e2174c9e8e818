package servers

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

// replacement stands for bytes that are no UTF-8.
const replacement = "\uFFFD"

// message is the envelope of one JSON-RPC message. Each field is the raw
// value of that member within the scanned bytes, nil if it is absent. Of
// members that occur twice the last counts.
type message struct {
	id, method, params, result, err []byte
	// outline is that of the result, if it is known.
	outline endpoint.Outline
}

// kind says what a message is for.
type kind int

// The kinds of messages. The zero value is nothing that JSON-RPC knows.
const (
	kindNone kind = iota
	kindAnswer
	kindNotification
	kindRequest
)

// kind tells the kind by which members are there. A null id, result or error
// counts as absent where something else is there to go by: some servers send
// "error": null beside a result.
func (m message) kind() kind {
	hasID := m.id != nil && !isNull(m.id)
	switch {
	case m.method != nil && hasID:
		return kindRequest
	case m.method != nil:
		return kindNotification
	case hasID && (m.result != nil || m.err != nil):
		return kindAnswer
	default:
		return kindNone
	}
}

// failed tells whether an answer is an error rather than a result.
func (m message) failed() bool {
	return m.err != nil && (!isNull(m.err) || m.result == nil)
}

// name is the decoded method.
func (m message) name() string { return unquote(m.method) }

// set keeps the value of a member that belongs to the envelope; outline is that
// of the value, if it is known.
func (m *message) set(key, value []byte, outline endpoint.Outline) {
	if bytes.IndexByte(key, '\\') >= 0 {
		key = []byte(unquote(key))
	} else {
		key = key[1 : len(key)-1]
	}
	switch string(key) {
	case "id":
		m.id = value
	case "method":
		m.method = value
	case "params":
		m.params = value
	case "result":
		m.result, m.outline = value, outline
	case "error":
		m.err = value
	}
}

// scan visits each message of a line: the one object, or every object of a
// batch. It reports whether the line was valid JSON of that shape; of an
// invalid batch the messages before the fault have been visited. It is one
// pass, checks what encoding/json checks, and shares memory with b. Bytes that
// are no UTF-8 are replaced first, as encoding/json does when it decodes: it
// calls them valid, but a client that is strict would drop its whole connection
// over one such answer.
func scan(b []byte, visit func(message)) bool {
	if i := rawjson.Space(b, 0); i < len(b) && b[i] == '[' {
		b = bytes.ToValidUTF8(b, []byte(replacement))
		return scanBatch(b, rawjson.Space(b, 0), visit)
	}
	m, ok := scanOne(b)
	if !ok && !utf8.Valid(b) {
		m, ok = scanOne(bytes.ToValidUTF8(b, []byte(replacement)))
	}
	if ok {
		visit(m)
	}
	return ok
}

// scanOne reads a line that is one message.
func scanOne(b []byte) (message, bool) {
	m, end := scanObject(b, rawjson.Space(b, 0), 0)
	return m, end >= 0 && rawjson.Space(b, end) == len(b)
}

func scanBatch(b []byte, i int, visit func(message)) bool {
	for {
		var m message
		m, i = scanObject(b, rawjson.Space(b, i+1), 1)
		if i < 0 {
			return false
		}
		visit(m)
		switch i = rawjson.Space(b, i); {
		case i < len(b) && b[i] == ',':
		case i < len(b) && b[i] == ']':
			return rawjson.Space(b, i+1) == len(b)
		default:
			return false
		}
	}
}

// scanObject reads the object that begins at i and gives the index behind it,
// -1 if it is not one.
func scanObject(b []byte, i, depth int) (m message, end int) {
	end = rawjson.Object(b, i, depth, func(key []byte, i int) (end int) {
		var outline endpoint.Outline
		if string(key) == `"result"` && i < len(b) && b[i] == '{' {
			outline, end = endpoint.ReadOutline(b, i, depth+1)
		} else {
			end = rawjson.Skip(b, i, depth+1)
		}
		if end >= 0 {
			m.set(key, b[i:end], outline)
		}
		return end
	})
	return m, end
}

func isNull(b []byte) bool { return string(b) == "null" }

// unquote decodes a JSON string; what is no string becomes the empty one.
func unquote(b []byte) string {
	if len(b) < 2 || b[0] != '"' {
		return ""
	}
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b[1 : len(b)-1])
	}
	var s string
	if json.Unmarshal(b, &s) != nil {
		return ""
	}
	return s
}
