//go:build unix

package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// member is one member of a JSON object, or with an empty key an element of an
// array, as the bytes that were sent.
type member struct{ key, value string }

// members takes an object apart, in its order and with its repetitions, and
// with the quotes and escapes of its keys.
func members(object []byte) ([]member, error) { return parts(object, '{') }

// elements takes an array apart.
func elements(array []byte) ([]member, error) { return parts(array, '[') }

func parts(raw []byte, open byte) ([]member, error) {
	s := scanner{raw: raw}
	if s.space(); s.now() != open {
		return nil, fmt.Errorf("this does not begin with %q: %.300q", open, raw)
	}
	s.at++
	if s.space(); s.now() == '}' || s.now() == ']' {
		return nil, nil
	}
	for out := []member(nil); ; s.at++ {
		var m member
		if s.space(); open == '{' {
			m.key = s.value()
			if s.space(); s.now() != ':' {
				return nil, fmt.Errorf("no colon at byte %d: %.300q", s.at, raw)
			}
			s.at++
			s.space()
		}
		m.value = s.value()
		out = append(out, m)
		switch s.space(); s.now() {
		case ',':
		case '}', ']':
			return out, nil
		default:
			return nil, fmt.Errorf("no comma and no end at byte %d: %.300q", s.at, raw)
		}
	}
}

// scanner goes through JSON. It only finds where values begin and end: whether
// they are valid is for those who compare them.
type scanner struct {
	raw []byte
	at  int
}

// now is the byte here, 0 behind the end.
func (s *scanner) now() byte {
	if s.at < len(s.raw) {
		return s.raw[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for c := s.now(); c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = s.now() {
		s.at++
	}
}

// value returns the bytes of the value that begins here, and stands behind it.
func (s *scanner) value() string {
	start, depth := s.at, 0
	for s.at < len(s.raw) {
		switch s.now() {
		case '"':
			s.text()
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
		default:
			s.at++
		}
		if depth == 0 && (s.at == len(s.raw) || bytes.IndexByte([]byte(" \t\r\n,:]}"), s.now()) >= 0) {
			break
		}
	}
	return string(s.raw[start:s.at])
}

// text goes behind a string.
func (s *scanner) text() {
	for s.at++; ; {
		i := bytes.IndexByte(s.raw[s.at:], '"')
		if i < 0 {
			s.at = len(s.raw)
			return
		}
		before := s.raw[s.at : s.at+i]
		s.at += i + 1
		if escapes := len(before) - len(bytes.TrimRight(before, `\`)); escapes%2 == 0 {
			return
		}
	}
}

// pick returns the last value of a key that is written plainly, nil if there is
// none.
func pick(object []byte, key string) []byte {
	list, err := members(object)
	if err != nil {
		return nil
	}
	var value []byte
	for _, m := range list {
		if m.key == `"`+key+`"` {
			value = []byte(m.value)
		}
	}
	return value
}

// text decodes a JSON string.
func text(raw []byte) string {
	var s string
	_ = json.Unmarshal(raw, &s) // Anything else is the empty string.
	return s
}

// compact is a value without white space between its tokens. Nothing else may
// change on the way, so this is what tests compare.
func compact(raw []byte) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return fmt.Sprintf("not JSON (%v): %q", err, raw)
	}
	return b.String()
}

// same reports whether two values are written alike, but for white space, and
// else where they begin to differ.
func same(got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	g, w := compact(got), compact(want)
	if g == w {
		return nil
	}
	i := 0
	for i < min(len(g), len(w)) && g[i] == w[i] {
		i++
	}
	from := max(0, i-40)
	return fmt.Errorf("at byte %d got %.120q, want %.120q", i, g[from:], w[from:])
}

// errNoResult is what resultOf returns for a JSON-RPC error.
var errNoResult = errors.New("no result")

// resultOf returns the result of a JSON-RPC response as it was sent.
func resultOf(response []byte) ([]byte, error) {
	if !json.Valid(response) {
		return nil, fmt.Errorf("this is not JSON: %.300q", response)
	}
	result := pick(response, "result")
	if result == nil {
		return nil, fmt.Errorf("%w: %.300s", errNoResult, response)
	}
	return result, nil
}
