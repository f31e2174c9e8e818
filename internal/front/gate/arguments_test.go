package gate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestArguments_whatReachesTheServer(t *testing.T) {
	for _, c := range []struct {
		name, args string
		want       string // the params, or the error's code
	}{
		{"an object, byte for byte", `"args":{"b": 9007199254740993,"a":"<&> "}`, `{"name":"query","arguments":{"b": 9007199254740993,"a":"<&> "}}`},
		{"absent", ``, `{"name":"query","arguments":{}}`},
		{"null", `"args":null`, `{"name":"query","arguments":{}}`},
		{"an empty string", `"args":" "`, `{"name":"query","arguments":{}}`},
		{"an empty list", `"args": [ ] `, `{"name":"query","arguments":{}}`},
		{"a string that holds an empty list", `"args":"[]"`, `{"name":"query","arguments":{}}`},
		{"a string that holds null", `"args":" null"`, `{"name":"query","arguments":{}}`},
		{"a list of nothing", `"args":[null]`, "INVALID_ARGUMENT"},
		{"false", `"args":false`, "INVALID_ARGUMENT"},
		{"a string that holds an object", `"args":"{\"a\": 1}"`, `{"name":"query","arguments":{"a": 1}}`},
		{"arguments for args", `"arguments":{"a":1}`, `{"name":"query","arguments":{"a":1}}`},
		{"an empty args beside arguments", `"args":"","arguments":{"a":1}`, `{"name":"query","arguments":{"a":1}}`},
		{"both", `"args":{},"arguments":{}`, "INVALID_ARGUMENT"},
		{"args twice", `"args":{},"args":{}`, "INVALID_ARGUMENT"},
		{"a list", `"args":[1]`, "INVALID_ARGUMENT"},
		{"a number", `"args":1`, "INVALID_ARGUMENT"},
		{"a string that holds a list", `"args":"[1]"`, "INVALID_ARGUMENT"},
		{"a string that holds no JSON", `"args":"{a:1}"`, "INVALID_ARGUMENT"},
		{"a string that holds two objects", `"args":"{} {}"`, "INVALID_ARGUMENT"},
		{"a parameter beside args", `"args":{},"sql":"x"`, "INVALID_ARGUMENT"},
		{"a timeout as a string", `"timeout_ms":"1000"`, `{"name":"query","arguments":{}}`},
		{"a timeout with a fraction of zero", `"timeout_ms":1e3`, `{"name":"query","arguments":{}}`},
		{"an empty timeout", `"timeout_ms":""`, `{"name":"query","arguments":{}}`},
		{"no timeout", `"timeout_ms":null`, `{"name":"query","arguments":{}}`},
		{"an endless timeout is capped", `"timeout_ms":9223372036854775807`, `{"name":"query","arguments":{}}`},
		{"a timeout whose nanoseconds overflow to a moment", `"timeout_ms":18446744073710`, `{"name":"query","arguments":{}}`},
		{"too short a timeout", `"timeout_ms":99`, "INVALID_ARGUMENT"},
		{"a negative timeout", `"timeout_ms":-1`, "INVALID_ARGUMENT"},
		{"half a millisecond", `"timeout_ms":1000.5`, "INVALID_ARGUMENT"},
		{"a timeout beyond all numbers", `"timeout_ms":1e300`, "INVALID_ARGUMENT"},
		{"a timeout in words", `"timeout_ms":"soon"`, "INVALID_ARGUMENT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			session := testkit.NewSession(1, testkit.Says(oneText))
			g := newGate(t, allowAll, server("db", ready(1, session)))
			args := `{"agent_id":"a","server":"db","tool":"query"}`
			if c.args != "" {
				args = strings.TrimSuffix(args, "}") + "," + c.args + "}"
			}
			got := g.call("execute_tool", args)
			if calls := session.Calls(); len(calls) > 0 {
				if string(calls[0].Params) != c.want || calls[0].Method != "tools/call" {
					t.Errorf("the server got %s %s\nwant %s", calls[0].Method, calls[0].Params, c.want)
				}
				return
			}
			if got.err.Code != c.want {
				t.Errorf("got %s, want %s", got.raw, c.want)
			}
		})
	}
}

