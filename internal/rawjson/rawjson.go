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

// Each visits the members of an object in order: the decoded key, and the
// offsets of the value. It returns false if obj is not an object. It allocates only
// for keys that have escapes; visit must not keep the key.
func Each(obj []byte, visit func(key []byte, start, end int)) bool {
	i := Space(obj, 0)
	if at(obj, i) != '{' {
		return false
	}
	for i = Space(obj, i+1); at(obj, i) == '"'; i = Space(obj, i+1) {
		keyEnd := skipValue(obj, i)
		key := decodeKey(obj[i:keyEnd])
		start := behindColon(obj, keyEnd)
		if start < 0 {
			return false
		}
		end := skipValue(obj, start)
		visit(key, start, end)
		if i = Space(obj, end); at(obj, i) != ',' {
			break
		}
	}
	return at(obj, i) == '}'
}

// Members lists the members of an object in order. ok is false when obj is no
// object.
func Members(obj []byte) (list []Member, ok bool) {
	ok = Each(obj, func(key []byte, start, end int) {
		list = append(list, Member{Key: string(key), Start: start, End: end})
	})
	return list, ok
}

// Get returns the value of the last member of that name, nil if there is none.
func Get(obj []byte, key string) json.RawMessage {
	var value json.RawMessage
	Each(obj, func(k []byte, start, end int) {
		if string(k) == key {
			value = obj[start:end]
		}
	})
	return value
}

// Set returns a copy of the object in which key has the value: replaced where
// it stands last, or appended. If obj is not an object the copy is a new one.
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

// Delete returns a copy of the object without that key.
func Delete(obj []byte, key string) json.RawMessage {
	members, ok := Members(obj)
	if !ok {
		return bytes.Clone(obj)
	}
	out, at := []byte{'{'}, 0
	for _, m := range members {
		if m.Key != key {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(out, bytes.TrimLeft(obj[at:m.End], "{, \t\r\n")...)
		}
		at = m.End
	}
	return append(out, '}')
}

// First returns the first byte of a value: one of { [ " t f n - 0-9, or 0 if
// there is none.
func First(value []byte) byte {
	if i := Space(value, 0); i < len(value) {
		return value[i]
	}
	return 0
}

// IsNull reports whether a value, without white space around it, is null.
func IsNull(value []byte) bool { return string(value) == "null" }

// Text returns the text of a string, and "" for any other value.
func Text(value []byte) string {
	if text, plain := Plain(value); plain && utf8.Valid(text) {
		return string(text)
	}
	if First(value) != '"' {
		return ""
	}
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

func join(parts ...[]byte) json.RawMessage { return bytes.Join(parts, nil) }

// Name returns the decoded key of a member, given as Object does.
func Name(quoted []byte) string { return string(decodeKey(quoted)) }

func decodeKey(quoted []byte) []byte {
	if text, plain := Plain(quoted); plain && utf8.Valid(text) {
		return text
	}
	var key string
	_ = json.Unmarshal(quoted, &key) // Invalid input gives the empty key.
	return []byte(key)
}

// skipValue returns the offset behind the value that begins at i.
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

// skipString looks for the quote that no backslash stands before: most text
// has few of either.
func skipString(b []byte, i int) int {
	for i++; ; i++ {
		n := bytes.IndexByte(b[min(i, len(b)):], '"')
		if n < 0 {
			return len(b)
		}
		i += n
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
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
