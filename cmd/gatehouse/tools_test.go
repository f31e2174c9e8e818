package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestFront_tools_areFourWithSmallSchemas(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{})
	reply, err := g.Raw(t).Request(t.Context(), "tools/list", nil)
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Result struct {
			Tools []struct {
				Name        string
				Description string
				InputSchema map[string]any
				Annotations struct{ ReadOnlyHint bool }
			}
		}
	}
	if err := json.Unmarshal(reply.Message, &v); err != nil {
		t.Fatal(err)
	}
	readOnly := map[string]bool{}
	for _, tool := range v.Result.Tools {
		readOnly[tool.Name] = tool.Annotations.ReadOnlyHint
		if bad := foreignKeyword(tool.InputSchema); bad != "" {
			t.Errorf("the schema of %s uses %q, want none", tool.Name, bad)
		}
	}
	if len(readOnly) != 4 || !readOnly["search_tools"] || !readOnly["list_servers"] || !readOnly["get_server_tools"] || readOnly["execute_tool"] {
		t.Errorf("got tools with readOnlyHint %v, want that hint for the three that only read", readOnly)
	}
}

// foreignKeyword returns a keyword of a schema other than the four that
// every model and client understands, empty if there is none.
func foreignKeyword(schema map[string]any) string {
	for key, value := range schema {
		switch key {
		case "type", "description", "required":
		case "properties":
			for _, property := range value.(map[string]any) {
				if bad := foreignKeyword(property.(map[string]any)); bad != "" {
					return bad
				}
			}
		default:
			return key
		}
	}
	return ""
}

func TestFront_debug_addsTheStatusTool(t *testing.T) {
	t.Parallel()
	_, a := begin(t, testkit.Servers{"s": testkit.Fake(t)}, "--debug")
	r := a.Call(t, "get_gateway_status", nil).Good(t)
	if !json.Valid(r.Structured) || !strings.HasPrefix(string(r.Structured), "{") {
		t.Errorf("got %s, want a JSON object", r.Structured)
	}
}

func TestListServers_describesAndKeepsSecretsOut(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{
		"b": testkit.Fake(t).With("description", "Project files"),
		"a": testkit.Fake(t, "--instructions", "First line.\nSecond line."),
		"u": {"url": "http://user:pass-word@127.0.0.1:1/mcp?key=query-secret", "disabled": true},
	})
	g.Await(t, "server ready", "server", "a")
	g.Await(t, "server ready", "server", "b")
	list := a.ListServers(t)
	if len(list) != 3 || list[0].Name != "a" || list[1].Name != "b" || list[2].Name != "u" {
		t.Fatalf("got %+v, want a, b and u", list)
	}
	if list[1].Description != "Project files" {
		t.Errorf("b is described as %q, want %q", list[1].Description, "Project files")
	}
	if list[0].Description != "First line." {
		t.Errorf("a is described as %q, want %q", list[0].Description, "First line.")
	}
	if list[0].Command == "" || list[2].URL != "http://127.0.0.1:1" || list[2].Transport == "" {
		t.Errorf("the metadata are %+v, want a command for a, the url and a transport for u", list)
	}
	testkit.Eventually(t, "the number of tools is known", func() bool {
		s := a.ListServers(t)[0]
		return s.Tools != nil && *s.Tools > 0
	})
	r := a.Call(t, "list_servers", nil).Good(t)
	if strings.Contains(string(r.Structured), "command") {
		t.Errorf("metadata must not come unasked: %s", r.Structured)
	}
	if !sameJSON(t, r.Text, string(r.Structured)) {
		t.Error("the text block is not the structured content")
	}
}

// ownTools is how many tools the fake server has without --tool-count.
const ownTools = 19

func TestGetServerTools_definitions_areTheServersOwn(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t, "--page", "3", "--tool-count", "5", "--instructions", strings.Repeat("i", 5000))})
	g.Await(t, "server ready", "server", "s")
	box := a.Tools(t, "s")
	if box.TotalAvailable != ownTools+5 || box.Returned != ownTools+5 || len(box.Tools) != ownTools+5 || box.Matched != ownTools+5 || box.Server != "s" {
		t.Errorf("got %d available, %d matched, %d returned: %v, want %d tools of s, all of them", box.TotalAvailable, box.Matched, box.Returned, box.Names(), ownTools+5)
	}
	if names := box.Names(); names[0] != "echo" || names[len(names)-1] != "tool_0005" {
		t.Errorf("the order is not the server's: %v", names)
	}
	if n := len([]rune(box.Instructions)); n == 0 || n > 2001 {
		t.Errorf("the instructions have %d characters, want between 1 and 2001", n)
	}
	want := `{"name":"oddities","description":"Returns a result that is hard to pass on.","inputSchema":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"kind":{"type":"string"}},"oneOf":[{"required":["kind"]},{"maxProperties":0}],"x-vendor":{"big":9007199254740993}},"vendorField":{"keep":["me"]},"annotations":{"readOnlyHint":true,"x-unknown":1}}`
	r, err := testkit.Agent{ID: "a", Caller: g.Raw(t)}.Try(t.Context(), "get_server_tools", map[string]any{"server": "s", "names": "oddities"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(r.Structured), want) {
		t.Errorf("the definition came as %s, want it unchanged: %s", r.Structured, want)
	}
}

