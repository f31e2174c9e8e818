//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// The same call means the same at the gate and at the server's own address, and
// both are in the audit log.
func TestSurface_oneServer_isWhatTheRulesGiveTheAgent(t *testing.T) {
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"my db": testkit.Fake(t), "other": testkit.Fake(t)}.JSON(),
		Rules:   `{"agents":{"a":{"allow":{"servers":["my db"],"tools":{"my db":["echo","sleep"]}}},"b":{"allow":{"servers":["other"]}}},"defaults":{"deny_on_missing_agent":true}}`,
	})
	url := g.BaseURL(t) + "/servers/my%20db/mcp"
	raw := testkit.NewRaw(t, url+"?agent=a", "")
	raw.URL = url // The session knows its agent.
	reply, err := raw.Request(t.Context(), "tools/list", nil)
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Result struct{ Tools []struct{ Name string } }
	}
	if err := json.Unmarshal(reply.Message, &list); err != nil || len(list.Result.Tools) != 2 {
		t.Errorf("got %s (%v), want the two tools that the agent may use", reply.Message, err)
	}
	if r, err := raw.CallTool(t.Context(), "echo", map[string]any{"text": "hi"}); err != nil || r.IsError {
		t.Errorf("got %+v %v, want a result", r, err)
	}
	if r, err := raw.CallTool(t.Context(), "crash", nil); err != nil || !r.IsError || !strings.Contains(string(r.Raw), "DENIED_BY_POLICY") {
		t.Errorf("got %+v %v, want a refusal", r, err)
	}
	for _, path := range []string{"/servers/my%20db/mcp?agent=b", "/servers/other/mcp?agent=a", "/servers/none/mcp?agent=a", "/servers/other/mcp"} {
		resp, err := http.Post(g.BaseURL(t)+path, "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, resp.StatusCode)
		}
	}
}

// Each session hears of what changes for its agent, and of nothing else.
func TestSurface_overStdio_changesAreTold(t *testing.T) {
	servers := testkit.Servers{"db": testkit.Fake(t, "--whole")}
	rules := func(tools string) string {
		return `{"agents":{"a":{"allow":{"servers":["db"],"tools":{"db":[` + tools + `]},"resources":{"db":["*"]}}}}}`
	}
	g := overStdio(t, testkit.Options{
		Servers: servers.JSON(), Rules: rules(`"set_*"`), Args: []string{"--agent", "a", "--surface", "server:db"}, Race: true,
	})
	lines := bufio.NewScanner(g.Stdout())
	send := func(message string) {
		t.Helper()
		if _, err := io.WriteString(g.Stdin(), message+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	next := func(want string) {
		t.Helper()
		if !lines.Scan() || !strings.Contains(lines.Text(), want) {
			t.Fatalf("got %s, want a line with %s", lines.Text(), want)
		}
	}
	inAnyOrder := func(a, b string) {
		t.Helper()
		if !lines.Scan() {
			t.Fatal("got the end of the output, want two lines more")
		}
		if strings.Contains(lines.Text(), b) {
			a, b = b, a
		}
		if !strings.Contains(lines.Text(), a) {
			t.Fatalf("got %s, want a line with %s", lines.Text(), a)
		}
		next(b)
	}
	send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}`)
	next(`"capabilities":{"tools":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true}`)
	send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	send(`{"jsonrpc":"2.0","id":2,"method":"resources/list"}`)
	next(`"id":2`)
	servers["other"] = testkit.Fake(t)
	g.Apply(t, g.ServersFile, servers.JSON()) // Which is nothing to this agent.
	g.Apply(t, g.RulesFile, rules(`"set_*", "echo"`))
	next("notifications/tools/list_changed")
	send(`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"set_resources","arguments":{"tools":["note://new"]}}}`)
	inAnyOrder(`"id":3`, "notifications/resources/list_changed")
	send(`{"jsonrpc":"2.0","id":4,"method":"resources/list"}`)
	next("note://new")
	send(`{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"set_tools","arguments":{"tools":["set_more"]}}}`)
	inAnyOrder(`"id":5`, "notifications/tools/list_changed")
}

// The start says that a surface has nothing for the client. The same session uses it
// once a reload has brought it.
func TestSurface_overStdio_serverThatIsNotThere_isSaid_andMayComeLater(t *testing.T) {
	testkit.OfRunAlone(t, "TestAttach_whatDoesNotFit_isSaid")
	servers := testkit.Servers{"files": testkit.Fake(t), "hidden": testkit.Fake(t)}
	g := overStdio(t, testkit.Options{
		Servers: servers.JSON(), Rules: `{"agents":{"a":{"allow":{"servers":["file*"]}}}}`, Args: []string{"--agent", "a", "--surface", "server:filez"},
	})
	warning := g.Await(t, "the surface has nothing for the client", "surface", "server:filez")
	if why := warning.Str("reason"); !strings.Contains(why, `no server "filez" that agent "a" may use (it may use files`) || strings.Contains(why, "hidden") {
		t.Errorf("got the reason %q, want the servers that the agent may use", why)
	}
	lines := bufio.NewScanner(g.Stdout())
	for _, want := range []string{"SERVER_NOT_FOUND", `"capabilities":{"tools"`} {
		if want != "SERVER_NOT_FOUND" {
			servers["filez"] = testkit.Fake(t)
			g.Apply(t, g.ServersFile, servers.JSON())
		}
		if _, err := io.WriteString(g.Stdin(), `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}`+"\n"); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || !strings.Contains(lines.Text(), want) {
			t.Fatalf("got %s, want a line with %s", lines.Text(), want)
		}
	}
}

func TestSurface_all_hasTheNamesThatToolsPrints(t *testing.T) {
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"my db": testkit.Fake(t, "--whole"), "other": testkit.Fake(t)}.JSON(),
		Rules:   `{"agents":{"a":{"allow":{"servers":["my db","other"],"tools":{"*":["echo"]},"resources":{"my db":["*"]}}}}}`,
		Env:     []string{testkit.Built(t)},
	})
	g.Await(t, "server ready", "server", "my db")
	g.Await(t, "server ready", "server", "other")
	raw := testkit.NewRaw(t, g.BaseURL(t)+"/all/mcp?agent=a", "")
	reply, err := raw.Request(t.Context(), "tools/list", nil)
	if err != nil {
		t.Fatal(err)
	}
	names := func(text []byte) (names []string) {
		t.Helper()
		for part := range strings.SplitSeq(string(text), `"name":"`) {
			if name, _, ok := strings.Cut(part, `"`); ok && strings.Contains(name, "__echo") {
				names = append(names, name)
			}
		}
		return names
	}
	var printed []string
	for _, tool := range value[[]struct{ Name string }](t, operate(t, g, "tools", "--names", "--json", "--agent", "a")) {
		printed = append(printed, tool.Name)
	}
	got := names(reply.Message)
	if len(got) != 2 || got[1] != "other__echo" || !slices.Equal(got, printed) {
		t.Errorf("got %v on the surface and %v of the command, want the same two", got, printed)
	}
	for _, name := range got {
		if r, err := raw.CallTool(t.Context(), name, map[string]any{"text": "hi"}); err != nil || r.IsError {
			t.Errorf("%s: got %+v %v, want a result", name, r, err)
		}
	}
	reply, err = raw.Request(t.Context(), "resources/list", nil)
	if err != nil || !strings.Contains(string(reply.Message), `"uri":"gatehouse://my%20db/note://a/%7Eb"`) {
		t.Errorf("got %s (%v), want the resource with its prefix", reply.Message, err)
	}
	if resp := http404(t, g.BaseURL(t)+"/all/mcp?agent=nobody"); resp != http.StatusNotFound {
		t.Errorf("an agent that nobody knows: got %d, want 404", resp)
	}
}

