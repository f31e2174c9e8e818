package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"

	"gatehouse/testkit"
)

// stdio starts a gateway over stdio.
func stdio(t *testing.T, servers testkit.Servers, args ...string) *testkit.Gateway {
	t.Helper()
	return overStdio(t, testkit.Options{Servers: servers.JSON(), Rules: testkit.AllowAll("a"), Args: args})
}

// overStdio starts a gateway over stdio with these options. The name of its test must
// say so: by it "make attach" finds what to run with attach in the place of run.
func overStdio(t *testing.T, opt testkit.Options) *testkit.Gateway {
	t.Helper()
	if !strings.Contains(strings.ToLower(t.Name()), "stdio") {
		t.Fatalf("got the name %s, want one with Stdio: else make attach passes it over", t.Name())
	}
	opt.Stdio = true
	return testkit.StartGateway(t, opt)
}

func TestStdio_aWholeConversation_isNothingButMCP(t *testing.T) {
	t.Parallel()
	g := stdio(t, testkit.Servers{"s": testkit.Fake(t, "--junk-stdout", "3"), "bad": {"command": "gatehouse-no-such-command"}}, "--debounce", "50ms")
	a := testkit.Agent{ID: "a", Caller: g.StdioClient(t)}
	if got := a.ServerNames(t); len(got) != 2 {
		t.Errorf("got servers %v, want two", got)
	}
	a.Tools(t, "s")
	a.Execute(t, "s", "stderr", map[string]any{"line": "noise on stderr"}).Good(t)
	a.Execute(t, "s", "crash", nil).Failed(t, "SERVER_CRASHED")
	a.Execute(t, "s", "echo", map[string]any{"x": 1}).Good(t)
	g.Apply(t, g.ServersFile, testkit.Servers{"other": testkit.Fake(t)}.JSON())
	a.Execute(t, "other", "echo", nil).Good(t)
	// The end of the test checks every line that was written.
}

func TestStdio_endOfInput_endsTheGateway(t *testing.T) {
	t.Parallel()
	g := stdio(t, testkit.Servers{"s": testkit.Fake(t)})
	testkit.Agent{ID: "a", Caller: g.StdioClient(t)}.Execute(t, "s", "echo", nil).Good(t)
	g.CloseStdin(t)
	if code := g.Wait(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestStdio_answersOnTheirWayAtTheEndOfInput_areWritten(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	g := stdio(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)})
	g.Await(t, "server ready", "server", "s")
	in, out := g.Stdin(), bufio.NewReader(g.Stdout())
	send := func(msg string) {
		if _, err := fmt.Fprintln(in, msg); err != nil {
			t.Error(err)
		}
	}
	send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`)
	if line, err := out.ReadString('\n'); err != nil || !strings.Contains(line, `"2025-06-18"`) {
		t.Fatalf("initialize: %v %s, want 2025-06-18", err, line)
	}
	send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	send(`{"jsonrpc":"2.0","id":"last","method":"tools/call","params":{"name":"execute_tool","arguments":{"agent_id":"a","server":"s","tool":"sleep","args":{"ms":300,"id":"last"}}}}`)
	awaitCall(t, record, "last")
	g.CloseStdin(t)
	if line, err := out.ReadString('\n'); err != nil || !strings.Contains(line, `"last"`) || !strings.Contains(line, "slept 300 ms") {
		t.Errorf("after the end of input came %v %s, want the answer to last", err, line)
	}
	if code := g.Wait(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestHTTP_everyRevision_works(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	for _, revision := range []string{"2025-06-18", "2025-11-25"} {
		raw := testkit.NewRaw(t, g.BaseURL(t)+"/mcp", revision)
		if raw.Protocol != revision {
			t.Errorf("asked for %s, got %s, want %s", revision, raw.Protocol, revision)
		}
		testkit.Agent{ID: "a", Caller: raw}.Execute(t, "s", "echo", nil).Good(t)
	}
	for name, options := range map[string][]client.ClientOption{
		"newest": nil, "legacy": {client.WithLegacyProtocolOnly()},
	} {
		a := testkit.Agent{ID: "a", Caller: g.HTTPClient(t, options...)}
		if r := a.Execute(t, "s", "echo", map[string]any{"x": name}).Good(t); r.Field("x") != name {
			t.Errorf("%s: got %s, want its own name", name, r.Structured)
		}
	}
}

func TestHTTP_originAndHost_areChecked(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{}, "--allow-origin", "https://app.example.com")
	base := g.BaseURL(t)
	const body = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	cases := []struct {
		name, origin, host string
		forbidden          bool
	}{
		{"none", "", "", false},
		{"a loopback origin", "http://localhost:3000", "", false},
		{"the same origin", base, "", false},
		{"an allowed origin", "https://app.example.com", "", false},
		{"a foreign origin", "https://evil.example", "", true},
		{"the origin null", "null", "", true},
		{"a foreign host", "", "evil.example", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/mcp", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Accept", "application/json, text/event-stream")
			if c.origin != "" {
				req.Header.Set("Origin", c.origin)
			}
			req.Host = c.host
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if forbidden := resp.StatusCode == http.StatusForbidden; forbidden != c.forbidden {
				t.Errorf("got status %d, want forbidden: %v", resp.StatusCode, c.forbidden)
			}
		})
	}
}

// get returns the status of a GET.
func get(ctx context.Context, t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestHTTP_health_waitsForNoServer(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"hangs": testkit.Fake(t, "--never-answer")})
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := get(t.Context(), t, g.BaseURL(t)+path); got != http.StatusOK {
			t.Errorf("%s gives %d, want %d", path, got, http.StatusOK)
		}
	}
}

func TestHTTP_duringShutdown_isNotReadyAndRefusesCalls(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGTERM")
	}
	record := recordFile(t)
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t, "--record", record)}, "--shutdown-timeout", "30s")
	slow := goSlow(t, a, record, "s", "slow")
	terminate(t, g)
	g.Await(t, "gateway stopping")
	// The listener may be closed by then as well; an answer must be 503.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.BaseURL(t)+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("/readyz gives %d during the shutdown, want %d", resp.StatusCode, http.StatusServiceUnavailable)
		}
	}
	slow.End(t).Good(t) // What was running is drained.
	if code := g.Wait(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
