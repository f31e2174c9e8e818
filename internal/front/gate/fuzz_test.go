package gate_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"gatehouse/internal/front/gate"
	"gatehouse/internal/rawjson"
)

// What is taken can be read in one way only.
func FuzzArguments(f *testing.F) {
	for tool, list := range map[string][]string{
		"list_servers":     {`{"agent_id":"a","include_metadata":"true"}`, `{"agent_id":"a","Agent_id":"b"}`, `null`, `[]`, `""`},
		"get_server_tools": {`{"agent_id":"a","server":"db","names":["a",null,"b"],"pattern":"x*"}`, `{"server":"db","names":"a,b","max_schema_tokens":1e3}`},
		"execute_tool":     {`{"agent_id":"a","server":"db","tool":"q","args":{"a":1},"timeout_ms":"500"}`, `{"server":"db","tool":"q","arguments":"{\"a\":1}"}`, `{"server":"db","tool":"q","args":null,"arguments":{}}`},
		"search_tools":     {`{"query":"x","limit":5}`, `{"query":"x","query":"y"}`, `{"qu\u0065ry":"x","query":"y"}`},
	} {
		for _, raw := range list {
			f.Add(tool, raw)
		}
	}
	f.Fuzz(func(t *testing.T, tool, raw string) {
		if !json.Valid([]byte(raw)) || !utf8.ValidString(raw) {
			return // Such do not get here.
		}
		takes, known := gate.TakesArguments(tool, []byte(raw))
		if wrong := rawjson.Misnamed([]byte(raw), known...); takes && wrong != nil {
			t.Errorf("%s takes %s, want it refused: %v", tool, raw, wrong)
		}
	})
}
