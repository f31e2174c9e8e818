package main

import (
	"bytes"
	"iter"
)

// members goes through the members of a JSON object: keys without their
// quotes, values as they are written. It trusts that the object is valid; of
// other input it may miss members.
func members(obj []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		i := bytes.IndexByte(obj, '{') + 1
		for {
			start := bytes.IndexByte(obj[i:], '"')
			if start < 0 {
				return
			}
			start += i
			end := skipString(obj, start)
			colon := bytes.IndexByte(obj[end:], ':')
			if colon < 0 {
				return
			}
			from := skipSpace(obj, end+colon+1)
			to := skipValue(obj, from)
			if !yield(obj[start+1:end-1], obj[from:to]) {
				return
			}
			if i = skipSpace(obj, to); i >= len(obj) || obj[i] != ',' {
				return
			}
		}
	}
}

// member returns one member's value, nil if there is none.
func member(obj []byte, name string) []byte {
	for key, value := range members(obj) {
		if string(key) == name {
			return value
		}
	}
	return nil
}

// unquote takes the quotes off a string without decoding what is in it.
func unquote(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return nil
	}
	return value[1 : len(value)-1]
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the end of the value that begins at i.
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipString(b, i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			if depth == 0 {
				return i // The end of a number or a word.
			}
			depth--
			i++
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return len(b)
}

// skipString returns the end of the string whose opening quote is at i.
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			break
		}
		i += n
		escapes := 0
		for b[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
	return len(b)
}
