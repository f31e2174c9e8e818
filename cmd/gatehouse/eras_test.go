package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"

	"gatehouse/testkit"
)

// The revisions in force with a server of each era.
const (
	statelessRevision = "2026-07-28"
	olderRevision     = "2025-11-25"
)

// eraServers are a server of each era over each transport, by "era-transport".
func eraServers(t *testing.T) testkit.Servers {
	t.Helper()
	servers := testkit.Servers{}
	for _, era := range []string{"legacy", "stateless"} {
		servers[era+"-stdio"] = testkit.Fake(t, "--era", era)
		servers[era+"-http"] = testkit.Entry{"url": testkit.StartHTTPFake(t, "--era", era).Base + "/mcp"}
	}
	return servers
}

// wantPair uses a server as an agent does.
func wantPair(t *testing.T, a testkit.Agent, server string) {
	t.Helper()
	if tools := a.Tools(t, server).Names(); !slices.Contains(tools, "echo") {
		t.Errorf("it lists %q, want echo among them", tools)
	}
	if got := a.Execute(t, server, "echo", map[string]any{"n": 1}).Good(t); string(got.Structured) != `{"n":1}` {
		t.Errorf("echo gave %s, want {\"n\":1}", got.Structured)
	}
	if e := a.Execute(t, server, "rpcerror", nil).Failed(t, "SERVER_ERROR"); !strings.Contains(string(e.RPC), "told so") {
		t.Errorf("the error is %s, want the server's own words", e.RPC)
	}
	if got := a.Execute(t, server, "fail", nil); got.Code() != "isError" {
		t.Errorf("fail gave %q, want %q", got.Code(), "isError")
	}
}

func TestEras_everyPairOfClientAndServer(t *testing.T) {
	t.Parallel()
	servers := eraServers(t)
	g, _ := begin(t, servers)
	clients := map[string]testkit.Client{
		statelessRevision: g.HTTPClient(t),
		olderRevision:     g.HTTPClient(t, client.WithLegacyProtocolOnly()),
	}
	for revision, c := range clients {
		if got := c.ProtocolVersion(); got != revision {
			t.Fatalf("the client speaks %q, want %q", got, revision)
		}
		for server := range servers {
			t.Run(revision+" and "+server, func(t *testing.T) {
				wantPair(t, testkit.Agent{ID: "a", Caller: c}, server)
			})
		}
	}
}

func TestEras_everyPairOverStdio(t *testing.T) {
	t.Parallel()
	for revision, options := range map[string][]client.ClientOption{
		statelessRevision: nil,
		olderRevision:     {client.WithLegacyProtocolOnly()},
	} {
		servers := eraServers(t)
		g := overStdio(t, testkit.Options{Servers: servers.JSON(), Rules: testkit.AllowAll("a")})
		c := g.StdioClient(t, options...)
		if got := c.ProtocolVersion(); got != revision {
			t.Fatalf("the client speaks %q, want %q", got, revision)
		}
		for server := range servers {
			t.Run(revision+" and "+server, func(t *testing.T) {
				wantPair(t, testkit.Agent{ID: "a", Caller: c}, server)
			})
		}
	}
}

// atLeisure are the settings of servers that start side by side, some of them slowly: no
// call gives up waiting for one. Nor is any pinged, as a ping is a server/discover.
var atLeisure = []any{"ping_interval_ms", 0, "restart_wait_ms", testkit.Patience.Milliseconds()}

// greetings are the messages of each run of a recorded server that find out
// what it speaks.
func greetings(t *testing.T, record string) (runs []string) {
	t.Helper()
	for _, methods := range testkit.Methods(testkit.Record(t, record)) {
		methods = slices.DeleteFunc(methods, func(m string) bool { return m != "server/discover" && m != "initialize" })
		runs = append(runs, strings.Join(methods, " "))
	}
	return runs
}

func TestEras_stdioServer_isRememberedOverItsRuns(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args []string
		runs string
	}{
		"stateless":                     {[]string{"--era", "stateless"}, "server/discover|server/discover"},
		"stateless, slow to start":      {[]string{"--era", "stateless", "--start-delay", "3s"}, "server/discover|server/discover"},
		"stateless, slow to answer":     {[]string{"--era", "stateless", "--discover-late", t.TempDir() + "/late"}, "server/discover initialize|server/discover"},
		"of both eras":                  {[]string{"--era", "both"}, "server/discover|server/discover"},
		"of both eras, slow to start":   {[]string{"--era", "both", "--pins", "--start-delay", "3s"}, "server/discover|server/discover"},
		"of both eras, slow to answer":  {[]string{"--era", "both", "--pins", "--discover-late", t.TempDir() + "/late"}, "server/discover initialize|server/discover|server/discover"},
		"hangs unless initialize comes": {[]string{"--hangs-unless-initialize"}, "server/discover|initialize|initialize"},
		"legacy":                        {nil, "server/discover initialize|initialize"},
		"legacy, silent on the unknown": {[]string{"--legacy-silent"}, "server/discover initialize|initialize"},
		"legacy, dies of the unknown":   {[]string{"--legacy-dies"}, "server/discover|initialize|initialize"},
	}
	servers, records := testkit.Servers{}, map[string]string{}
	for name, c := range cases {
		records[name] = recordFile(t)
		fake := testkit.Fake(t, append([]string{"--record", records[name], "--record-all"}, c.args...)...)
		servers[name] = fake.Settings(atLeisure...)
	}
	g, a := begin(t, servers)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kill(t, pidOf(t, a, name))
			g.Await(t, "server crashed", "server", name, "phase", "serving")
			pidOf(t, a, name)
			if got := strings.Join(greetings(t, records[name]), "|"); got != c.runs {
				t.Errorf("its runs were asked %q, want %q", got, c.runs)
			}
		})
	}
}

