//go:build unix

package wire_test

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
	"gatehouse/testkit/spec"
)

// envelopes are the definitions of a response with a result and with an error.
func envelopes(revision string) (result, failure string) {
	if revision == "2025-06-18" {
		return "JSONRPCResponse", "JSONRPCError"
	}
	return "JSONRPCResultResponse", "JSONRPCErrorResponse"
}

// said is what the gateway says for a request, and what that must be. Exactly
// one of result and code is set.
type said struct {
	name, method, params string

	result string // the definition of its result
	code   string // of the failure that the result is, empty for none
	rpc    int    // the code of its JSON-RPC error
	notes  int    // progress notifications that come before it
}

// saidAlways is what it says in every revision.
var saidAlways = []said{
	{name: "tools/list", method: "tools/list", result: "ListToolsResult"},
	{name: "list_servers", params: `{"name":"list_servers"}`, result: "CallToolResult"},
	{name: "list_servers with metadata", params: `{"name":"list_servers","arguments":{"include_metadata":true}}`, result: "CallToolResult"},
	{name: "get_server_tools", params: `{"name":"get_server_tools","arguments":{"server":"pipe"}}`, result: "CallToolResult"},
	{name: "a result of a stdio server", params: execute("pipe", "echo", `{"a":[1.0]}`), result: "CallToolResult"},
	{name: "a result of a url server", params: execute("web", "echo", `{"a":[1.0]}`), result: "CallToolResult"},
	{name: "a result of a stdio server of 2026-07-28", params: execute("pipe-new", "echo", `{"a":[1.0]}`), result: "CallToolResult"},
	{name: "a result of a url server of 2026-07-28", params: execute("web-new", "echo", `{"a":[1.0]}`), result: "CallToolResult"},
	{name: "a call of 2026-07-28 that takes too long", params: execute("pipe-new", "hang", `{},"timeout_ms":100`), result: "CallToolResult", code: "TIMEOUT"},
	{name: "structured content that is an array", params: execute("pipe", "oddities", `{"kind":"array-structured"}`), result: "CallToolResult"},
	{name: "a server's own failure", params: execute("pipe", "fail", `{}`), result: "CallToolResult"},
	{name: "big integers", params: execute("web", "oddities", `{"kind":"big-ints"}`), result: "CallToolResult"},
	{name: "an empty list of blocks", params: execute("web", "oddities", `{"kind":"empty-content"}`), result: "CallToolResult"},
	{
		name: "progress of a stdio server", params: `{"_meta":{"progressToken":"t"},` + execute("pipe", "progress", `{"n":2}`)[1:],
		result: "CallToolResult", notes: 2,
	},
	{
		name: "progress of a server of 2026-07-28", params: `{"_meta":{"progressToken":"n"},` + execute("pipe-new", "progress", `{"n":2}`)[1:],
		result: "CallToolResult", notes: 2,
	},
	{
		name: "progress of a url server", params: `{"_meta":{"progressToken":7},` + execute("web", "progress", `{"n":2}`)[1:],
		result: "CallToolResult", notes: 2,
	},

	{name: "a tool that is forbidden", params: execute("pipe", "env", `{}`), result: "CallToolResult", code: "DENIED_BY_POLICY"},
	{name: "a server that is forbidden", params: execute("no", "echo", `{}`), result: "CallToolResult", code: "DENIED_BY_POLICY"},
	{name: "a server that is not there", params: execute("pipes", "echo", `{}`), result: "CallToolResult", code: "SERVER_NOT_FOUND"},
	{name: "a tool that is not there", params: execute("pipe", "ech", `{}`), result: "CallToolResult", code: "TOOL_NOT_FOUND"},
	{name: "another agent", params: `{"name":"list_servers","arguments":{"agent_id":"b"}}`, result: "CallToolResult", code: "INVALID_AGENT_ID"},
	{name: "an argument that is none", params: `{"name":"list_servers","arguments":{"x":1}}`, result: "CallToolResult", code: "INVALID_ARGUMENT"},
	{name: "a server that cannot start", params: execute("broken", "echo", `{}`), result: "CallToolResult", code: "SERVER_UNAVAILABLE"},
	{name: "a server's JSON-RPC error", params: execute("pipe", "rpcerror", `{}`), result: "CallToolResult", code: "SERVER_ERROR"},
	{name: "a result that is too large", params: execute("pipe", "big", `{"bytes":100000}`), result: "CallToolResult", code: "RESULT_TOO_LARGE"},
	{name: "a call that takes too long", params: execute("web", "hang", `{},"timeout_ms":100`), result: "CallToolResult", code: "TIMEOUT"},
	{name: "the same at a stdio server", params: execute("pipe", "hang", `{},"timeout_ms":100`), result: "CallToolResult", code: "TIMEOUT"},
	{name: "a server that dies", params: execute("fragile", "crash", `{}`), result: "CallToolResult", code: "SERVER_CRASHED"},

	{name: "a method that is none", method: "nonsense", rpc: -32601},
	{name: "prompts, which there are none of", method: "prompts/list", rpc: -32601},
	{name: "a gateway's tool that is none", params: `{"name":"nonsense"}`, rpc: -32602},
}

