package rawjson

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// MaxDepth is how deep values may nest: the limit of encoding/json, so that
// what passes here can be decoded elsewhere.
const MaxDepth = 10000

// Valid reports whether b is exactly one JSON value, by the rules of
// encoding/json, and UTF-8 as well.
func Valid(b []byte) bool {
	i := Skip(b, Space(b, 0), 0)
	return i >= 0 && Space(b, i) == len(b)
}

// Object reads the object that begins at i, in one pass, and returns the
// index behind it, or -1 if there is no valid object. depth is that of the container
// around it, 0 for none. For each member it calls member with the key, quotes
// included, and the index at which the value begins; member checks the value,
// with Skip or Object at depth+1, and returns the index behind it, or -1. Unlike
// the rest of this package it trusts nothing in b.
func Object(b []byte, i, depth int, member func(key []byte, i int) int) int {
	if depth >= MaxDepth || at(b, i) != '{' {
		return -1
	}
	i = Space(b, i+1)
	if at(b, i) == '}' {
		return i + 1
	}
	for {
		keyEnd := checkString(b, i)
		if keyEnd < 0 {
			return -1
		}
		value := behindColon(b, keyEnd)
		if value < 0 {
			return -1
		}
		end := member(b[i:keyEnd], value)
		if end < 0 {
			return -1
		}
		end = Space(b, end)
		switch at(b, end) {
		case ',':
			i = Space(b, end+1)
		case '}':
			return end + 1
		default:
			return -1
		}
	}
}

// Array is Object for an array: it calls element with the index at which each
// element begins; element checks it at depth+1 and returns the index behind it,
// or -1.
func Array(b []byte, i, depth int, element func(i int) int) int {
	if depth >= MaxDepth || at(b, i) != '[' {
		return -1
	}
	i = Space(b, i+1)
	if at(b, i) == ']' {
		return i + 1
	}
	for {
		end := element(i)
		if end < 0 {
			return -1
		}
		end = Space(b, end)
		switch at(b, end) {
		case ',':
			i = Space(b, end+1)
		case ']':
			return end + 1
		default:
			return -1
		}
	}
}

// Skip returns the index behind the value that begins at i, or -1 if there is no
// valid value. depth is that of the container around it.
func Skip(b []byte, i, depth int) int {
	switch at(b, i) {
	case '"':
		return checkString(b, i)
	case '{':
		return checkObject(b, i, depth+1)
	case '[':
		return checkArray(b, i, depth+1)
	case 't':
		return checkWord(b, i, "true")
	case 'f':
		return checkWord(b, i, "false")
	case 'n':
		return checkWord(b, i, "null")
	default:
		return checkNumber(b, i)
	}
}

// Space returns the index of the first byte from i on that is not white space.
func Space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// Plain returns what stands between the quotes of a string that has no escapes;
// ok is false for any other value.
func Plain(value []byte) (text []byte, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return nil, false
	}
	text = value[1 : len(value)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		return nil, false
	}
	return text, true
}

// checkObject is Object for members that nobody wants to see.
func checkObject(b []byte, i, depth int) int {
	if depth > MaxDepth {
		return -1
	}
	i = Space(b, i+1)
	if at(b, i) == '}' {
		return i + 1
	}
	for {
		if i = checkString(b, i); i < 0 {
			return -1
		}
		if i = behindColon(b, i); i < 0 {
			return -1
		}
		if i = Skip(b, i, depth); i < 0 {
			return -1
		}
		i = Space(b, i)
		switch at(b, i) {
		case ',':
			i = Space(b, i+1)
		case '}':
			return i + 1
		default:
			return -1
		}
	}
}

// behindColon returns the index of the value behind a key that ends at i.
func behindColon(b []byte, i int) int {
	if i = Space(b, i); at(b, i) != ':' {
		return -1
	}
	return Space(b, i+1)
}

func checkArray(b []byte, i, depth int) int {
	if depth > MaxDepth {
		return -1
	}
	i = Space(b, i+1)
	if at(b, i) == ']' {
		return i + 1
	}
	for {
		if i = Skip(b, i, depth); i < 0 {
			return -1
		}
		i = Space(b, i)
		switch at(b, i) {
		case ',':
			i = Space(b, i+1)
		case ']':
			return i + 1
		default:
			return -1
		}
	}
}

// checkString returns the index behind the string that begins at i.
func checkString(b []byte, i int) int {
	if at(b, i) != '"' {
		return -1
	}
	start, ascii := i, true
	for i++; ; i++ {
		var plain bool
		i, plain = special(b, i)
		ascii = ascii && plain
		switch at(b, i) {
		case '"':
			if !ascii && !utf8.Valid(b[start:i]) {
				return -1
			}
			return i + 1
		case '\\':
			if i = checkEscape(b, i+1); i < 0 {
				return -1
			}
		default: // The end, or a control byte, which must be escaped.
			return -1
		}
	}
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// special returns the index of the first byte from i on that needs a look inside
// a string: a quote, a backslash, a control byte; else that of the end. ascii is
// false if a byte on the way, or soon after it, is not ASCII. It takes
// eight bytes at a time, two times.
func special(b []byte, i int) (end int, ascii bool) {
	var seen uint64
	for ; i+16 <= len(b); i += 16 {
		v, w := binary.LittleEndian.Uint64(b[i:]), binary.LittleEndian.Uint64(b[i+8:])
		seen |= v | w
		if f := found(v); f != 0 {
			return i + bits.TrailingZeros64(f)/8, seen&highBits == 0
		}
		if f := found(w); f != 0 {
			return i + 8 + bits.TrailingZeros64(f)/8, seen&highBits == 0
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] != '"' && b[i] != '\\' {
		seen |= uint64(b[i])
		i++
	}
	return i, seen&highBits == 0
}

// found marks the special bytes of a word by their highest bit. The lowest mark
// is exact; higher ones may be carried there from it.
func found(w uint64) uint64 {
	quote, slash := w^('"'*eachByte), w^('\\'*eachByte)
	return (((w - ' '*eachByte) &^ w) | ((quote - eachByte) &^ quote) | ((slash - eachByte) &^ slash)) & highBits
}

// checkEscape returns the index of the last byte of the escape whose letter is
// at i.
func checkEscape(b []byte, i int) int {
	switch at(b, i) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i
	case 'u':
		for range 4 {
			i++
			if !isHex(at(b, i)) {
				return -1
			}
		}
		return i
	default:
		return -1
	}
}

// checkNumber returns the index behind the number that begins at i.
func checkNumber(b []byte, i int) int {
	if at(b, i) == '-' {
		i++
	}
	switch c := at(b, i); {
	case c == '0':
		i++
	case isDigit(c):
		i = skipDigits(b, i)
	default:
		return -1
	}
	if at(b, i) == '.' {
		if !isDigit(at(b, i+1)) {
			return -1
		}
		i = skipDigits(b, i+1)
	}
	if c := at(b, i); c == 'e' || c == 'E' {
		i++
		if c := at(b, i); c == '+' || c == '-' {
			i++
		}
		if !isDigit(at(b, i)) {
			return -1
		}
		i = skipDigits(b, i)
	}
	return i
}

func skipDigits(b []byte, i int) int {
	for isDigit(at(b, i)) {
		i++
	}
	return i
}

func checkWord(b []byte, i int, word string) int {
	if end := i + len(word); end <= len(b) && string(b[i:end]) == word {
		return end
	}
	return -1
}

// at returns the byte at i, 0 behind the end: no token begins or goes on with a
// zero byte, so that callers need no check of their own.
func at(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
