package agents_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/mcpedge/agents"
)

var toolRequests = []string{
	call("1", "execute_tool", `{"server":"a"}`), callWithToken(`"a"`, "x", `"token"`), statelessCall("-1", "x", `[{"a":"\u00e9"}]`),
	`{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"_meta":{},"name":"x","inputResponses":{},"requestState":"s"}}`,
	`{"jsonrpc":"2.0","id":1,"ID":2,"method":"tools/call","params":{"name":"x"}}`,
	`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","Name":"y"}}`,
	`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","na\u006de":"z"}}`,
	`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","_meta":{"a":1,"ProgressToken":2}}}`,
	`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","_meta":{"progressToken":1,"progressToken":2}}}`,
	`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"},"params":{"name":"y"}}`,
	`{"jsonrpc":"2.0","id":1e0,"method":"tools/call","params":{"name":"x"}}`,
	`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":null}}`,
	call("1", "x", `{}`) + ` {}`, call("1", "x", `{}`) + `x`, call("1", "x", `{}`) + "\n ",
	"\ufeff" + call("1", "x", `{}`), call("1", "x", "\"\xff\""),
}

// FuzzToolRequest holds the two readings of a call against each other, and the
// thorough one against encoding/json: a message that the quick one takes is one,
// and means the same.
func FuzzToolRequest(f *testing.F) {
	for _, seed := range toolRequests {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		thorough, ok := agents.Read(message)
		if got, quick := agents.ReadQuickly(message); quick {
			if !ok {
				t.Fatalf("%q: the quick reading takes what is not a call", message)
			}
			if diff := cmp.Diff(thorough, got); diff != "" {
				t.Fatalf("%q: want no difference, got %s", message, diff)
			}
		}
		if !ok {
			return
		}
		if !json.Valid(message) || !utf8.Valid(message) {
			t.Fatalf("%q: read, though it is not JSON in UTF-8", message)
		}
		var want struct {
			JSONRPC string          `json:"jsonrpc"`
			ID      json.RawMessage `json:"id"`
			Method  string          `json:"method"`
			Params  struct {
				Name      string          `json:"name"`
				Arguments json.RawMessage `json:"arguments"`
			} `json:"params"`
		}
		if err := json.Unmarshal(message, &want); err != nil {
			t.Fatalf("%q: must not be read: %v", message, err)
		}
		args := want.Params.Arguments
		if string(args) == "null" {
			args = nil
		}
		if want.JSONRPC != "2.0" || want.Method != "tools/call" || !bytes.Equal(want.ID, thorough.ID) ||
			want.Params.Name != thorough.Name || !bytes.Equal(args, thorough.Args) {
			t.Fatalf("%q: got %+v, want what encoding/json reads: %+v", message, thorough, want)
		}
	})
}

// What follows a message ends its conversation's sense, so nothing may.
func TestToolRequest_withBytesBehindIt_isNotRead(t *testing.T) {
	for _, behind := range []string{`{}`, ` {}`, `x`, `}`, "\x00", `,`} {
		message := []byte(call("1", "x", `{}`) + behind)
		if got, ok := agents.ReadQuickly(message); ok {
			t.Errorf("%q behind it: the quick reading got %+v, want nothing", behind, got)
		}
		if got, ok := agents.Read(message); ok {
			t.Errorf("%q behind it: got %+v, want nothing", behind, got)
		}
	}
}
