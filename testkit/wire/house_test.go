//go:build unix

package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"gatehouse/testkit"
)

// path is a way from an agent to a server.
type path struct {
	*agent
	server string // "pipe" is reached over stdio, "web" over HTTP; with "-new" it is one of 2026-07-28
}

func (p path) String() string { return p.name + " to " + p.server }

// house is two gateways, one over HTTP and one over stdio, in front of
// servers of both generations over each.
type house struct {
	http, stdio *agent // of the newest revision with initialize
	stateless   []*agent
}

// open starts the gateways. The servers get these arguments.
func open(t testing.TB, serverArgs ...string) *house {
	t.Helper()
	opt := houseOptions(t, serverArgs...)
	overHTTP := overHTTP(t, startReady(t, opt, allServers...))
	opt.Stdio = true
	overStdio := overStdio(t, startReady(t, opt, allServers...))
	return &house{
		http:  dial(t, "HTTP", "2025-11-25", overHTTP),
		stdio: dial(t, "stdio", "2025-11-25", overStdio),
		stateless: []*agent{
			dial(t, "HTTP", stateless, overHTTP),
			dial(t, "stdio", stateless, overStdio),
		},
	}
}

// allServers are those of a house.
var allServers = []string{"pipe", "web", "pipe-new", "web-new"}

// startReady starts a gateway and waits until these of its servers are ready. Else a busy
// machine may answer that they are starting, and tells callers that they still wait.
func startReady(t testing.TB, opt testkit.Options, servers ...string) *testkit.Gateway {
	t.Helper()
	g := testkit.StartGateway(t, opt)
	for _, server := range servers {
		g.Await(t, "server ready", "server", server)
	}
	return g
}

// houseOptions start a gateway in front of the servers of a house.
func houseOptions(t testing.TB, serverArgs ...string) testkit.Options {
	t.Helper()
	web := testkit.StartHTTPFake(t, serverArgs...)
	statelessArgs := append(slices.Clip(serverArgs), "--era", "stateless")
	newWeb := testkit.StartHTTPFake(t, statelessArgs...)
	return testkit.Options{
		Servers: testkit.Servers{
			"pipe":     testkit.Fake(t, serverArgs...),
			"web":      {"url": web.Base + "/mcp"},
			"pipe-new": testkit.Fake(t, statelessArgs...),
			"web-new":  {"url": newWeb.Base + "/mcp"},
		}.JSON(),
		Rules: testkit.AllowAll("a"),
		Args:  []string{"--agent", "a"},
		Env:   []string{testkit.Built(t)},
	}
}

// agents are all conversations: of both transports, of the newest revision
// with and the newest one without initialize.
func (h *house) agents() []*agent { return append([]*agent{h.http, h.stdio}, h.stateless...) }

// paths are the ways of all agents to servers over both, and of agents of both
// generations to servers of both.
func (h *house) paths() []path {
	var out []path
	for _, a := range h.agents() {
		out = append(out, path{a, "pipe"}, path{a, "web"})
	}
	for _, a := range []*agent{h.http, h.stateless[1]} {
		out = append(out, path{a, "pipe-new"}, path{a, "web-new"})
	}
	return out
}

// fewPaths are one for each pair of transports, for what takes long.
func (h *house) fewPaths() []path {
	return []path{{h.http, "pipe"}, {h.http, "web"}, {h.stdio, "web"}, {h.stateless[1], "pipe"}}
}

// blame fails the test for an error. One that means that no answer came ends
// it: the next would take as long, and say nothing new.
func blame(t testing.TB, err error, format string, args ...any) {
	t.Helper()
	what := fmt.Sprintf(format, args...)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("%.2000s: got %v, want no error", what, err)
	}
	t.Errorf("%.2000s: got %v, want no error", what, err)
}
