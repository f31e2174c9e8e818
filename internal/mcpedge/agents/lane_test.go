package agents_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/mcpedge/agents"
)

// FuzzLane holds the two readings of a call against each other: what the lane
// takes means the same to the reader of all other messages.
func FuzzLane(f *testing.F) {
	for _, seed := range []string{
		call("1", "execute_tool", `{"server":"a"}`), callWithToken(`"a"`, "x", `"token"`), statelessCall("-1", "x", `[{"a":"\u00e9"}]`),
		`{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"_meta":{},"name":"x","inputResponses":{},"requestState":"s"}}`,
		`{"jsonrpc":"2.0","id":1,"ID":2,"method":"tools/call","params":{"name":"x"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","Name":"y"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","na\u006de":"z"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"},"params":{"name":"y"}}`,
		`{"jsonrpc":"2.0","id":1e0,"method":"tools/call","params":{"name":"x"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":null}} {}`,
		"\ufeff" + call("1", "x", `{}`), call("1", "x", "\"\xff\""),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		got, ok := agents.ReadInLane(message)
		if !ok {
			return
		}
		want, ok := agents.ReadInDetour(message)
		if !ok {
			t.Fatal("the lane takes what is no message")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}