func TestArguments_mustBeAnObjectWithWhatIsNeeded(t *testing.T) {
	for _, c := range []struct{ tool, args, fragment string }{
		{"execute_tool", `[1]`, "must be a JSON object"},
		{"execute_tool", `"{}"`, "must be a JSON object"},
		{"execute_tool", ``, "needs server and tool"},
		{"execute_tool", `{"server":"db"}`, "needs tool"},
		{"get_server_tools", `{"server":""}`, "needs server"},
		{"get_server_tools", `{"server":null}`, "needs server"},
		{"get_server_tools", `{"server":1}`, `"server" of get_server_tools must be a string`},
		{"get_server_tools", `{"server":"db","tool":"x"}`, `no argument "tool"`},
		{"list_servers", `{"include_metadata":"maybe"}`, "must be true or false"},
		{"list_servers", `{"include_metadata":1}`, "must be true or false"},
		{"get_server_tools", `{"server":"db","names":[1]}`, "names"},
		{"get_server_tools", `{"server":"db","names":{}}`, "must be a string"},
		{"get_server_tools", `{"server":"db","max_schema_tokens":0}`, "at least 1"},
		{"get_server_tools", `{"server":"db","pattern":"list_?"}`, "only wildcard"},
		{"get_server_tools", `{"server":"db","pattern":"` + strings.Repeat("*", 5000) + `"}`, "longer than"},
		{"get_server_tools", `{"server":"` + strings.Repeat("d", 5000) + `"}`, "longer than"},
		{"execute_tool", `{"server":"db","tool":"query","server":"web"}`, `"server" of execute_tool is there twice`},
		{"execute_tool", `{"server":"db","tool":"query","to\u006fl":"drop"}`, `"tool" of execute_tool is there twice`},
		{"execute_tool", `{"server":"db","tool":"query","Tool":"drop"}`, `write it as "tool"`},
		{"execute_tool", `{"\u017ferver":"db","tool":"query"}`, `write it as "server"`},
		{"get_server_tools", `{"server":"db","names":"a","NAMES":"b"}`, `write it as "names"`},
		{"list_servers", `{"agent_id":"a","agent_id":"b"}`, `"agent_id" of list_servers is there twice`},
	} {
		g := newGate(t, allowAll, up("db", testkit.Says(oneText)))
		got := g.call(c.tool, c.args)
		if got.err.Code != "INVALID_ARGUMENT" || !strings.Contains(got.err.Message, c.fragment) {
			t.Errorf("%s %.60s: got %+v, want %q", c.tool, c.args, got.err, c.fragment)
		}
	}
}

// A message repeats a name of any length and in any alphabet: never half a
// letter of it.
func TestArguments_longNamesAreCutBetweenLetters(t *testing.T) {
	for _, letter := range []string{"é", "語", "😀"} {
		for pad := range 4 {
			key := strings.Repeat("x", pad) + strings.Repeat(letter, 100)
			g := newGate(t, allowAll, up("db", testkit.Says(oneText)))
			got := g.call("list_servers", `{"`+key+`":1}`).err.Message
			if !strings.Contains(got, "…") || strings.Contains(got, `\x`) || strings.Contains(got, "\ufffd") {
				t.Errorf("%d letters before %s: got %q, want a cut name of whole letters", pad, letter, got)
			}
		}
	}
}

func TestArguments_booleansAsStrings(t *testing.T) {
	for value, want := range map[string]bool{`true`: true, `"true"`: true, `"True"`: true, `false`: false, `"false"`: false, `""`: false, `null`: false} {
		g := newGate(t, allowAll, up("db", testkit.Says(oneText)))
		got := g.call("list_servers", `{"agent_id":"a","include_metadata":`+value+`}`)
		if shown := strings.Contains(string(got.raw), "cmd-db"); got.IsError || shown != want {
			t.Errorf("%s: got metadata %v, want %v: %s", value, shown, want, got.raw)
		}
	}
}

// toolsAnswer is what get_server_tools answers.
type toolsAnswer struct {
	Server         string
	State          string
	Instructions   string
	Tools          []json.RawMessage
	TotalAvailable int `json:"total_available"`
	Matched        int
	Returned       int
	Omitted        []string
	NotFound       []string `json:"not_found"`
	TokensUsed     int      `json:"tokens_used"`
}

func (g *stage) tools(args string) toolsAnswer {
	g.t.Helper()
	got := g.call("get_server_tools", `{"agent_id":"a","server":"db"`+args+`}`)
	if got.IsError {
		g.t.Fatalf("got %s", got.raw)
	}
	var a toolsAnswer
	if err := json.Unmarshal(got.Structured, &a); err != nil {
		g.t.Fatal(err)
	}
	return a
}

