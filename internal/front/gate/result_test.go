package gate_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"gatehouse/internal/endpoint"
	"gatehouse/testkit"
)

const stamp = `"io.gatehouse/generation":1,"io.gatehouse/call_id":"gw-1","io.gatehouse/origin":"server"`

func TestResult_isTheServersOwnButForTheStamp(t *testing.T) {
	for _, c := range []struct {
		name, result, want string
	}{
		{"without _meta", `{"content":[]}`, `{"content":[],"_meta":{` + stamp + `}}`},
		{"empty", `{}`, `{"_meta":{` + stamp + `}}`},
		{
			"_meta keeps its other members", `{"_meta":{"own":9007199254740993,"x":{"y":[1]}},"content":[]}`,
			`{"_meta":{"own":9007199254740993,"x":{"y":[1]},` + stamp + `},"content":[]}`,
		},
		{
			"what the server claims of the gateway is replaced", `{"_meta":{"io.gatehouse/generation":99}}`,
			`{"_meta":{` + stamp + `}}`,
		},
		{"_meta that is no object is replaced", `{"_meta":7,"content":[]}`, `{"_meta":{` + stamp + `},"content":[]}`},
		{
			"unknown fields, content types and numbers", `{"content":[{"type":"hologram","n":1e400,"big":12345678901234567890}],"isError":true,"own":"<&>\u2028"}`,
			`{"content":[{"type":"hologram","n":1e400,"big":12345678901234567890}],"isError":true,"own":"<&>\u2028","_meta":{` + stamp + `}}`,
		},
		{"spaces and order", `{ "b" : 1 , "a" : [ ] }`, `{ "b" : 1 , "a" : [ ] ,"_meta":{` + stamp + `}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGate(t, allowAll, up("db", testkit.Says(c.result)))
			if got := string(g.callAs(t.Context(), old, "execute_tool", query, nil).raw); got != c.want {
				t.Errorf("caller of an older revision:\ngot  %s\nwant %s", got, c.want)
			}
			want := strings.TrimSuffix(c.want, "}") + `,"resultType":"complete"}`
			want = strings.Replace(want, "gw-1", "gw-2", 1)
			if got := string(g.callAs(t.Context(), stateless, "execute_tool", query, nil).raw); got != want {
				t.Errorf("caller of 2026-07-28:\ngot  %s\nwant %s", got, want)
			}
		})
	}
}

func TestResult_structuredContentThatIsNoObject(t *testing.T) {
	for _, c := range []struct {
		name, result string
		old          string // content and structuredContent for callers of older revisions
	}{
		{"a list becomes a text block", `{"structuredContent":[1,9007199254740993],"content":[]}`, `{"content":[{"type":"text","text":"[1,9007199254740993]"}],`},
		{"also where there is no content", `{"structuredContent":"<x>"}`, `{"content":[{"type":"text","text":"\"<x>\""}],`},
		{"beside other blocks", `{"content":[{"type":"image","data":"x"}],"structuredContent":3}`, `{"content":[{"type":"image","data":"x"},{"type":"text","text":"3"}],`},
		{"unless that text is there already", `{"content":[{"type":"text","text":"[1]"}],"structuredContent":[1]}`, `{"content":[{"type":"text","text":"[1]"}],`},
		{"but for white space", `{"content":[{"type":"text","text":"[\n 1 ]"}],"structuredContent":[1]}`, `{"content":[{"type":"text","text":"[\n 1 ]"}],`},
		{"an object stays", `{"content":[],"structuredContent":{"a":1}}`, `{"content":[],"structuredContent":{"a":1},`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, caller := range []string{"", "2024-11-05", "2025-11-25"} {
				g := newGate(t, allowAll, up("db", testkit.Says(c.result)))
				who := old
				who.Protocol = caller
				got := string(g.callAs(t.Context(), who, "execute_tool", query, nil).raw)
				if want := c.old + `"_meta":{` + stamp + `}}`; got != want {
					t.Errorf("for %q:\ngot  %s\nwant %s", caller, got, want)
				}
			}
			g := newGate(t, allowAll, up("db", testkit.Says(c.result)))
			got := g.callAs(t.Context(), stateless, "execute_tool", query, nil)
			var sent struct{ StructuredContent json.RawMessage }
			if err := json.Unmarshal([]byte(c.result), &sent); err != nil || string(got.Structured) != string(sent.StructuredContent) {
				t.Errorf("for a stateless caller: got %s, want %s", got.raw, sent.StructuredContent)
			}
		})
	}
}

func TestRequest_carriesProgressAndTheLimitOfTheResult(t *testing.T) {
	session := testkit.NewSession(1, func(_ context.Context, r endpoint.Request) (endpoint.Response, error) {
		r.Progress(json.RawMessage(`{"progress":1}`))
		return endpoint.Response{Result: []byte(oneText)}, nil
	})
	s := server("db", ready(1, session))
	s.Entry.Settings.MaxResultBytes = 12345
	g := newGate(t, allowAll, s)
	var heard string
	g.callAs(t.Context(), old, "execute_tool", query, func(p json.RawMessage) { heard = string(p) })
	if heard != `{"progress":1}` || session.Calls()[0].MaxResultBytes != 12345 {
		t.Errorf("the caller heard %q, the limit was %d, want {\"progress\":1} and 12345", heard, session.Calls()[0].MaxResultBytes)
	}
}

// Servers like to quote what they were given; an error of the gateway's own
// must not pass a secret on.
func TestExecute_serverErrorThatQuotesASecret_isRedacted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := up("db", func(context.Context, endpoint.Request) (endpoint.Response, error) {
			return endpoint.Response{Error: []byte(`{"code":-32000,"message":"bad token s3cr3t-value","data":{"t":"s3cr3t-value","n":12345678901234567890}}`)}, nil
		})
		s.Has("query")
		got := newGate(t, allowAll, s).execute("db", "query")
		if got.err.Code != "SERVER_ERROR" || !strings.Contains(got.err.Message, "bad token [redacted TOKEN]") {
			t.Errorf("got %+v, want SERVER_ERROR with the token redacted", got.err)
		}
		want := `{"code":-32000,"message":"bad token [redacted TOKEN]","data":{"t":"[redacted TOKEN]","n":12345678901234567890}}`
		if rpc := string(got.err.RPC); rpc != want {
			t.Errorf("got rpc %s, want %s", rpc, want)
		}
	})
}