func TestEras_stdioServer_isRememberedByTheNextGateway(t *testing.T) {
	t.Parallel()
	record, state := recordFile(t), t.TempDir()
	server := testkit.Fake(t, "--record", record, "--record-all", "--hangs-unless-initialize")
	server["cwd"] = t.TempDir()
	for range 2 {
		g := testkit.StartGateway(t, testkit.Options{
			Servers: testkit.Servers{"s": server}.JSON(), Rules: testkit.AllowAll("a"), Env: []string{"XDG_STATE_HOME=" + state},
		})
		g.Await(t, "server ready", "server", "s")
		testkit.Eventually(t, "the file of what was learnt", func() bool {
			_, err := os.Stat(filepath.Join(state, "gatehouse", "eras.json"))
			return err == nil
		})
		g.Stop(t)
	}
	if got, want := strings.Join(greetings(t, record), "|"), "server/discover|initialize|initialize"; got != want {
		t.Errorf("its runs under two gateways were asked %q, want %q", got, want)
	}
}

func TestEras_urlServer_isRememberedOverItsRuns(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		before, after []string
		runs          string
	}{
		"stateless":                          {[]string{"--era", "stateless"}, nil, "server/discover|server/discover"},
		"of both eras":                       {[]string{"--era", "both"}, nil, "server/discover|server/discover"},
		"legacy":                             {[]string{"--era", "legacy"}, nil, "server/discover initialize|initialize"},
		"legacy, refuses by the status":      {[]string{"--legacy-status"}, nil, "server/discover initialize|initialize"},
		"legacy that has become stateless":   {[]string{"--era", "legacy"}, []string{"--era", "stateless"}, "server/discover initialize|initialize server/discover"},
		"stateless that has become a legacy": {[]string{"--era", "stateless"}, []string{"--era", "legacy"}, "server/discover|server/discover initialize"},
	}
	servers, records, fakes := testkit.Servers{}, map[string]string{}, map[string]*testkit.HTTPFake{}
	for name, c := range cases {
		records[name] = recordFile(t)
		fakes[name] = testkit.StartHTTPFake(t, slices.Concat([]string{"--record", records[name], "--record-all"}, c.before)...)
		servers[name] = testkit.Entry{"url": fakes[name].Base + "/mcp"}.Settings(atLeisure...)
	}
	g, a := begin(t, servers)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, record := fakes[name], records[name]
			recorded := []string{"--record", record, "--record-all"}
			pidOf(t, a, name)
			mark := g.Log.Len()
			fake.Kill()
			g.AwaitFrom(t, mark, "server crashed", "server", name)
			if c.after != nil {
				fake.Restart(t, slices.Concat(recorded, c.after)...)
			} else {
				fake.Restart(t)
			}
			g.AwaitFrom(t, mark, "server ready", "server", name)
			pidOf(t, a, name)
			if got := strings.Join(greetings(t, record), "|"); got != c.runs {
				t.Errorf("its runs were asked %q, want %q", got, c.runs)
			}
		})
	}
}

// secure is a server of 2026-07-28 over TLS that offers HTTP/2. It tells of the
// HTTP version of each tool call.
func secure(t *testing.T) (url, certificate string, versions chan string) {
	t.Helper()
	versions = make(chan string, 10)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct {
			ID     json.RawMessage
			Method string
		}
		if json.NewDecoder(r.Body).Decode(&m) != nil {
			return
		}
		result := `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"public"}`
		switch m.Method {
		case "tools/list":
			result = `{"resultType":"complete","tools":[{"name":"t","inputSchema":{"type":"object"}}],"ttlMs":0,"cacheScope":"public"}`
		case "tools/call":
			versions <- r.Proto
			result = `{"resultType":"complete","content":[]}`
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	certificate = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(certificate, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return srv.URL, certificate, versions
}

func TestEras_urlServerOverTLS_isSpokenToByHTTP2(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("SSL_CERT_FILE is how this test makes the gateway trust its server, which works on Linux")
	}
	url, certificate, versions := secure(t)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": {"url": url}}.JSON(), Rules: testkit.AllowAll("a"), Env: []string{"SSL_CERT_FILE=" + certificate},
	})
	g.Agent(t, "a").Execute(t, "s", "t", nil).Good(t)
	if got := <-versions; got != "HTTP/2.0" {
		t.Errorf("the call came by %s, want %q", got, "HTTP/2.0")
	}
}

