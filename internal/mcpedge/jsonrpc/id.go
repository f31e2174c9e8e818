package jsonrpc

import (
	"bytes"
	"unicode/utf8"
)

// MaxIDBytes bounds the id of a request, which is kept while its call runs.
const MaxIDBytes = 1024

// ValidID reports whether a JSON value may be the id of a request: a string or
// an integer, of at most MaxIDBytes.
func ValidID(id []byte) bool {
	if len(id) == 0 || len(id) > MaxIDBytes || !utf8.Valid(id) {
		return false
	}
	c := id[0]
	return c == '"' || (c == '-' || '0' <= c && c <= '9') && !bytes.ContainsAny(id, ".eE")
}