// http404 posts a request and returns the status.
func http404(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// What the rules expose stands beside the gateway's own tools, and clients hear when
// that changes.
func TestSurface_gateOverStdio_exposesWhatTheRulesSay(t *testing.T) {
	rules := func(expose string) string {
		return `{"agents":{"a":{"allow":{"servers":["db"],"tools":{"db":["echo","sleep"]}},"expose":{` + expose + `}}}}`
	}
	g := overStdio(t, testkit.Options{
		Servers: testkit.Servers{"db": testkit.Fake(t)}.JSON(), Rules: rules(`"db":["echo"]`), Args: []string{"--agent", "a"},
		Env: []string{testkit.Built(t)},
	})
	g.Await(t, "server ready", "server", "db")
	lines := bufio.NewScanner(g.Stdout())
	lines.Buffer(nil, 1<<20)
	ask := func(message, want, not string) {
		t.Helper()
		if message != "" {
			if _, err := io.WriteString(g.Stdin(), message+"\n"); err != nil {
				t.Fatal(err)
			}
		}
		if !lines.Scan() || !strings.Contains(lines.Text(), want) || not != "" && strings.Contains(lines.Text(), not) {
			t.Fatalf("got %s, want a line with %s and without %q", lines.Text(), want, not)
		}
	}
	ask(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}`, `"tools":{"listChanged":true}`, "")
	if _, err := io.WriteString(g.Stdin(), `{"jsonrpc":"2.0","method":"notifications/initialized"}`+"\n"); err != nil {
		t.Fatal(err)
	}
	ask(`{"jsonrpc":"2.0","id":2,"method":"tools/list"}`, `"name":"db__echo"`, "db__sleep")
	ask(`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"db__echo","arguments":{"text":"hi"}}}`, `"io.gatehouse/origin":"server"`, "isError")
	ask(`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"db__sleep","arguments":{"ms":1}}}`, `unknown tool`, "")
	g.Apply(t, g.RulesFile, rules(`"db":["echo","sleep"]`))
	ask("", "notifications/tools/list_changed", "")
	ask(`{"jsonrpc":"2.0","id":5,"method":"tools/list"}`, `"name":"db__sleep"`, "")
}