func TestGetServerTools_narrowing_givesWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t, "--tool-count", "20")})
	g.Await(t, "server ready", "server", "s")

	box := a.Tools(t, "s", map[string]any{"pattern": "tool_001*"})
	if box.Matched != 10 || box.TotalAvailable != ownTools+20 {
		t.Errorf("pattern: matched %d of %d, want 10 of %d", box.Matched, box.TotalAvailable, ownTools+20)
	}
	for _, names := range []any{"echo, tool_0002,nothing", []string{"echo", "tool_0002", "nothing"}} {
		box = a.Tools(t, "s", map[string]any{"names": names})
		if !slices.Equal(box.Names(), []string{"echo", "tool_0002"}) || !slices.Equal(box.NotFound, []string{"nothing"}) {
			t.Errorf("names %v: got %v, not found %v", names, box.Names(), box.NotFound)
		}
	}
	box = a.Tools(t, "s", map[string]any{"pattern": "tool_*", "max_schema_tokens": 70})
	if box.Returned == 0 || len(box.Omitted)+box.Returned != 20 || box.TokensUsed > 70 {
		t.Errorf("budget: %d returned, %d omitted, %d tokens, want some, all 20 accounted for, and at most 70 tokens", box.Returned, len(box.Omitted), box.TokensUsed)
	}
	used := 0
	for _, def := range box.Tools {
		used += (len(def) + 3) / 4
	}
	if box.TokensUsed != used {
		t.Errorf("budget: tokens_used is %d, the definitions cost %d, want %d", box.TokensUsed, used, used)
	}
	box = a.Tools(t, "s", map[string]any{"max_schema_tokens": "1"})
	if !slices.Equal(box.Names(), []string{"echo"}) || len(box.Omitted) != ownTools+19 {
		t.Errorf("a budget below the first definition: got %v and %d omitted, want [echo] and %d", box.Names(), len(box.Omitted), ownTools+19)
	}
}

func TestGetServerTools_onlyPermittedOnes_areShownAndCounted(t *testing.T) {
	t.Parallel()
	g, a := beginRules(t, testkit.Servers{"s": testkit.Fake(t)}, testkit.Rules{
		"a": {Allow: []string{"s"}, Tools: testkit.Tools{"s": {"e*", "sleep"}}, DenyTools: testkit.Tools{"*": {"env"}}},
	}.JSON())
	g.Await(t, "server ready", "server", "s")
	if box := a.Tools(t, "s"); !slices.Equal(box.Names(), []string{"echo", "sleep"}) || box.TotalAvailable != 2 {
		t.Errorf("got %v of %d, want [echo sleep] of 2", box.Names(), box.TotalAvailable)
	}
	if box := a.Tools(t, "s", map[string]any{"names": "env,echo"}); !slices.Equal(box.NotFound, []string{"env"}) {
		t.Errorf("a denied name: not found %v", box.NotFound)
	}
}

func TestGetServerTools_listChanged_showsTheNewList(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	g.Await(t, "server ready", "server", "s")
	a.Execute(t, "s", "set_tools", map[string]any{"tools": []string{"fresh"}}).Good(t)
	testkit.Eventually(t, "the new tool is listed", func() bool {
		return slices.Contains(a.Tools(t, "s").Names(), "fresh")
	})
	a.Execute(t, "s", "fresh", nil).Good(t)
}

func TestExecute_allowedToolThatTheListLacks_isAskedForBeforeItIsRefused(t *testing.T) {
	t.Parallel()
	_, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	a.Execute(t, "s", "set_tools", map[string]any{"tools": []string{"fresh"}, "silent": true}).Good(t)
	// The list is asked for at most once a second, so it may take a few calls.
	testkit.Eventually(t, "the tool is found", func() bool {
		return a.Execute(t, "s", "fresh", nil).Code() == ""
	})
}

