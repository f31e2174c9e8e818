package agents_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/mcpedge/agents"
)

func TestCall_result_reachesTheAgentValueForValue(t *testing.T) {
	cases := map[string]string{
		"an unknown content type":         `{"content":[{"type":"hologram","beam":{"x":1}}]}`,
		"no content":                      `{"structuredContent":{"a":1}}`,
		"content that is null":            `{"content":null}`,
		"unknown fields everywhere":       `{"content":[{"type":"text","text":"a","odd":1}],"odd":{"b":[1]},"isError":false}`,
		"big integers":                    `{"content":[],"structuredContent":{"n":12345678901234567890},"_meta":{"n":9007199254740993,"f":1.0}}`,
		"structured content of any kind":  `{"content":[],"structuredContent":[1,"a"]}`,
		"markup":                          `{"content":[{"type":"text","text":"<b>&\u2028</b>"}]}`,
		"an empty object":                 `{}`,
		"a result type of its own":        `{"content":[],"resultType":"input_required","requestState":"s"}`,
		"spaces":                          `{ "content" : [ ] }`,
		"key order, two keys of one name": `{"z":1,"a":2,"z":3}`,
	}
	for name, result := range cases {
		t.Run(name, func(t *testing.T) {
			h := newScript()
			h.result = result
			f := newEdge(t, h, nil)
			want := `{"jsonrpc":"2.0","id":1,"result":` + result + `}`

			s := dial(t, f)
			s.send("%s", call("1", "raw", `{}`))
			if got := s.next(); got != want {
				t.Errorf("stdio:\n got %s\nwant %s", got, want)
			}
			srv := serveHTTP(t, f)
			if got := post(t, srv.URL, call("1", "raw", `{}`)).body; got != want {
				t.Errorf("HTTP:\n got %s\nwant %s", got, want)
			}
		})
	}
}

func TestCall_resultOnManyLines_isSentOnOne(t *testing.T) {
	h := newScript()
	h.result = "{\n  \"content\": [ \r\n] }"
	s := dial(t, newEdge(t, h, nil))
	s.send("%s", call("1", "raw", `{}`))
	if got, want := s.next(), `{"jsonrpc":"2.0","id":1,"result":{   "content": [   ] }}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCall_unusableResultOrPanic_isAnInternalErrorWithoutDetail(t *testing.T) {
	for _, c := range []struct{ name, tool, result string }{
		{"a panic", "panic", ""},
		{"no result", "raw", ""},
		{"a broken object", "raw", `{"content":`},
		{"no object", "raw", `[1]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newScript()
			h.result = c.result
			s := dial(t, newEdge(t, h, nil))
			s.send("%s", call("1", c.tool, `{}`))
			answer := s.next()
			if got := field(t, answer, "result", "structuredContent", "error", "code"); got != "INTERNAL" {
				t.Errorf("code: got %v in %s, want %v", got, answer, "INTERNAL")
			}
			if got := field(t, answer, "result", "isError"); got != true {
				t.Errorf("isError: got %v, want true", got)
			}
			for _, secret := range []string{"secret", "goroutine", ".go"} {
				if strings.Contains(answer, secret) {
					t.Errorf("the answer must not show %q: %s", secret, answer)
				}
			}
		})
	}
}

func TestCall_arguments_reachTheHandlerAsSent(t *testing.T) {
	s := dial(t, newEdge(t, newScript(), nil))
	for sent, want := range map[string]string{
		`{"n":9007199254740993,"b":"<>"}`: `{"n":9007199254740993,"b":"<>"}`,
		`"{}"`:                            `"{}"`,
		`[1,2]`:                           `[1,2]`,
		`null`:                            `null`,
	} {
		s.send("%s", call("1", "echo", sent))
		answer := s.next()
		if got, err := json.Marshal(field(t, answer, "result", "structuredContent", "args")); err != nil || !sameJSON(t, string(got), want) {
			t.Errorf("sent %s: got %s, %v, want %s", sent, got, err, want)
		}
		if got := field(t, answer, "result", "structuredContent", "no_args"); got != (sent == "null") {
			t.Errorf("sent %s: no arguments: got %v", sent, got)
		}
	}
}