func TestEras_changedEntry_isAskedAnew(t *testing.T) {
	t.Parallel()
	record := recordFile(t)
	entry := func(era string) string {
		return testkit.Servers{"s": testkit.Fake(t, "--era", era, "--record", record, "--record-all")}.JSON()
	}
	g := testkit.StartGateway(t, testkit.Options{Servers: entry("legacy"), Rules: testkit.AllowAll("a"), Args: quick})
	a := g.Agent(t, "a")
	pidOf(t, a, "s")
	g.Apply(t, g.ServersFile, entry("stateless"))
	pidOf(t, a, "s")
	if got := strings.Join(greetings(t, record), "|"); got != "server/discover initialize|server/discover" {
		t.Errorf("its runs were asked %q, want %q", got, "server/discover initialize|server/discover")
	}
}

// onlyStateless are servers of 2026-07-28 over both transports, and their records.
func onlyStateless(t *testing.T) (servers testkit.Servers, records map[string]string) {
	t.Helper()
	records = map[string]string{"stdio": recordFile(t), "http": recordFile(t)}
	args := func(name string) []string {
		return []string{"--era", "stateless", "--record", records[name], "--record-all", "--header-tools"}
	}
	return testkit.Servers{
		"stdio": testkit.Fake(t, args("stdio")...),
		"http":  {"url": testkit.StartHTTPFake(t, args("http")...).Base + "/mcp"},
	}, records
}

func TestEras_statelessServer_changesOfToolsAreHeard(t *testing.T) {
	t.Parallel()
	servers, _ := onlyStateless(t)
	_, a := begin(t, servers)
	for server := range servers {
		t.Run(server, func(t *testing.T) {
			change := func(name string) {
				t.Helper()
				a.Execute(t, server, "set_tools", map[string]any{"tools": []string{name}}).Good(t)
				testkit.Eventually(t, name+" is listed", func() bool { return slices.Contains(a.Tools(t, server).Names(), name) })
			}
			change("one")
			a.Execute(t, server, "end_subscriptions", nil).Good(t)
			change("two") // Announced to nobody, perhaps: it is found once there is a subscription again.
		})
	}
}

func TestEras_statelessServer_cancelledCallEndsThere(t *testing.T) {
	t.Parallel()
	servers, records := onlyStateless(t)
	_, a := begin(t, servers)
	for server := range servers {
		t.Run(server, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			call := a.Go(ctx, server, "hang", map[string]any{"id": "c"})
			awaitCall(t, records[server], "c")
			cancel()
			awaitEvent(t, records[server], "cancelled", "c")
			<-call.Done()
		})
	}
}

func TestEras_statelessServer_isAskedForLifeByDiscover(t *testing.T) {
	t.Parallel()
	servers, records := onlyStateless(t)
	for name, entry := range servers {
		servers[name] = entry.Settings("ping_interval_ms", 100)
	}
	g, a := begin(t, servers)
	for server := range servers {
		t.Run(server, func(t *testing.T) {
			a.Execute(t, server, "echo", nil).Good(t)
			testkit.Eventually(t, "it is asked again and again", func() bool {
				runs := greetings(t, records[server])
				return len(runs) == 1 && strings.Count(runs[0], "server/discover") > 3
			})
			if n := g.Count(0, "server crashed", "server", server); n != 0 {
				t.Errorf("it crashed %d times, want 0", n)
			}
			if _, st := statusOf(t, g, server); st.Protocol != statelessRevision || st.State != "ready" {
				t.Errorf("status: %+v, want ready, with %s spoken", st, statelessRevision)
			}
		})
	}
}

func TestEras_statelessURLServer_parametersTravelInHeadersToo(t *testing.T) {
	t.Parallel()
	servers, _ := onlyStateless(t)
	_, a := begin(t, servers)
	args := map[string]any{"region": "größe", "deep": map[string]any{"n": 7}}
	for server, listed := range map[string]bool{"stdio": true, "http": false} {
		a.Execute(t, server, "region", args).Good(t)
		if got := slices.Contains(a.Tools(t, server).Names(), "bad_header"); got != listed {
			t.Errorf("%s: the tool with a wrong annotation is listed: %v, want %v", server, got, listed)
		}
	}
}

func TestEras_statelessServer_progressReachesTheCaller(t *testing.T) {
	t.Parallel()
	servers, _ := onlyStateless(t)
	g, _ := begin(t, servers)
	for server := range servers {
		c := g.Raw(t)
		params := fmt.Sprintf(`{"name":"execute_tool","arguments":{"agent_id":"a","server":%q,"tool":"progress","args":{"n":3,"ms":1}},"_meta":{"progressToken":"p"}}`, server)
		reply, err := c.Request(t.Context(), "tools/call", json.RawMessage(params))
		if err != nil || len(reply.Notifications) != 3 || !strings.Contains(string(reply.Notifications[2]), `"progressToken":"p"`) {
			t.Errorf("%s: got %v %s, want 3 notifications, the last of them with the caller's progress token", server, err, reply.Notifications)
		}
	}
}