func TestExecute_arguments_areTakenLeniently(t *testing.T) {
	t.Parallel()
	_, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	cases := []struct {
		name string
		more map[string]any
		want string // structuredContent, or the code of a failure
	}{
		{"an object", map[string]any{"args": map[string]any{"x": 1}}, `{"x":1}`},
		{"absent", nil, `{}`},
		{"null", map[string]any{"args": nil}, `{}`},
		{"a string that holds an object", map[string]any{"args": `{"x": 1}`}, `{"x":1}`},
		{"an empty string", map[string]any{"args": ""}, `{}`},
		{"the alias arguments", map[string]any{"arguments": map[string]any{"x": 1}}, `{"x":1}`},
		{"args and arguments", map[string]any{"args": map[string]any{}, "arguments": map[string]any{}}, "INVALID_ARGUMENT"},
		{"an array", map[string]any{"args": []int{1}}, "INVALID_ARGUMENT"},
		{"a string that holds no object", map[string]any{"args": "x=1"}, "INVALID_ARGUMENT"},
		{"an unknown argument", map[string]any{"path": "/tmp"}, "INVALID_ARGUMENT"},
		{"an integer as a string", map[string]any{"timeout_ms": "5000"}, `{}`},
		{"an empty optional", map[string]any{"timeout_ms": ""}, `{}`},
		{"a timeout that is too short", map[string]any{"timeout_ms": 5}, "INVALID_ARGUMENT"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := a.Execute(t, "s", "echo", nil, c.more)
			if !strings.HasPrefix(c.want, "{") {
				r.Failed(t, c.want)
				return
			}
			if got := string(r.Good(t).Structured); !sameJSON(t, got, c.want) {
				t.Errorf("the server got %s, want %s", got, c.want)
			}
		})
	}
	e := a.Execute(t, "s", "echo", nil, map[string]any{"path": "/tmp"}).Failed(t, "INVALID_ARGUMENT")
	if !strings.Contains(e.Message, "args") || !strings.Contains(e.Message, "path") {
		t.Errorf("the message does not say to put path inside args: %s", e.Message)
	}
	a.Call(t, "execute_tool", map[string]any{"tool": "echo"}).Failed(t, "INVALID_ARGUMENT")
}

func TestExecute_bigIntegersInArguments_arriveUnchanged(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	const args = `{"n":9007199254740993,"f":1.0,"z":{"b":1,"a":[1e3]},"h":"<&>"}`
	r, err := g.Raw(t).CallTool(t.Context(), "execute_tool", json.RawMessage(`{"agent_id":"a","server":"s","tool":"echo","args":`+args+`}`))
	if err != nil {
		t.Fatal(err)
	}
	if !sameJSON(t, string(r.Structured), args) || !strings.Contains(string(r.Structured), `"f":1.0`) {
		t.Errorf("got %s, want the same arguments with 1.0 as it was", r.Structured)
	}
}

// odd are results of the tool oddities by kind, and what a caller of a
// revision up to 2025-11-25 must get, the gateway's own _meta apart.
var odd = map[string]string{
	"unknown-content":  `{"content":[{"type":"hologram","depth":3,"data":{"a":[1,2]}},{"type":"text","text":"after"}]}`,
	"unknown-fields":   `{"content":[{"type":"text","text":"t","annotations":{"priority":0.5,"x-mark":"kept"},"x-extra":{"k":"v"}}],"structuredContent":{"ok":true}}`,
	"big-ints":         `{"content":[{"type":"text","text":"n"}],"structuredContent":{"n":9007199254740993,"f":1.0,"z":{"b":1,"a":2}},"_meta":{"example.com/n":9007199254740995}}`,
	"empty-content":    `{"content":[],"structuredContent":{"only":"structured"}}`,
	"array-structured": `{"content":[{"type":"text","text":"list"},{"type":"text","text":"[1,\"two\",{\"three\":3}]"}]}`,
	"html":             `{"content":[{"type":"text","text":"<b>&amp;</b>"}],"structuredContent":{"html":"<b>&</b>"}}`,
	"link":             `{"content":[{"type":"resource_link","uri":"file:///a","name":"a"},{"type":"image","data":"AAAA","mimeType":"image/png"}]}`,
}

