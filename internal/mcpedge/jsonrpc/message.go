package jsonrpc

import (
	"bytes"
	"unicode/utf8"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

// replacement stands for bytes that are not UTF-8.
const replacement = "\uFFFD"

// Message is the envelope of one JSON-RPC message. Each member is its raw value
// within the bytes that were read, nil if it is absent. Of a member that occurs
// twice the last counts.
type Message struct {
	Version, ID, Method, Params, Result, Error []byte
	// Outline is that of the result, if it is an object.
	Outline endpoint.Outline
	// Ambiguous is set if a member of the envelope occurs twice, or one whose
	// name differs from such a member's in nothing but letter case: another
	// reader may take the message for something else.
	Ambiguous bool
}

// Kind says what a message is for.
type Kind int

// The kinds of messages. The zero value is nothing that JSON-RPC knows.
const (
	Unknown Kind = iota
	Answer
	Notification
	Request
)

// Kind returns the kind, by which members are there. A null id, result or error
// counts as absent where something else is there to go by: some servers send
// "error": null beside a result.
func (m Message) Kind() Kind {
	hasID := m.ID != nil && !rawjson.IsNull(m.ID)
	switch {
	case m.Method != nil && hasID:
		return Request
	case m.Method != nil:
		return Notification
	case hasID && (m.Result != nil || m.Error != nil):
		return Answer
	default:
		return Unknown
	}
}

// Failed reports whether an answer is an error rather than a result.
func (m Message) Failed() bool {
	return m.Error != nil && (!rawjson.IsNull(m.Error) || m.Result == nil)
}

// Name is the decoded method.
func (m Message) Name() string { return rawjson.Text(m.Method) }

// names are the members of an envelope.
var names = [...]string{"jsonrpc", "id", "method", "params", "result", "error"}

// set keeps the value of a member that belongs to the envelope; outline is that
// of the value, if it is known.
func (m *Message) set(key, value []byte, outline endpoint.Outline) {
	name, plain := rawjson.Plain(key)
	if !plain {
		name = []byte(rawjson.Text(key))
	}
	member := m.member(name)
	switch {
	case member == nil:
		for _, known := range names {
			m.Ambiguous = m.Ambiguous || bytes.EqualFold(name, []byte(known))
		}
		return
	case *member != nil:
		m.Ambiguous = true
	}
	*member = value
	if member == &m.Result {
		m.Outline = outline
	}
}

// member returns where the value of a member is kept, nil for one that does not
// belong to the envelope.
func (m *Message) member(name []byte) *[]byte {
	switch string(name) {
	case "jsonrpc":
		return &m.Version
	case "id":
		return &m.ID
	case "method":
		return &m.Method
	case "params":
		return &m.Params
	case "result":
		return &m.Result
	case "error":
		return &m.Error
	default:
		return nil
	}
}

// Scan visits each message of a line: the one object, or every object of a
// batch. It reports whether the line was valid JSON of that shape; of an
// invalid batch the messages before the fault have been visited. It is one
// pass, checks what encoding/json checks, and shares memory with b. Bytes that
// are not UTF-8 are replaced first, as encoding/json does when it decodes: it
// calls them valid, but a client that is strict would drop its whole connection
// over one such answer.
func Scan(b []byte, visit func(Message)) bool {
	if i := rawjson.Space(b, 0); i < len(b) && b[i] == '[' {
		if !utf8.Valid(b) {
			b = bytes.ToValidUTF8(b, []byte(replacement))
		}
		return scanBatch(b, rawjson.Space(b, 0), visit)
	}
	m, ok := Read(b)
	if !ok && !utf8.Valid(b) {
		m, ok = Read(bytes.ToValidUTF8(b, []byte(replacement)))
	}
	if ok {
		visit(m)
	}
	return ok
}

// Read reads one message and nothing else. It reports whether b is an object,
// and UTF-8.
func Read(b []byte) (Message, bool) {
	m, end := readObject(b, rawjson.Space(b, 0), 0)
	return m, end >= 0 && rawjson.Space(b, end) == len(b)
}

func scanBatch(b []byte, i int, visit func(Message)) bool {
	for {
		var m Message
		m, i = readObject(b, rawjson.Space(b, i+1), 1)
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

// readObject reads the object that begins at i and returns the index behind it,
// -1 if it is not one.
func readObject(b []byte, i, depth int) (m Message, end int) {
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
