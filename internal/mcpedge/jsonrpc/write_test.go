package jsonrpc_test

import (
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/internal/mcpedge/jsonrpc"
)

func TestAppend_messagesAreOneLineAndKeepTheirValues(t *testing.T) {
	value := []byte("{\r\n \"n\": 9007199254740993, \"s\": \"\\n<\" \n}")
	const flat = `{   "n": 9007199254740993, "s": "\n<"  }`
	before := []byte("before ")
	for want, got := range map[string][]byte{
		`{"jsonrpc":"2.0","id":"a","method":"tools/call","params":` + flat + `}`: jsonrpc.AppendRequest(before, []byte(`"a"`), "tools/call", value),
		`{"jsonrpc":"2.0","id":1,"method":"a\"b"}`:                               jsonrpc.AppendRequest(before, []byte(`1`), `a"b`, nil),
		`{"jsonrpc":"2.0","method":"x","params":` + flat + `}`:                   jsonrpc.AppendNotification(before, "x", value),
		`{"jsonrpc":"2.0","id":1,"result":` + flat + `}`:                         jsonrpc.AppendResult(before, []byte(`1`), value),
		`{"jsonrpc":"2.0","id":null,"result":{}}`:                                jsonrpc.AppendResult(before, nil, []byte(`{}`)),
		`{"jsonrpc":"2.0","id":1,"error":` + flat + `}`:                          jsonrpc.AppendError(before, []byte(`1`), value),
		`{"jsonrpc":"2.0","error":{}}`:                                           jsonrpc.AppendError(before, nil, []byte(`{}`)),
	} {
		message, ok := strings.CutPrefix(string(got), "before ")
		if !ok || message != want || !json.Valid([]byte(message)) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if !strings.Contains(string(value), "\r\n") {
		t.Errorf("the value itself was changed: got %q, want it unchanged", value)
	}
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		`1`: true, `-1`: true, `"a"`: true, `""`: true, `9007199254740993`: true,
		``: false, `null`: false, `1.5`: false, `1e3`: false, `true`: false, `{}`: false, `[]`: false, "\"\xff\"": false,
		`"` + strings.Repeat("x", jsonrpc.MaxIDBytes-2) + `"`: true,
		`"` + strings.Repeat("x", jsonrpc.MaxIDBytes-1) + `"`: false,
	} {
		if got := jsonrpc.ValidID([]byte(id)); got != want {
			t.Errorf("%.40q: got %v, want %v", id, got, want)
		}
	}
}
