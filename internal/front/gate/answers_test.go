package gate_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

var update = flag.Bool("update", false, "write the golden files anew")

const someRules = `{"agents": {
	"a": {"allow": {"servers": ["db", "files", "ghost"], "tools": {"db": ["query", "list_*"]}},
	      "deny": {"tools": {"db": ["list_secrets"]}}},
	"nobody": {}}}`

// answers are the calls whose whole answers stand in testdata/answers.golden.
var answers = []struct {
	name  string
	rules string // someRules if empty
	cfg   settings
	setup func() []*srv
	tool  string // execute_tool if empty
	args  string
	play  func(g *stage) // before the call
}{
	{name: "a result", args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a server that the rules don't allow", args: `{"agent_id":"a","server":"secret","tool":"x"}`},
	{name: "a tool that no rule allows", args: `{"agent_id":"a","server":"db","tool":"query_db"}`},
	{name: "a tool that a rule denies", args: `{"agent_id":"a","server":"db","tool":"list_secrets"}`},
	{name: "an agent that may do nothing", args: `{"agent_id":"nobody","server":"db","tool":"query"}`},
	{name: "an agent that the rules don't know", args: `{"agent_id":"stranger","server":"db","tool":"query"}`},
	{name: "a server's tools that the rules don't allow", tool: "get_server_tools", args: `{"agent_id":"a","server":"secret"}`},
	{name: "no agent", args: `{"server":"db","tool":"query"}`},
	{name: "a malformed agent", args: `{"agent_id":"a b","server":"db","tool":"query"}`},
	{name: "an agent that is no string", args: `{"agent_id":7,"server":"db","tool":"query"}`},
	{name: "an agent outside the pin", cfg: settings{Pinned: []string{"nobody", "b"}}, args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "no agent and no fallback", rules: `{"agents": {"a": {}}, "defaults": {"deny_on_missing_agent": false}}`, args: `{"server":"db","tool":"query"}`},
	{
		name: "no agent and a fallback that the rules don't know", rules: `{"agents": {"a": {}}, "defaults": {"deny_on_missing_agent": false}}`,
		cfg: settings{DefaultAgent: "gone"}, args: `{"server":"db","tool":"query"}`,
	},
	{name: "an unknown argument", args: `{"agent_id":"a","server":"db","tool":"query","sql":"select 1"}`},
	{name: "args twice", args: `{"agent_id":"a","server":"db","tool":"query","args":{},"arguments":{}}`},
	{name: "a missing argument", args: `{"agent_id":"a"}`},
	{name: "a server that does not exist", args: `{"agent_id":"a","server":"ghost","tool":"x"}`},
	{name: "a tool that does not exist", args: `{"agent_id":"a","server":"files","tool":"raed"}`},
	{name: "a server that starts", setup: one("db", endpoint.Status{State: endpoint.Starting}), args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a server that restarts", setup: func() []*srv {
		return []*srv{server("db", endpoint.Status{State: endpoint.BackingOff, Reason: "exit status 3 s3cr3t-value", RetryAt: time.Now().Add(14 * time.Second)})}
	}, args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a server in quarantine", setup: func() []*srv {
		return []*srv{server("db", endpoint.Status{State: endpoint.Quarantined, Reason: "it cannot be started", RetryAt: time.Now().Add(time.Minute)})}
	}, args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a misconfigured server", setup: one("db", endpoint.Status{State: endpoint.Misconfigured, Reason: "variable X is not set"}), args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a disabled server", setup: one("db", endpoint.Status{State: endpoint.Disabled}), args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a server that needs auth", setup: one("db", endpoint.Status{State: endpoint.NeedsAuth, Reason: "HTTP status 401"}), args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a held server", setup: one("db", endpoint.Status{State: endpoint.Held}), args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a server that dies", setup: answering(func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{}, &endpoint.Exit{Reason: "exit status 3 s3cr3t-value", Phase: endpoint.Serving}
	}), args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a session that is lost", setup: answering(func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{}, errors.New("lost the session: s3cr3t-value")
	}), args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a server that is stopped", setup: answering(func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{}, endpoint.ErrStopped
	}), args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a server's error", setup: answering(func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{Error: []byte(`{"code":-32602,"message":"bad <sql>","data":{"n":9007199254740993}}`)}, nil
	}), args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "an answer that is no result", setup: answering(testkit.Says(`[1]`)), args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a result that is too large", setup: answering(func(_ context.Context, r endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{}, &endpoint.TooLarge{Limit: r.MaxResultBytes}
	}), args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a call that takes too long", setup: answering(testkit.Hangs), args: `{"agent_id":"a","server":"db","tool":"query","timeout_ms":250}`},
	{name: "a call that is never taken", setup: answering(func(ctx context.Context, _ endpoint.Request) (endpoint.Response, error) {
		<-ctx.Done()
		return endpoint.Response{}, &endpoint.NotWritten{Cause: context.Cause(ctx)}
	}), args: `{"agent_id":"a","server":"db","tool":"query","timeout_ms":250}`},
	{name: "a server with too much to do", setup: func() []*srv {
		s := up("db", testkit.Hangs).With(func(e *serversfile.Entry) { e.Settings.MaxInFlight = 1 })
		s.Cell.Acquire(1)
		return []*srv{s}
	}, args: `{"agent_id":"a","server":"db","tool":"query"}`},
	{name: "a gateway that shuts down", args: `{"agent_id":"a","server":"db","tool":"query"}`, play: func(g *stage) { g.router.Stop() }},
	{name: "the list of servers", tool: "list_servers", args: `{"agent_id":"a"}`},
	{name: "the list of servers with metadata", tool: "list_servers", args: `{"agent_id":"a","include_metadata":true}`},
	{name: "no servers", tool: "list_servers", args: `{"agent_id":"nobody"}`},
	{name: "the tools of a server", tool: "get_server_tools", args: `{"agent_id":"a","server":"db"}`},
	{name: "the gateway's status", tool: "get_gateway_status", cfg: settings{Debug: true}, args: `{"agent_id":"a"}`},
}