func TestCall_meta_reachesTheHandlerAsSent(t *testing.T) {
	s := dial(t, newEdge(t, newScript(), nil))
	for sent, want := range map[string]string{
		`"_meta":{"traceparent":"00-a-b-01","com.example/n":9007199254740993}`: `{"traceparent":"00-a-b-01","com.example/n":9007199254740993}`,
		`"_meta":{}`:                  `{}`,
		`"_meta":{"a":1},"unknown":2`: `{"a":1}`,
		`"_meta":null`:                `null`,
		`"arguments":{}`:              `null`,
		`"_meta":{"progressToken":"t","\u0061":1}`: `{"progressToken":"t","a":1}`,
	} {
		s.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo",%s}}`, sent)
		answer := s.next()
		if got, err := json.Marshal(field(t, answer, "result", "structuredContent", "meta")); err != nil || !sameJSON(t, string(got), want) {
			t.Errorf("sent %s: got %s, %v, want %s", sent, got, err, want)
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	return cmp.Equal(field(t, a), field(t, b))
}

func TestCall_ids_areAnsweredAsSent(t *testing.T) {
	s := dial(t, newEdge(t, newScript(), nil))
	for _, id := range []string{`9007199254740993`, `-1`, `"<a>é"`, `""`} {
		s.send(`{"jsonrpc":"2.0","id":%s,"method":"ping"}`, id)
		if got, want := s.next(), fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{}}`, id); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestToolsList_definitions_areShownUnchangedAndInOrder(t *testing.T) {
	s := dial(t, newEdge(t, newScript(), nil))
	s.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	got, err := json.Marshal(field(t, s.next(), "result", "tools"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(field(t, string(got)), field(t, definitions)); diff != "" {
		t.Errorf("definitions (-got +want):\n%s", diff)
	}
}

// misshapen is a handler with definitions that are not objects.
type misshapen struct{ *script }

func (misshapen) Definitions() []json.RawMessage {
	return []json.RawMessage{
		json.RawMessage(`{`), json.RawMessage(`{"title":"nameless"}`),
		json.RawMessage(`{"name":"echo","inputSchema":{"type":"object"}}`),
	}
}

func TestNew_unfitDefinition_isLeftOut(t *testing.T) {
	s := dial(t, newEdge(t, misshapen{newScript()}, nil))
	s.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	if got := s.next(); !strings.Contains(got, `"tools":[{"name":"echo"`) {
		t.Errorf("got %s, want the list with echo first", got)
	}
}

func TestCall_unknownTool_namesTheTools(t *testing.T) {
	s := dial(t, newEdge(t, newScript(), nil))
	s.send("%s", call("1", "query_db", `{}`))
	message := field(t, s.next(), "error", "message")
	want := `unknown tool "query_db": this gateway's tools are zeta, echo, raw, block, progress, panic, gone`
	if message != want {
		t.Errorf("got %v, want %s", message, want)
	}
}

func TestCall_beyondMaxInFlight_isRefusedForTheModel(t *testing.T) {
	h := newScript()
	s := dial(t, newEdge(t, h, func(o *agents.Options) { o.MaxInFlight = 2 }))
	for i := range 2 {
		s.send("%s", call(fmt.Sprint(i), "block", `{}`))
		receive(t, h.started)
	}
	s.send("%s", call("9", "echo", `{}`))
	if got := field(t, s.next(), "result", "structuredContent", "error", "code"); got != "OVERLOADED" {
		t.Errorf("third call: got %v, want %v", got, "OVERLOADED")
	}
	close(h.release)
	s.next()
	s.next()
}

func TestCall_panic_isLoggedWithItsPlaceButNotItsValue(t *testing.T) {
	var log bytes.Buffer
	s := dial(t, newEdge(t, newScript(), func(o *agents.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) }))
	s.send("%s", call("1", "panic", `{}`))
	s.next()
	if got := log.String(); !strings.Contains(got, "script).CallTool") || strings.Contains(got, "secret detail") {
		t.Errorf("log: %s, want where it panicked, without the detail", got)
	}
}
