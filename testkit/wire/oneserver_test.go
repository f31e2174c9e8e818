//go:build unix

package wire_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"gatehouse/testkit"
	"gatehouse/testkit/spec"
)

// openServers starts gateways in front of the servers of a house, and returns
// the ways on which agents meet one of them as it is.
func openServers(t testing.TB, serverArgs ...string) []path {
	t.Helper()
	opt := houseOptions(t, serverArgs...)
	web := testkit.StartGateway(t, opt)
	opt.Stdio, opt.Args = true, append(opt.Args, "--surface", "server:pipe")
	pipe := overStdio(t, testkit.StartGateway(t, opt))
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

// says has the server say a result to its own tools/call, and compares it with
// what comes.
func (p path) says(ctx context.Context, said string) error {
	if strings.HasPrefix(p.server, "pipe") {
		said = string(onOneLine([]byte(said)))
	}
	got, err := p.call(ctx, "say", fmt.Sprintf(`{"result":%q}`, base64.StdEncoding.EncodeToString([]byte(said))))
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
