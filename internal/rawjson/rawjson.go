// Package rawjson reads and changes single members of a JSON object as bytes,
// without decoding the rest: what is not touched stays as it was written. It
// is pure. Its input must be valid JSON (json.Valid); on other input the
// answers are unspecified but there is no panic.
package rawjson

import (
	"bytes"
	"encoding/json"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Member is one member of an object, as byte offsets into it.
type Member struct {
	Key        string // decoded
	Start, End int    // of the value
}

// Each visits the members of an object in order: the decoded key, and the
// offsets of the value. It returns false if obj is not an object. Keys with escapes
// share one buffer, and are not decoded beyond 64 KiB; visit must not keep them.
func Each(obj []byte, visit func(key []byte, start, end int)) bool {
	i := Space(obj, 0)
	if at(obj, i) != '{' {
		return false
	}
	var scratch []byte // For keys with escapes.
	for i = Space(obj, i+1); at(obj, i) == '"'; i = Space(obj, i+1) {
		keyEnd := skipValue(obj, i)
		key, plain := Plain(obj[i:keyEnd])
		if !plain || !utf8.Valid(key) {
			scratch = appendText(scratch[:0], obj[i:keyEnd])
			key = scratch
		}
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
	from, to, empty := -1, -1, true
	if !Each(obj, func(k []byte, start, end int) {
		if empty = false; string(k) == key {
			from, to = start, end
		}
	}) {
		obj, from, empty = []byte("{}"), -1, true
	}
	if from >= 0 {
		return join(obj[:from], value, obj[to:])
	}
	name, _ := json.Marshal(key) //nolint:errchkjson // A string always marshals.
	end := bytes.LastIndexByte(obj, '}')
	if empty {
		return join(obj[:end], name, []byte{':'}, value, obj[end:])
	}
	return join(obj[:end], []byte{','}, name, []byte{':'}, value, obj[end:])
}

// Delete returns a copy of the object without that key.
func Delete(obj []byte, key string) json.RawMessage {
	out, at := append(make([]byte, 0, len(obj)), '{'), 0
	if !Each(obj, func(k []byte, _, end int) {
		if string(k) != key {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(out, bytes.TrimLeft(obj[at:end], "{, \t\r\n")...)
		}
		at = end
	}) {
		return bytes.Clone(obj)
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
func Name(quoted []byte) string {
	if text, plain := Plain(quoted); plain && utf8.Valid(text) {
		return string(text)
	}
	return string(appendText(nil, quoted))
}

// maxKeyDecoded is the size in bytes up to which a key is decoded. No name that
// means anything is longer, and a key may be as long as its message.
const maxKeyDecoded = 64 << 10

// appendText appends the text of a string as encoding/json decodes it.
func appendText(dst, quoted []byte) []byte {
	if len(quoted) > maxKeyDecoded {
		return append(dst, quoted...)
	}
	for i := 1; i < len(quoted)-1; i++ {
		if quoted[i] != '\\' {
			dst = append(dst, quoted[i])
			continue
		}
		i++
		switch c := at(quoted, i); c {
		case 'b', 'f', 'n', 'r', 't':
			dst = append(dst, "\b\f\n\r\t"[bytes.IndexByte([]byte("bfnrt"), c)])
		case 'u':
			r := hexRune(quoted, i+1)
			i += 4
			if utf16.IsSurrogate(r) {
				pair := rune(unicode.ReplacementChar)
				if at(quoted, i+1) == '\\' && at(quoted, i+2) == 'u' {
					pair = utf16.DecodeRune(r, hexRune(quoted, i+3))
				}
				if r = pair; r != unicode.ReplacementChar {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default: // A quote, a backslash or a slash.
			dst = append(dst, c)
		}
	}
	if utf8.Valid(dst) {
		return dst
	}
	return validUTF8(dst)
}

// validUTF8 puts U+FFFD in place of each byte that is not UTF-8, as
// encoding/json does.
func validUTF8(text []byte) []byte {
	out := make([]byte, 0, len(text)+8)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		out = utf8.AppendRune(out, r)
		text = text[size:]
	}
	return out
}

// hexRune is the number of four hexadecimal digits; zero for others.
func hexRune(b []byte, i int) (r rune) {
	for range 4 {
		c := at(b, i)
		i++
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case isHex(c):
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0
		}
	}
	return r
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