// saidBefore is what it says in revisions before 2026-07-28, saidSince after.
var (
	saidBefore = []said{
		{name: "ping", method: "ping", result: "EmptyResult"},
		{name: "params without a name", params: `{"arguments":{}}`, rpc: -32602},
	}
	saidSince = []said{
		{name: "discover", method: "server/discover", result: "DiscoverResult"},
		{name: "ping, which is gone", method: "ping", rpc: -32601},
		{name: "initialize, which is gone", method: "initialize", rpc: -32601},
	}
)

func execute(server, tool, args string) string {
	return fmt.Sprintf(`{"name":"execute_tool","arguments":{"server":%q,"tool":%q,"args":%s}}`, server, tool, args)
}

// official starts a gateway with servers that do all that saidAlways asks for.
func official(t *testing.T, stdio bool, fakeArgs ...string) *testkit.Gateway {
	t.Helper()
	web := testkit.StartHTTPFake(t, fakeArgs...)
	statelessArgs := append(slices.Clip(fakeArgs), "--era", "stateless")
	newWeb := testkit.StartHTTPFake(t, statelessArgs...)
	return startReady(t, testkit.Options{
		Servers: testkit.Servers{
			"pipe":     testkit.Fake(t, fakeArgs...).Settings("max_result_bytes", 65536, "ping_interval_ms", 200),
			"web":      testkit.Entry{"url": web.Base + "/mcp"}.Settings("ping_interval_ms", 200),
			"pipe-new": testkit.Fake(t, statelessArgs...).Settings("ping_interval_ms", 200),
			"web-new":  {"url": newWeb.Base + "/mcp"},
			"fragile":  testkit.Fake(t).Settings("restart", map[string]any{"max_failures": 100, "initial_ms": 50, "max_ms": 50, "quarantine_ms": 1}),
			"broken":   {"command": "gatehouse-test-no-such-command"},
			"no":       {"command": "gatehouse-test-no-such-command", "disabled": true},
		}.JSON(),
		Rules: testkit.Rules{"a": {Allow: []string{"*"}, Deny: []string{"no"}, DenyTools: testkit.Tools{"*": {"env"}}}}.JSON(),
		Args:  []string{"--agent", "a"}, Env: []string{testkit.Built(t)}, Stdio: stdio,
	}, append([]string{"fragile"}, allServers...)...)
}

func TestSchema_whatTheGatewaySays_fitsItsRevision(t *testing.T) {
	overWeb := overHTTP(t, official(t, false))
	for _, revision := range spec.Revisions {
		t.Run("HTTP, "+revision, func(t *testing.T) { checkSaid(t, dial(t, "HTTP", revision, overWeb)) })
		t.Run("stdio, "+revision, func(t *testing.T) { checkSaid(t, dial(t, "stdio", revision, overStdio(t, official(t, true)))) })
	}
}

