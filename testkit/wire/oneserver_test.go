//go:build unix

package wire_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"gatehouse/testkit/spec"
)

// openServers starts gateways in front of the servers of a house, and returns
// the ways on which agents meet one of them as it is.
func openServers(t testing.TB, serverArgs ...string) []path {
	t.Helper()
	opt := houseOptions(t, serverArgs...)
	web := startReady(t, opt, allServers...)
	opt.Stdio, opt.Args = true, append(opt.Args, "--surface", "server:pipe")
	pipe := overStdio(t, startReady(t, opt, "pipe"))
	var out []path
	for server, revision := range map[string]string{"pipe": stateless, "web": "2025-06-18", "pipe-new": "2025-11-25", "web-new": stateless} {
		w := overHTTP(t, web)
		w.url = strings.TrimSuffix(w.url, "/mcp") + "/servers/" + url.PathEscape(server) + "/mcp"
		out = append(out, path{dial(t, "HTTP, one server", revision, w), server})
	}
	return append(out, path{dial(t, "stdio, one server", "2024-11-05", pipe), "pipe"}, path{dial(t, "stdio, one server", stateless, pipe), "pipe"})
}

func TestLossless_oneServer_results(t *testing.T) {
	var said []testCase
	examples, err := spec.Examples("CallToolResult")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range examples {
		if e.Definition == "CallToolResult" {
			said = append(said, testCase{e.Name, string(e.JSON)})
		}
	}
	said = append(said, cases(t, "results.txt")...)
	for _, p := range openServers(t) {
		for _, c := range said {
			if err := p.says(t.Context(), c.json); err != nil {
				blame(t, err, "%s, %s", c.name, p)
			}
		}
	}
}

// On the surface of all servers a result is what it is on the server's own.
func TestLossless_allServers_results(t *testing.T) {
	all := overHTTP(t, startReady(t, houseOptions(t), allServers...))
	all.url = strings.TrimSuffix(all.url, "/mcp") + "/all/mcp"
	for _, p := range []path{{dial(t, "HTTP, all", "2025-11-25", all), "web"}, {dial(t, "HTTP, all", stateless, all), "pipe-new"}} {
		for _, c := range cases(t, "results.txt") {
			if err := p.saysBy(t.Context(), p.server+"__say", c.json); err != nil {
				blame(t, err, "%s, %s", c.name, p)
			}
		}
	}
}

// says has the server say a result to its own tools/call, and compares it with
// what comes.
func (p path) says(ctx context.Context, said string) error { return p.saysBy(ctx, "say", said) }

func (p path) saysBy(ctx context.Context, tool, said string) error {
	if strings.HasPrefix(p.server, "pipe") {
		said = string(onOneLine([]byte(said)))
	}
	got, err := p.call(ctx, tool, fmt.Sprintf(`{"result":%q}`, base64.StdEncoding.EncodeToString([]byte(said))))
	if err != nil {
		return err
	}
	return sameResult(got, []byte(said), p.revision == stateless)
}

func TestLossless_oneServer_definitions(t *testing.T) {
	var tools []string
	for _, c := range cases(t, "tools.txt") {
		tools = append(tools, c.json)
	}
	for _, p := range openServers(t, "--list", writeList(t, tools...)) {
		got, err := resultOf(p.request(t, "tools/list", "").message)
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		p.compareList(t, got, tools)
	}
}

// What a server has beside tools passes byte for byte too, and so does what an
// agent asks.
func TestLossless_oneServer_whole(t *testing.T) {
	const meta = `"_meta":{"x":[1.0]}`
	for _, p := range openServers(t, "--whole") {
		for method, want := range map[string]string{
			"resources/list":           `[{ "uri":"note://a/%7Eb",  "name":"one","size":1.0,"big":9007199254740993,"_meta":{"x":[1e400]} }]`,
			"resources/templates/list": `[{"uriTemplate":"note://{id}/{+rest}","name":"any",  "odd":"\u00e9"}]`,
			"prompts/list":             `[{"name":"greet","arguments":[{"name":"who","required":true,"odd":1.00}]}]`,
		} {
			result := p.result(t, method, "", "")
			member := map[string]string{"resources/list": "resources", "resources/templates/list": "resourceTemplates", "prompts/list": "prompts"}[method]
			if got := string(pick(result, member)); got != want {
				t.Errorf("%s, %s: got %s, want %s", p, method, got, want)
			}
			if scope := text(pick(result, "cacheScope")); p.revision == stateless && scope != "private" {
				t.Errorf("%s, %s: got the cache scope %q, want private", p, method, scope)
			}
		}
		for _, c := range []struct{ method, params, sent, from string }{
			{"resources/read", `{` + meta + `,"uri":"note:\/\/a/\u0062"}`, `"uri":"note:\/\/a/\u0062"`, "contents"},
			{"prompts/get", `{` + meta + `,"name":"gr\u0065et","arguments":{"who": "\u00e9"}}`, `"name":"gr\u0065et","arguments":{"who": "\u00e9"}`, "messages"},
			{
				"completion/complete", `{` + meta + `,"ref":{"type":"ref/prompt","name":"greet","odd":1.0},"argument":{"name":"who","value":"a"}}`,
				`"ref":{"type":"ref/prompt","name":"greet","odd":1.0},"argument":{"name":"who","value":"a"}`, "completion",
			},
		} {
			name := text(pick([]byte(c.params), "name"))
			if c.method == "resources/read" {
				name = "note://a/b"
			}
			result := p.result(t, c.method, name, c.params)
			if err := p.whatWasSent(result, c.from, c.sent); err != nil {
				t.Errorf("%s, %s: %v", p, c.method, err)
			}
			if v := text(pick(pick(result, "_meta"), "io.gatehouse/origin")); v != "server" {
				t.Errorf("%s, %s: got the _meta %s, want the gateway's members in it", p, c.method, pick(result, "_meta"))
			}
		}
	}
}

// result is that of a request that must succeed.
func (p path) result(t *testing.T, method, name, params string) []byte {
	t.Helper()
	got, err := p.try(t.Context(), method, name, params)
	if err != nil {
		t.Fatalf("%s, %s: %v", p, method, err)
	}
	result, err := resultOf(got.message)
	if err != nil {
		t.Fatalf("%s, %s: got %s, want a result", p, method, got.message)
	}
	return result
}

// whatWasSent compares the params that the server says it got with the ones
// wanted, _meta apart.
func (p path) whatWasSent(result []byte, member, want string) error {
	var said struct {
		Contents   []struct{ Text string }
		Messages   []struct{ Content struct{ Text string } }
		Completion struct{ Values []string }
	}
	if err := json.Unmarshal(result, &said); err != nil {
		return err
	}
	coded := map[string]func() string{
		"contents":   func() string { return said.Contents[0].Text },
		"messages":   func() string { return said.Messages[0].Content.Text },
		"completion": func() string { return said.Completion.Values[0] },
	}[member]()
	params, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		return err
	}
	if x := string(pick(pick(params, "_meta"), "x")); x != "[1.0]" {
		return fmt.Errorf("got the params %s, want what travels of _meta in it", params)
	}
	if !strings.HasSuffix(string(params), want+"}") {
		return fmt.Errorf("got the params %s, want %s", params, want)
	}
	return nil
}
