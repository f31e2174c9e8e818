package rawjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Encode writes v as one line of JSON. Unlike json.Encoder's default it leaves
// <, > and & alone: nothing here is read by a browser as HTML, and raw values
// must stay as they were sent.
func Encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("cannot encode JSON: %w", err)
	}
	return nil
}

// Marshal is json.Marshal that leaves <, > and & alone.
func Marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	if err := Encode(&b, v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

// AppendString appends a string as JSON. Bytes that are not UTF-8 are replaced;
// <, > and & are left alone.
func AppendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendEscaped(dst, s)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

func appendEscaped(dst []byte, s string) []byte {
	text, _ := Marshal(s) // A string always encodes.
	return append(dst, text...)
}
