// Package rawjson reads and changes single members of a JSON object as bytes,
// without decoding the rest: what is not touched stays as it was written. It
// is pure. Its input must be valid JSON (json.Valid); on other input the
// answers are unspecified but there is no panic.
package rawjson

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// Member is one member of an object, as byte offsets into it.
type Member struct {
	Key        string // decoded
	Start, End int    // of the value
}

// Members lists the members of an object in order. ok is false when obj is no
// object.
func Members(obj []byte) (list []Member, ok bool) {
	i := skipSpace(obj, 0)
	if i >= len(obj) || obj[i] != '{' {
		return nil, false
	}
	for i = skipSpace(obj, i+1); i < len(obj) && obj[i] == '"'; i = skipSpace(obj, i+1) {
		keyEnd := skipValue(obj, i)
		key := decodeKey(obj[i:keyEnd])
		i = skipSpace(obj, keyEnd)
		if i >= len(obj) || obj[i] != ':' {
			return nil, false
		}
		start := skipSpace(obj, i+1)
		end := skipValue(obj, start)
		list = append(list, Member{Key: key, Start: start, End: end})
		if i = skipSpace(obj, end); i >= len(obj) || obj[i] != ',' {
			break
		}
	}
	return list, i < len(obj) && obj[i] == '}'
}

// Get gives the value of the last member of that name, nil if there is none.
func Get(obj []byte, key string) json.RawMessage {
	members, _ := Members(obj)
	var value json.RawMessage
	for _, m := range members {
		if m.Key == key {
			value = obj[m.Start:m.End]
		}
	}
	return value
}

// Set gives a copy of the object in which key has the value: replaced where
// it stands last, or appended. Where obj is no object the copy is a new one.
func Set(obj []byte, key string, value []byte) json.RawMessage {
	members, ok := Members(obj)
	if !ok {
		obj, members = []byte("{}"), nil
	}
	for _, m := range slices.Backward(members) {
		if m.Key == key {
			return join(obj[:m.Start], value, obj[m.End:])
		}
	}
	name, _ := json.Marshal(key) //nolint:errchkjson // A string always marshals.
	end := bytes.LastIndexByte(obj, '}')
	if len(members) > 0 {
		return join(obj[:end], []byte{','}, name, []byte{':'}, value, obj[end:])
	}
	return join(obj[:end], name, []byte{':'}, value, obj[end:])
}

// Delete gives a copy of the object without that key.
func Delete(obj []byte, key string) json.RawMessage {
	members, ok := Members(obj)
	if !ok {
		return bytes.Clone(obj)
	}
	out := []byte{'{'}
	for _, m := range members {
		if m.Key == key {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		name, _ := json.Marshal(m.Key) //nolint:errchkjson // A string always marshals.
		out = append(append(append(out, name...), ':'), obj[m.Start:m.End]...)
	}
	return append(out, '}')
}

// First gives the first byte of a value: one of { [ " t f n - 0-9, or 0 if
// there is none.
func First(value []byte) byte {
	if i := skipSpace(value, 0); i < len(value) {
		return value[i]
	}
	return 0
}

func join(parts ...[]byte) json.RawMessage { return bytes.Join(parts, nil) }

func decodeKey(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 && len(quoted) >= 2 && utf8.Valid(quoted) {
		return string(quoted[1 : len(quoted)-1])
	}
	var key string
	_ = json.Unmarshal(quoted, &key) // Invalid input gives the empty key.
	return key
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue gives the offset behind the value that begins at i.
func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return len(b)
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	for i < len(b) && !bytes.ContainsRune([]byte(",}] \t\r\n"), rune(b[i])) {
		i++
	}
	return i
}

func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

func skipNested(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = skipString(b, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}
