package endpoint_test

import (
	"encoding/json"
	"testing"

	"gatehouse/internal/endpoint"
)

func TestErrorText_wordsOfAnyError(t *testing.T) {
	for raw, want := range map[string]string{
		`{"code":-32000,"message":"it broke"}`:                                  "it broke (-32000)",
		`{"code":"ENOENT","message":"no file"}`:                                 "no file (ENOENT)",
		`"it broke"`:                                                            "it broke",
		`["it","broke"]`:                                                        `["it","broke"]`,
		`{"code":-1,"message":{"reason":"no key"}}`:                             "no key (-1)",
		`{"code":-1,"message":{"key":"missing"}}`:                               `{"key":"missing"} (-1)`,
		`{"code":-1,"message":["no key","no user"]}`:                            `["no key","no user"] (-1)`,
		`{"code":-1,"message":null,"data":{"message":"no key"}}`:                "no key (-1)",
		`{"code":-1,"message":"","data":"no key"}`:                              "no key (-1)",
		`{"code":-1,"data":{"errno":2}}`:                                        `{"errno":2} (-1)`,
		`{"code":-32603,"message":"Internal error","data":{"detail":"no key"}}`: "Internal error: no key (-32603)",
		`{"code":-32603,"message":"Internal error.","data":"no key"}`:           "Internal error: no key (-32603)",
		`{"code":-32602,"message":"Invalid params","data":[{"path":["n"]}]}`:    `Invalid params: [{"path":["n"]}] (-32602)`,
		`{"code":-32603,"message":"Internal error"}`:                            "Internal error (-32603)",
		`{"code":-32603,"message":"Internal error","data":{}}`:                  "Internal error (-32603)",
		`{"code":-32603,"message":"Internal error","data":null}`:                "Internal error (-32603)",
		`{"code":-32000,"message":"no such table","data":{"sql":"select"}}`:     "no such table (-32000)",
		`{"error":{"type":"overloaded","message":"too many"}}`:                  "too many",
		`{"code":-32000}`: "no message (-32000)",
		`{}`:              "no message",
	} {
		if got := endpoint.ErrorText(json.RawMessage(raw)); got != want {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	}
}
