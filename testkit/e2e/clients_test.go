//go:build unix

package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/testkit"
)

// target is where a client finds the gateway: at a URL, or by a command.
type target struct {
	url     string
	command []string
	record  string           // of the fake server behind the gateway
	shared  *testkit.Gateway // that the command attaches to; nil if it is one itself
}

// args is the target on the command line of a client of ours.
func (to target) args() []string {
	if to.url != "" {
		return []string{"http", to.url}
	}
	return append([]string{"stdio"}, to.command...)
}

// The transports that agents have. By attach a client shares a gateway with others;
// by stdio it has one of its own.
const (
	byHTTP   = "http"
	byStdio  = "stdio"
	byAttach = "attach"
)

// targets makes a target for each transport.
var targets = map[string]func(*testing.T) target{byHTTP: overHTTP, byStdio: overStdio, byAttach: overAttach}

// beforeFake starts a gateway before the fake server.
func beforeFake(t *testing.T) (g *testkit.Gateway, record string) {
	t.Helper()
	record = filepath.Join(t.TempDir(), "record")
	return testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"fake": testkit.Fake(t, "--record", record)}.JSON(),
		Rules:   testkit.AllowAll("agent"),
		Env:     []string{testkit.Built(t)},
	}), record
}

// overHTTP is a gateway before the fake server.
func overHTTP(t *testing.T) target {
	t.Helper()
	g, record := beforeFake(t)
	return target{url: g.BaseURL(t) + "/mcp", record: record}
}

// overAttach returns the command that attaches to a gateway before the fake server.
func overAttach(t *testing.T) target {
	t.Helper()
	g, record := beforeFake(t)
	return target{command: attachTo(t, g), record: record, shared: g}
}

// attachTo is the command that attaches to a gateway, in whatever environment a client
// gives it.
func attachTo(t *testing.T, g *testkit.Gateway) []string {
	t.Helper()
	env, err := exec.LookPath("env")
	if err != nil {
		t.Fatal(err)
	}
	g.Await(t, "clients may attach")
	return []string{env, "GATEHOUSE_HOME=" + g.Dir, testkit.Binary(t), "attach", "--mcp-config", g.ServersFile, "--rules", g.RulesFile}
}

// overStdio returns the command that starts a gateway before the fake server.
func overStdio(t *testing.T) target {
	t.Helper()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	record := filepath.Join(dir, "record")
	servers := testkit.Servers{"fake": testkit.Fake(t, "--record", record)}
	return target{record: record, command: []string{
		testkit.Binary(t), "run", "--log-level", "warn", "--audit-log", filepath.Join(dir, "audit.jsonl"),
		"--mcp-config", file(".mcp.json", servers.JSON()),
		"--rules", file("rules.json", testkit.AllowAll("agent")),
	}}
}

// report is what a client says of its steps: see testdata/clients/steps.mjs.
type report struct {
	Revision    string    `json:"revision"`
	Tools       []string  `json:"tools"`
	Servers     []string  `json:"servers"`
	ServerTools []string  `json:"serverTools"`
	Echo        any       `json:"echo"`
	Progress    []float64 `json:"progress"`
	Cancelled   bool      `json:"cancelled"`
	Refused     string    `json:"refused"`
}

// sdk is a client and the revisions that it can be told to speak. Its steps
// leave the connection closed.
type sdk struct {
	name      string
	revisions []string
	steps     func(t *testing.T, revision string, to target) report
}

const (
	legacy    = "2025-11-25"
	stateless = "2026-07-28"
)

func sdks(t *testing.T) []sdk {
	t.Helper()
	older := []string{"2025-03-26", "2025-06-18", legacy, stateless}
	return []sdk{
		{"TypeScript SDK 1.x", []string{legacy}, script(t, "sdk1.mjs")},
		{"TypeScript SDK 2.x", []string{legacy, stateless, "auto"}, script(t, "sdk2.mjs")},
		{"Go SDK", older, goSDK(t)},
		{"mcp-go", older, mcpGo},
	}
}

func TestClients_useTheThreeTools(t *testing.T) {
	for _, sdk := range sdks(t) {
		for _, revision := range sdk.revisions {
			for transport, start := range targets {
				t.Run(sdk.name+" "+revision+" "+transport, func(t *testing.T) {
					to := start(t)
					judge(t, sdk.steps(t, revision, to), revision)
					judgeEnd(t, to)
				})
			}
		}
	}
}

func judge(t *testing.T, got report, revision string) {
	t.Helper()
	for _, name := range []string{"echo", "progress", "hang"} {
		if !slices.Contains(got.ServerTools, name) {
			t.Errorf("get_server_tools lists %v, want %s among them", got.ServerTools, name)
		}
	}
	got.ServerTools = nil
	if revision == "auto" {
		revision = stateless
	}
	want := report{
		Revision: revision,
		Tools:    []string{"search_tools", "list_servers", "get_server_tools", "execute_tool"},
		Servers:  []string{"fake"},
		Echo: map[string]any{
			"text": "h\u00e9llo \u2603",
			"list": []any{1.0, map[string]any{"two": nil}},
		},
		Progress:  []float64{1, 2, 3},
		Cancelled: true,
		Refused:   "SERVER_NOT_FOUND",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the client's report (- wanted, + got):\n%s", diff)
	}
}

// judgeEnd checks that what a client started ended with it: a gateway and its server,
// or what attached it to one.
func judgeEnd(t *testing.T, to target) {
	t.Helper()
	if to.command == nil {
		return // StartGateway checks it.
	}
	if to.shared != nil {
		testkit.Eventually(t, "nobody is attached any more", func() bool { return attached(t, to.shared) == 0 })
		return
	}
	for _, r := range testkit.Record(t, to.record) {
		testkit.Gone(t, r.PID)
	}
}

// awaitCancelled waits until the server has been told of the cancelled call. A
// client must stay connected for so long: SDKs send that without waiting, and
// the gateway passes it on in the same way.
func awaitCancelled(t *testing.T, to target) {
	t.Helper()
	told := func(r testkit.Recorded) bool { return r.Event == "cancelled" && string(r.ID) == `"cancel me"` }
	testkit.Eventually(t, "the server is told of the cancelled call", func() bool {
		return slices.ContainsFunc(testkit.Record(t, to.record), told)
	})
}

// script runs the steps by one of the scripts in testdata/clients.
func script(t *testing.T, name string) func(*testing.T, string, target) report {
	t.Helper()
	return program(node(t), testdata(t, "clients", name))
}

// goSDK runs the steps by the client in testdata/gosdk, a module of its own.
func goSDK(t *testing.T) func(*testing.T, string, target) report {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gosdk")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", testdata(t, "gosdk"), "-o", path, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the client on the Go SDK: %v\n%s", err, out)
	}
	return program(path)
}

// program runs the steps by a program that takes revision and target as its
// last arguments, prints the report, and ends when its input does.
func program(path string, args ...string) func(*testing.T, string, target) report {
	return func(t *testing.T, revision string, to target) (r report) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
		defer cancel()
		cmd, stderr := command(ctx, t, path, slices.Concat(args, []string{revision}, to.args())...)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(stdout).Decode(&r)
		if err == nil {
			awaitCancelled(t, to)
		}
		_ = stdin.Close() // The program may be gone.
		if err := errors.Join(err, cmd.Wait()); err != nil {
			t.Fatalf("%s: %v, want exit status 0\n%s", path, err, stderr)
		}
		return r
	}
}