func TestGetServerTools_selects(t *testing.T) {
	def := func(name string, size int) string { // A definition of that many bytes.
		head := fmt.Sprintf(`{"name":%q,"pad":"`, name)
		return head + strings.Repeat("x", size-len(head)-2) + `"}`
	}
	const rules = `{"agents": {"a": {"allow": {"servers": ["db"]}, "deny": {"tools": {"db": ["drop_*"]}}}}}`
	for _, c := range []struct {
		name, args string
		want       string // returned | omitted | not found; total matched tokens
	}{
		{"all, in the server's order", ``, "z_last b_list a_list||;3 3 90"},
		{"by names", `,"names":"a_list, z_last"`, "z_last a_list||;3 2 65"},
		{"by names as an array", `,"names":["a_list","a_list"]`, "a_list||;3 1 15"},
		{"by empty names", `,"names":" , "`, "z_last b_list a_list||;3 3 90"},
		{"names that are not there, and ones that are denied, look alike", `,"names":["drop_all","nowhere","a_list"]`, "a_list||drop_all nowhere;3 1 15"},
		{"by pattern", `,"pattern":"*_list"`, "b_list a_list||;3 2 40"},
		{"by pattern and names", `,"pattern":"a*","names":"a_list,b_list"`, "a_list||;3 1 15"},
		{"a pattern of nothing that is there", `,"pattern":"q*"`, "||;3 0 0"},
		{"a budget that is just enough", `,"max_schema_tokens":90`, "z_last b_list a_list||;3 3 90"},
		{"a budget stops before the first that exceeds it", `,"max_schema_tokens":74`, "z_last|b_list a_list|;3 3 50"},
		{"what comes after is left out even where it would fit", `,"max_schema_tokens":65`, "z_last|b_list a_list|;3 3 50"},
		{"one that alone exceeds it comes alone", `,"max_schema_tokens":"1"`, "z_last|b_list a_list|;3 3 50"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := up("db", testkit.Hangs).Has(def("z_last", 200), def("drop_all", 40), def("b_list", 99), def("a_list", 57))
			a := newGate(t, rules, s).tools(c.args)
			var returned []string
			for _, raw := range a.Tools {
				var tool struct{ Name string }
				if err := json.Unmarshal(raw, &tool); err != nil {
					t.Fatal(err)
				}
				returned = append(returned, tool.Name)
			}
			got := fmt.Sprintf("%s|%s|%s;%d %d %d", strings.Join(returned, " "), strings.Join(a.Omitted, " "), strings.Join(a.NotFound, " "),
				a.TotalAvailable, a.Matched, a.TokensUsed)
			if got != c.want || a.Returned != len(a.Tools) || a.Server != "db" {
				t.Errorf("got  %s (returned %d)\nwant %s", got, a.Returned, c.want)
			}
		})
	}
}

func TestGetServerTools_manyNamesAreRefused(t *testing.T) {
	names := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf("t%d", i)
		}
		return strings.Join(list, ",")
	}
	g := newGate(t, allowAll, up("db", testkit.Hangs).Has("t1"))
	if a := g.tools(`,"names":"` + names(1000) + `"`); a.Returned != 1 || len(a.NotFound) != 999 {
		t.Errorf("got %d tools and %d not found", a.Returned, len(a.NotFound))
	}
	for _, args := range []string{`"` + names(1001) + `"`, `["` + strings.ReplaceAll(names(5000), ",", `","`) + `"]`, `["` + strings.Repeat("x", 5000) + `"]`} {
		if got := g.call("get_server_tools", `{"agent_id":"a","server":"db","names":`+args+`}`); got.err.Code != "INVALID_ARGUMENT" {
			t.Errorf("%.40s...: got %.200s, want INVALID_ARGUMENT", args, got.raw)
		}
	}
}

func TestGetServerTools_passesInstructionsOnLimited(t *testing.T) {
	for _, c := range []struct {
		n, want int
	}{{10, 10}, {2000, 2000}, {2001, 2000}, {50_000, 2000}} {
		s := up("db", testkit.Hangs).Has("query")
		catalog := *s.Cell.Catalog()
		catalog.Info.Instructions = strings.Repeat("ä", c.n)
		s.Cell.PublishCatalog(catalog)
		if got := len([]rune(newGate(t, allowAll, s).tools("").Instructions)); got != c.want {
			t.Errorf("of %d characters %d came, want %d", c.n, got, c.want)
		}
	}
}

func TestArguments_thatAreNothing_areNone(t *testing.T) {
	for _, args := range []string{`{}`, `[]`, ` [ ] `, `null`, `""`, `" "`, `"null"`, `"[]"`} {
		g := newGate(t, allowAll, server("db", ready(1, testkit.NewSession(1, testkit.Says(oneText)))))
		if got := g.call("list_servers", args); got.IsError && got.err.Code != "NO_FALLBACK_CONFIGURED" && got.err.Code != "INVALID_AGENT_ID" {
			t.Errorf("%s: got %s, want it taken for no arguments", args, got.raw)
		}
		if got := g.call("execute_tool", args); got.err.Code != "INVALID_ARGUMENT" || !strings.Contains(got.err.Message, "needs server and tool") {
			t.Errorf("%s: got %s, want to be told what is needed", args, got.raw)
		}
	}
	for _, args := range []string{`[1]`, `[[]]`, `1`, `true`, `"x"`, `"{}x"`} {
		g := newGate(t, allowAll)
		if got := g.call("list_servers", args); got.err.Code != "INVALID_ARGUMENT" {
			t.Errorf("%s: got %s, want INVALID_ARGUMENT", args, got.raw)
		}
	}
}
