package endpoint_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"gatehouse/internal/endpoint"
)

// FuzzOutline holds both outlines of a result against each other and against
// encoding/json.
func FuzzOutline(f *testing.F) {
	f.Add([]byte(`{"isError":true,"content":[{"type":"text"}],"structuredContent":{"a":1},"_meta":{}}`))
	f.Add([]byte(`{"isError":false, "isError" : true}`))
	f.Add([]byte(`{"is\u0045rror":true}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, result []byte) {
		var members map[string]json.RawMessage
		if json.Unmarshal(result, &members) != nil || members == nil || !utf8.Valid(result) || result[0] != '{' || result[len(result)-1] != '}' {
			return // A session hands on objects alone, without spaces around.
		}
		o, end := endpoint.ReadOutline(result, 0, 0)
		if end != len(result) {
			t.Fatalf("%s: read to %d, want %d", result, end, len(result))
		}
		if !o.Known {
			return
		}
		other := endpoint.OutlineOf(result)
		if other.Posing = o.Posing; other != o { // It does not look for that.
			t.Errorf("%s: got %+v by one way, %+v by the other, want the same", result, o, other)
		}
		for name, span := range map[string]endpoint.Span{"isError": o.IsError, "content": o.Content, "structuredContent": o.Structured, "_meta": o.Meta} {
			if got, want := string(span.Of(result)), string(members[name]); got != want {
				t.Errorf("%s: %s is %s, want %s", result, name, got, want)
			}
		}
		if o.Empty != (len(members) == 0) {
			t.Errorf("%s: got empty %v, want %v", result, o.Empty, len(members) == 0)
		}
	})
}

// FuzzErrorText reads the words of any error object of a server.
func FuzzErrorText(f *testing.F) {
	f.Add([]byte(`{"code":-32000,"message":"no"}`))
	f.Add([]byte(`"plain words"`))
	f.Add([]byte(`{"code":"E_NO","detail":{"a":1}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if json.Valid(raw) && endpoint.ErrorText(raw) == "" {
			t.Errorf("%s has no words, want some", raw)
		}
	})
}