// one is a single server in that state.
func one(name string, st endpoint.Status) func() []*srv {
	return func() []*srv { return []*srv{server(name, st)} }
}

// answering is db, which answers so.
func answering(answer testkit.Answer) func() []*srv {
	return func() []*srv { return []*srv{up("db", answer)} }
}

// house is a few servers: db and files for agent a, secret for nobody.
func house() []*srv {
	db := up("db", testkit.Says(oneText)).Has(
		`{"name":"query","inputSchema":{"type":"object","oneOf":[{"x":9007199254740993}]},"x-own":"<&>"}`,
		"list_tables", "list_secrets", "drop")
	files := server("files", endpoint.Status{State: endpoint.BackingOff, Reason: "exit status 3", Since: time.Now(), Run: 2, Restarts: 1, RetryAt: time.Now().Add(time.Second)})
	files = files.Has("read", "write").With(func(e *serversfile.Entry) {
		e.Description, e.Transport, e.Command, e.URL = "Project files", serversfile.HTTP, "", "https://user:s3cr3t-value@example.com/mcp?key=s3cr3t-value"
	})
	testkit.Publish(files.Cell, ready(3, testkit.NewSession(9, testkit.Says(oneText))))
	secret := up("secret", testkit.Says(oneText)).Has("x")
	return []*srv{db, files, secret}
}

func TestAnswers_areAsTheGoldenFileHasThem(t *testing.T) {
	var got strings.Builder
	for _, c := range answers {
		synctest.Test(t, func(t *testing.T) {
			rules, tool, setup := c.rules, c.tool, c.setup
			if rules == "" {
				rules = someRules
			}
			if tool == "" {
				tool = "execute_tool"
			}
			if setup == nil {
				setup = house
			}
			g := newGateWith(t, c.cfg, rules, setup()...)
			if c.play != nil {
				c.play(g)
			}
			got.WriteString("== " + c.name + "\n" + tool + " " + c.args + "\n" + indent(g.call(tool, c.args).raw) + "\n\n")
		})
	}
	if strings.Contains(got.String(), "s3cr3t") {
		t.Error("an answer holds a secret")
	}
	path := filepath.Join("testdata", "answers.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("answers differ (-want +got):\n%s", diff)
	}
}

func TestCancelledByTheCaller(t *testing.T) {
	for _, c := range []struct {
		name       string
		server     func() *srv
		mayHaveRun bool
	}{
		{"while it runs", func() *srv { return up("db", testkit.Hangs) }, true},
		{"while it waits", func() *srv { return server("db", endpoint.Status{State: endpoint.Starting}) }, false},
		{"while the tools are listed anew", func() *srv { return up("db", testkit.Hangs).HasFrom(time.Now().Add(-time.Hour), "other") }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(t, allowAll, c.server())
				ctx, cancel := context.WithCancel(t.Context())
				done := g.later(func() answer {
					return g.callAs(ctx, old, "execute_tool", `{"agent_id":"a","server":"db","tool":"query"}`, nil)
				})
				synctest.Wait()
				cancel()
				got := <-done
				if got.err.Code != "CANCELLED" || got.err.MayHaveRun != c.mayHaveRun {
					t.Errorf("got %+v, want CANCELLED, and that it may have run: %v", got.err, c.mayHaveRun)
				}
			})
		})
	}
}