func TestExecute_oddResults_passUnchanged(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	raw := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	for kind, want := range odd {
		t.Run(kind, func(t *testing.T) {
			r := raw.Execute(t, "s", "oddities", map[string]any{"kind": kind})
			if got := withoutOwnMeta(t, r.Raw); !sameJSON(t, got, want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
	r := raw.Execute(t, "s", "oddities", map[string]any{"kind": "no-content"})
	if got := r.Good(t).Field("only"); got != "structured" {
		t.Errorf("a result without content came as %s", r.Raw)
	}
}

// withoutOwnMeta takes out what the gateway adds to a result's _meta, and
// fails the test if that is not there.
func withoutOwnMeta(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var m, meta map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(m["_meta"], &meta); err != nil {
		t.Fatalf("no _meta: %v: %s", err, raw)
	}
	for _, key := range []string{"io.gatehouse/generation", "io.gatehouse/call_id", "io.gatehouse/origin"} {
		if meta[key] == nil {
			t.Errorf("_meta lacks %s", key)
		}
		delete(meta, key)
	}
	delete(m, "_meta")
	if len(meta) > 0 {
		m["_meta"], _ = json.Marshal(meta) // It was read from JSON.
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestExecute_failuresOfTheServer_keepTheirOwnWords(t *testing.T) {
	t.Parallel()
	_, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	r := a.Execute(t, "s", "fail", map[string]any{"message": "out of paper"})
	if r.Code() != "isError" || r.Text != "out of paper" {
		t.Errorf("a tool's own failure came as %q %q, want \"isError\" \"out of paper\"", r.Code(), r.Text)
	}
	e := a.Execute(t, "s", "rpcerror", map[string]any{"code": -32042}).Failed(t, "SERVER_ERROR")
	want := `{"code":-32042,"message":"refused as told","data":{"why":"told so","big":9007199254740993}}`
	var rpc struct{ Code int }
	if json.Unmarshal(e.RPC, &rpc) != nil || rpc.Code != -32042 {
		t.Errorf("rpc is %s, want %s", e.RPC, want)
	}
}

func TestExecute_rpcError_isPassedAsItsOwnJSON(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	r := testkit.Agent{ID: "a", Caller: g.Raw(t)}.Execute(t, "s", "rpcerror", nil)
	want := `{"code":-32000,"message":"refused as told","data":{"why":"told so","big":9007199254740993}}`
	if e := r.Failed(t, "SERVER_ERROR"); !sameJSON(t, string(e.RPC), want) {
		t.Errorf("rpc is %s, want %s", e.RPC, want)
	}
}

func TestExecute_timeout_endsTheCallAndTellsTheServer(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	_, a := begin(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)})
	a.Execute(t, "s", "echo", nil).Good(t)
	for ms, sent := 200, false; !sent; ms *= 2 { // A busy machine may not even send it in so little time.
		e := a.Execute(t, "s", "hang", map[string]any{"id": "late"}, map[string]any{"timeout_ms": ms}).Failed(t, "TIMEOUT")
		if sent = e.MayHaveRun != nil && *e.MayHaveRun; !sent && ms > 10_000 {
			t.Fatalf("may_have_run is not true: %+v", e)
		}
	}
	awaitCall(t, record, "late")
	call := testkit.Calls(testkit.Record(t, record))["late"][0]
	testkit.Eventually(t, "the end of late", func() bool { // The server may hear of it before it runs the call.
		return slices.ContainsFunc(testkit.Record(t, record), func(r testkit.Recorded) bool {
			return r.Event == "cancelled" && string(r.Request) == string(call.Request)
		})
	})
}

func TestExecute_cancelledCaller_cancelsTheServersCall(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	_, a := begin(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)})
	ctx, cancel := context.WithCancel(t.Context())
	call := a.Go(ctx, "s", "hang", map[string]any{"id": "left"})
	awaitCall(t, record, "left")
	cancel()
	<-call.Done()
	awaitEvent(t, record, "cancelled", "left")
}

func TestExecute_progress_comesBeforeTheResultUnderTheCallersToken(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	params := json.RawMessage(`{"name":"execute_tool","arguments":{"agent_id":"a","server":"s","tool":"progress","args":{"n":5,"ms":5}},"_meta":{"progressToken":"my-token"}}`)
	reply, err := g.Raw(t).Request(t.Context(), "tools/call", params)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range reply.Notifications {
		var v struct {
			Method string
			Params struct {
				ProgressToken string
				Progress      float64
				Message       string
			}
		}
		if err := json.Unmarshal(n, &v); err != nil {
			t.Fatal(err)
		}
		if v.Method == "notifications/progress" {
			got = append(got, fmt.Sprint(v.Params.ProgressToken, v.Params.Progress, v.Params.Message))
		}
	}
	want := []string{"my-token1step 1", "my-token2step 2", "my-token3step 3", "my-token4step 4", "my-token5step 5"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, then %s, want %v", got, reply.Message, want)
	}
	if !strings.Contains(string(reply.Message), `"had_token":true`) {
		t.Errorf("the server got no token: %s", reply.Message)
	}
}