func checkSaid(t *testing.T, a *agent) {
	t.Helper()
	list := append(slices.Clip(saidAlways), saidBefore...)
	if a.revision == stateless {
		list = append(slices.Clip(saidAlways), saidSince...)
	} else {
		a.fits(t, said{name: "initialize", result: "InitializeResult"}, a.hello)
	}
	for _, s := range list {
		a.fits(t, s, a.request(t, cmp.Or(s.method, "tools/call"), s.params))
	}
}

// fits checks one answer against the schemas.
func (a *agent) fits(t *testing.T, s said, got answer) {
	t.Helper()
	check := func(definition string, value []byte) {
		t.Helper()
		if err := spec.Validate(a.revision, definition, value); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
	result, failure := envelopes(a.revision)
	if s.rpc != 0 {
		check(failure, got.message)
		if code := string(pick(pick(got.message, "error"), "code")); code != fmt.Sprint(s.rpc) {
			t.Errorf("%s: got the code %s, want %d: %s", s.name, code, s.rpc, got.message)
		}
		return
	}
	check(result, got.message)
	check(s.result, pick(got.message, "result"))
	structured := pick(pick(got.message, "result"), "structuredContent")
	if code := text(pick(pick(structured, "error"), "code")); code != s.code {
		t.Errorf("%s: got the code %q, want %q: %s", s.name, code, s.code, got.message)
	}
	if len(got.notes) != s.notes {
		t.Errorf("%s: got %d notifications, want %d", s.name, len(got.notes), s.notes)
	}
	for _, n := range got.notes {
		check("ProgressNotification", n)
		check("JSONRPCNotification", n)
	}
}

// broken are messages that are no requests, or wrong ones.
var broken = []struct{ name, message string }{
	{"what is not JSON", `{"jsonrpc":`},
	{"no object", `1`},
	{"an empty batch", `[]`},
	{"another version of JSON-RPC", `{"jsonrpc":"1.0","id":1,"method":"ping"}`},
	{"no method", `{"jsonrpc":"2.0","id":1}`},
	{"an id that is none", `{"jsonrpc":"2.0","id":{},"method":"ping"}`},
	{"an id that is null", `{"jsonrpc":"2.0","id":null,"method":"ping"}`},
	{"params that are none", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":7}`},
}

func TestSchema_errors_fitTheirRevision(t *testing.T) {
	overWeb := overHTTP(t, official(t, false))
	for _, revision := range spec.Revisions {
		_, failure := envelopes(revision)
		a := dial(t, "HTTP", revision, overWeb)
		pipe := &lines{overStdio(t, official(t, true))}
		dial(t, "stdio", revision, pipe.stdioWire)
		for _, b := range broken {
			got, err := overWeb.send(t.Context(), []byte(b.message), "", a.header("tools/call", "execute_tool"))
			if err != nil {
				t.Fatal(err)
			}
			if err := spec.Validate(revision, failure, withoutNull(revision, got.message)); err != nil {
				t.Errorf("HTTP, %s, %s: %v", revision, b.name, err)
			}
			got, err = pipe.exchange(t.Context(), []byte(b.message), 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range got.notes {
				if err := spec.Validate(revision, failure, withoutNull(revision, line)); err != nil {
					t.Errorf("stdio, %s, %s: %v", revision, b.name, err)
				}
			}
			if len(got.notes) != 1 {
				t.Errorf("stdio, %s, %s: got %d answers, want 1", revision, b.name, len(got.notes))
			}
		}
	}
}

// withoutNull has an id in the place of null in 2025-06-18, whose schema knows
// no answer to a message without a readable id: there JSON-RPC's own says null.
// Later schemas leave the id out.
func withoutNull(revision string, message []byte) []byte {
	if revision != "2025-06-18" {
		return message
	}
	return bytes.Replace(message, []byte(`"id":null`), []byte(`"id":0`), 1)
}

func TestSchema_errorsOf20260728_haveTheirOwnDefinitions(t *testing.T) {
	over := overHTTP(t, official(t, false))
	a := dial(t, "HTTP", stateless, over)
	good := a.header("tools/call", "list_servers")
	with := func(key, value string) http.Header {
		h := good.Clone()
		h.Set(key, value)
		return h
	}
	call := func(meta string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{` + meta + `},"name":"list_servers"}}`
	}
	for _, c := range []struct {
		name, body, definition string
		header                 http.Header
		status                 int
	}{
		{"another method in the header", call(statelessMeta), "HeaderMismatchError", with("Mcp-Method", "tools/list"), 400},
		{"another name in the header", call(statelessMeta), "HeaderMismatchError", with("Mcp-Name", "execute_tool"), 400},
		{"no method in the header", call(statelessMeta), "HeaderMismatchError", with("Mcp-Method", ""), 400},
		{"another revision in the header", call(statelessMeta), "HeaderMismatchError", with("Mcp-Protocol-Version", "2025-11-25"), 400},
		{
			"a revision that is none",
			call(`"io.modelcontextprotocol/protocolVersion":"2031-01-01","io.modelcontextprotocol/clientCapabilities":{}`),
			"UnsupportedProtocolVersionError", with("Mcp-Protocol-Version", "2031-01-01"), 400,
		},
	} {
		got, err := over.send(t.Context(), []byte(c.body), "", c.header)
		if err != nil {
			t.Fatal(err)
		}
		if err := spec.Validate(stateless, c.definition, got.message); err != nil || got.status != c.status {
			t.Errorf("%s: status %d: %v, want status %d and a message that fits %s", c.name, got.status, err, c.status, c.definition)
		}
	}
}

func TestSchema_listening_fitsItsRevision(t *testing.T) {
	over := overHTTP(t, official(t, false))
	a := dial(t, "HTTP", stateless, over)
	first, err := over.firstEvent(t.Context(), []byte(`{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"_meta":{`+statelessMeta+
		`},"notifications":{"toolsListChanged":true}}}`), a.header("subscriptions/listen", ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Validate(stateless, "SubscriptionsAcknowledgedNotification", first); err != nil {
		t.Error(err)
	}
}

// sent are the definitions of what the gateway sends to servers, by method.
var sent = map[string]string{
	"initialize": "InitializeRequest", "notifications/initialized": "InitializedNotification", "tools/list": "ListToolsRequest",
	"subscriptions/listen": "SubscriptionsListenRequest",
	"tools/call":           "CallToolRequest", "notifications/cancelled": "CancelledNotification", "ping": "PingRequest", "server/discover": "DiscoverRequest",
}

func TestSchema_whatTheGatewayAsksServers_fitsItsRevision(t *testing.T) {
	file := filepath.Join(t.TempDir(), "transcript.jsonl")
	a := dial(t, "HTTP", "2025-11-25", overHTTP(t, official(t, false, "--transcript", file)))
	for _, s := range saidAlways {
		if s.result != "" {
			a.request(t, cmp.Or(s.method, "tools/call"), s.params)
		}
	}
	heard := func(what string) func() bool {
		return func() bool { return strings.Contains(testkit.ReadFile(t, file), what) }
	}
	for _, what := range []string{
		`"method":"initialize"`, `"method":"notifications/initialized"`, `"method":"tools/list"`, `"method":"tools/call"`,
		`"progressToken"`, `"method":"notifications/cancelled"`, `"method":"ping"`, `"method":"server/discover"`, `"method":"subscriptions/listen"`,
		`"method":"tools/call","params":{"_meta":{"io.modelcontextprotocol/`,
	} {
		testkit.Eventually(t, "a server hears "+what, heard(what))
	}
	for l := range strings.Lines(testkit.ReadFile(t, file)) {
		line := []byte(l)
		if !strings.HasSuffix(l, "\n") {
			break // It is still being written.
		}
		method, revision := text(pick(line, "method")), "2025-11-25"
		if pick(pick(pick(line, "params"), "_meta"), "io.modelcontextprotocol/protocolVersion") != nil {
			revision = stateless
		}
		envelope := "JSONRPCRequest"
		if pick(line, "id") == nil {
			envelope = "JSONRPCNotification"
		}
		for _, definition := range []string{envelope, sent[method]} {
			if err := spec.Validate(revision, definition, line); err != nil {
				t.Errorf("%s: %v", method, err)
			}
		}
	}
}
