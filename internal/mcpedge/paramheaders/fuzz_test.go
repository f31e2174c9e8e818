package paramheaders_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"gatehouse/internal/mcpedge/paramheaders"
)

// A server says what becomes a header, and an agent what it holds.
func FuzzHeaders(f *testing.F) {
	const region = `{"inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}`
	const inner = `{"inputSchema":{"type":"object","properties":{"a":{"type":"object","properties":{"b":{"type":"integer","x-mcp-header":"B"}}}}}}`
	f.Add(region, `{"region":"x"}`)
	f.Add(region, `{"region":"x","r\u0065gion":"y"}`)
	f.Add(region, `{"region":{"region":[]}}`)
	f.Add(inner, `{"a":{"b":1,"b":2}}`)
	f.Add(inner, `{"a":null,"a":{"b":1}}`)
	f.Add(inner, `[]`)
	f.Add(`{"inputSchema":[{"x-mcp-header":1}]}`, `{}`)
	f.Fuzz(func(t *testing.T, definition, args string) {
		if !json.Valid([]byte(definition)) || !json.Valid([]byte(args)) || !utf8.ValidString(definition+args) {
			return // Such do not get here.
		}
		tool, ok := paramheaders.Read("x", []byte(definition))
		if !ok {
			return
		}
		_ = paramheaders.Repeated(tool, []byte(args))
		few := paramheaders.Few(tool, []byte(`{"arguments":`+args+`}`))
		if !json.Valid(few) {
			t.Errorf("of %s for %s: got %s, want JSON", args, definition, few)
		}
	})
}
