package gate_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

// nested is an object whose brackets nest so deep.
func nested(levels int) string {
	return `{"a":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`
}

// What kills or hangs many servers is refused before anything is sent.
func TestExecuteTool_argumentsThatHurtServers_areRefused(t *testing.T) {
	digits := strings.Repeat("7", 1000)
	for _, c := range []struct {
		name, args string
		want       string // in the refusal; "" passes
	}{
		{"64 levels", nested(64), ""},
		{"65 levels", nested(65), "64 levels"},
		{"1,100 levels", nested(1100), "64 levels"},
		{"65 levels of objects", strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), "64 levels"},
		{"65 levels in a text", fmt.Sprintf("%q", nested(65)), "64 levels"},
		{"a text that looks deep", `{"a":"` + strings.Repeat("[", 2000) + `"}`, ""},
		{"an integer of 1,000 digits", `{"a":-` + digits + `}`, ""},
		{"an integer of 1,001 digits", `{"a":1` + digits + `}`, "1000 digits"},
		{"a fraction of 1,001 digits", `{"a":0.` + digits + `}`, "1000 digits"},
		{"digits in a list", `{"a":[{"b":[1,1` + digits + `]}]}`, "1000 digits"},
		{"an exponent of -1,000", `{"a":1e-1000}`, ""},
		{"an integer beyond float64", `{"a":1` + strings.Repeat("0", 400) + `}`, ""},
		{"the largest float64", `{"a":-1.7976931348623157e308}`, ""},
		{"a number beyond float64", `{"a":{"b c":[0,1e309]}}`, `at args.a["b c"][1]; it was not sent`},
		{"a fraction beyond float64", `{"a":1` + strings.Repeat("0", 400) + `.5}`, "at args.a; it"},
		{"half of a character", `{"list":[{},{"text":"cut \ud83d"}]}`, "at args.list[1].text, which"},
		{"the other half, in a text of arguments", fmt.Sprintf("%q", `{"text":"\udc00"}`), "at args.text, which"},
		{"half of a character in a name", `{"a":{"b\udc00":1}}`, "at a name in args.a, which"},
		{"a whole character", `{"text":"\ud83d\ude00"}`, ""},
		{"half of a character in a large value", `{"a":["` + strings.Repeat("x", 70000) + `","\ud800"]}`, "at args, which"},
		{"an enormous name", `{"` + strings.Repeat("x", 50000) + `":1e400}`, "…"},
		{"an exponent of 1,001", `{"a":1e1001}`, "exponent"},
		{"an exponent of minus a million", `{"a":1E-1000000}`, "exponent"},
		{"an exponent of many digits", `{"a":1e1` + digits + `}`, "exponent"},
		{"digits in a text", `{"a":"1` + digits + `"}`, ""},
	} {
		session := testkit.NewSession(1, testkit.Says(oneText))
		g := newGate(t, allowAll, server("db", ready(1, session)))
		got := g.call("execute_tool", `{"agent_id":"a","server":"db","tool":"query","args":`+c.args+`}`)
		sent := len(session.Calls())
		if c.want == "" && (got.IsError || sent != 1) {
			t.Errorf("%s: got %s and %d requests, want a result and 1", c.name, got.raw, sent)
		}
		if c.want != "" && (got.err.Code != "INVALID_ARGUMENT" || !strings.Contains(got.err.Message, c.want) || sent != 0) {
			t.Errorf("%s: got %+v and %d requests, want INVALID_ARGUMENT with %q and none", c.name, got.err, sent, c.want)
		}
	}
}

// What travels beside the arguments reaches the server as they do.
func TestExecuteTool_whatTravelsBesideTheArguments_isBoundedToo(t *testing.T) {
	deep := []byte(nested(65))
	for name, sent := range map[string]agents.ToolCall{
		"_meta": {Meta: deep}, "capabilities": {Capabilities: deep}, "inputResponses": {InputResponses: deep},
		"requestState": {RequestState: []byte(`"\ud800"`)},
	} {
		session := testkit.NewSession(1, testkit.Says(oneText))
		g := newGate(t, allowAll, server("db", ready(1, session)))
		sent.Name, sent.Args = "execute_tool", []byte(`{"agent_id":"a","server":"db","tool":"query"}`)
		raw, _ := g.gate.CallTool(t.Context(), stateless, sent, nil)
		if got := readAnswer(raw); got.err.Code != "INVALID_ARGUMENT" || !strings.Contains(got.err.Message, name) || len(session.Calls()) != 0 {
			t.Errorf("%s: got %+v and %d requests, want INVALID_ARGUMENT and none", name, got.err, len(session.Calls()))
		}
	}
}

func TestExecuteTool_aCallLargerThanItsServerTakes_isRefused(t *testing.T) {
	for _, c := range []struct {
		limit int64
		size  int
		want  string
	}{
		{4 << 20, 4<<20 - 1000, ""},
		{4 << 20, 4 << 20, "INVALID_ARGUMENT"},
		{4 << 20, 11 << 20, "INVALID_ARGUMENT"},
		{1024, 500, ""},
		{1024, 1024, "INVALID_ARGUMENT"},
	} {
		session := testkit.NewSession(1, testkit.Says(oneText))
		s := server("db", ready(1, session)).With(func(e *serversfile.Entry) {
			if c.limit != 4<<20 { // The default.
				e.Settings.MaxRequestBytes = c.limit
			}
		})
		got := newGate(t, allowAll, s).call("execute_tool", fmt.Sprintf(`{"agent_id":"a","server":"db","tool":"query","args":{"a":%q}}`, strings.Repeat("x", c.size)))
		if got.err.Code != c.want {
			t.Errorf("%d bytes of at most %d: got %+v, want code %q", c.size, c.limit, got.err, c.want)
			continue
		}
		if c.want == "" {
			if calls := session.Calls(); len(calls) != 1 || calls[0].MaxBytes != c.limit {
				t.Errorf("%d bytes: got %d requests, want 1 with the limit %d for the wire", c.size, len(calls), c.limit)
			}
			continue
		}
		for _, fragment := range []string{fmt.Sprint(c.limit), "max_request_bytes", "not run", "Send less"} {
			if !strings.Contains(got.err.Message, fragment) {
				t.Errorf("got %q, want %q in it", got.err.Message, fragment)
			}
		}
		if len(session.Calls()) != 0 || got.err.MayHaveRun {
			t.Errorf("got %d requests and %+v, want none, and that it has not run", len(session.Calls()), got.err)
		}
	}
}
