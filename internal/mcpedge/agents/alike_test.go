package agents_test

import (
	"fmt"
	"testing"

	"gatehouse/internal/mcpedge/agents"
)

// A call of 2026-07-28 whose members are of a wrong type is answered alike,
// whichever way it takes.
func TestHTTP_membersOfAWrongType_areJudgedAlikeInTheLane(t *testing.T) {
	lane := serveHTTP(t, newEdge(t, newScript(), func(o *agents.Options) { o.NoFastLane = false }))
	detour := serveHTTP(t, newEdge(t, newScript(), func(o *agents.Options) { o.NoFastLane = true }))
	const meta = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":`
	headers := []string{"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "echo"}
	for _, params := range []string{
		`"_meta":{` + meta + `{}}`, `"_meta":{` + meta + `5}`, `"_meta":{` + meta + `null}`, `"_meta":{` + meta + `{"roots":5}}`,
		`"_meta":{` + meta + `{},"io.modelcontextprotocol/clientInfo":5}`, `"_meta":{` + meta + `{},"progressToken":{}}`,
		`"inputResponses":{"a":5},"_meta":{` + meta + `{}}`, `"inputResponses":5,"_meta":{` + meta + `{}}`, `"inputResponses":null,"_meta":{` + meta + `{}}`,
		`"requestState":"s","_meta":{` + meta + `{}}`, `"requestState":5,"_meta":{` + meta + `{}}`, `"requestState":null,"_meta":{` + meta + `{}}`,
	} {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo",%s}}`, params)
		got, want := post(t, lane.URL, body, headers...), post(t, detour.URL, body, headers...)
		if got.status != want.status || got.body != want.body {
			t.Errorf("%s:\nin the lane  %d %s\nelsewhere    %d %s", params, got.status, got.body, want.status, want.body)
		}
	}
}
