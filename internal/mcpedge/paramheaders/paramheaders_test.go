package paramheaders_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/mcpedge/paramheaders"
)

// many is a definition with n parameters that become headers.
func many(n int) []byte {
	properties := make([]string, n)
	for i := range properties {
		properties[i] = fmt.Sprintf(`"p%d":{"type":"string","x-mcp-header":"P%d"}`, i, i)
	}
	return fmt.Appendf(nil, `{"inputSchema":{"type":"object","properties":{%s}}}`, strings.Join(properties, ","))
}

// Each call looks for all of them.
func TestRead_tooManyHeaders_asksWrongly(t *testing.T) {
	if _, ok := paramheaders.Read("x", many(64)); !ok {
		t.Error("64 headers are refused, want them taken")
	}
	if _, ok := paramheaders.Read("x", many(65)); ok {
		t.Error("65 headers are taken, want them refused")
	}
}

func TestFew_areTheArgumentsThatBecomeHeaders(t *testing.T) {
	const definition = `{"inputSchema":{"type":"object","properties":{
		"region":{"type":"string","x-mcp-header":"Region"},
		"a":{"type":"object","properties":{"b":{"type":"string","x-mcp-header":"B"},"c":{"type":"string","x-mcp-header":"C"}}}}}}`
	tool, ok := paramheaders.Read("x", []byte(definition))
	if !ok {
		t.Fatal("the definition is refused")
	}
	long := strings.Repeat("x", paramheaders.MaxValue)
	for args, want := range map[string]struct{ few, twice string }{
		`{}`: {`{"arguments":{}}`, ""},
		`{"region":"x","other":[1],"a":{"b":"y","d":1}}`:           {`{"arguments":{"a":{"b":"y"},"region":"x"}}`, ""},
		`{"a":{"c":"z","b":"y"},"region":"` + long + `"}`:          {`{"arguments":{"a":{"b":"y","c":"z"}}}`, ""},
		`{"region":"x","r\u0065gion":"y"}`:                         {`{"arguments":{"region":"y"}}`, "region"},
		`{"a":{"b":"x","b":"y"}}`:                                  {`{"arguments":{"a":{"b":"y"}}}`, "a.b"},
		`{"a":{"b":"x"},"a":7}`:                                    {`{"arguments":{}}`, "a"},
		`[{"region":"x"}]`:                                         {`{"arguments":{}}`, ""},
		`{"region":{"region":"x","region":"y"},"x":{"a":{"b":1}}}`: {`{"arguments":{"region":{"region":"x","region":"y"}}}`, ""},
	} {
		if got := string(paramheaders.Few(tool, []byte(`{"arguments":`+args+`}`))); got != want.few {
			t.Errorf("%.99s: got %s, want %s", args, got, want.few)
		}
		if got := paramheaders.Repeated(tool, []byte(args)); got != want.twice {
			t.Errorf("%.99s: got %q twice, want %q", args, got, want.twice)
		}
	}
}
