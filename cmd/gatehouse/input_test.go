package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/testkit"
)

// mayBeAsked is what a client declares that can be asked by its server.
const mayBeAsked = `{"elicitation":{"form":{}},"experimental":{"x":{"n":9007199254740993}}}`

// execute is the arguments of execute_tool for agent "a".
func execute(server, tool string) map[string]any {
	return map[string]any{"agent_id": "a", "server": server, "tool": tool}
}

// cityUser is a user who answers what elicitation asks for.
type cityUser struct{ asked chan string }

func (u cityUser) Elicit(_ context.Context, r mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	u.asked <- r.Params.Message
	return &mcp.ElicitationResult{ElicitationResponse: mcp.ElicitationResponse{
		Action: mcp.ElicitationResponseActionAccept, Content: map[string]any{"city": "Oslo"},
	}}, nil
}

func TestInput_realClient_answersWhatTheServerAsks(t *testing.T) {
	t.Parallel()
	servers := testkit.Servers{
		"stdio": testkit.Fake(t, "--era", "stateless"),
		"http":  {"url": testkit.StartHTTPFake(t, "--era", "stateless").Base + "/mcp"},
	}
	g, _ := begin(t, servers)
	for server := range servers {
		t.Run(server, func(t *testing.T) {
			user := cityUser{make(chan string, 10)}
			a := testkit.Agent{ID: "a", Caller: g.HTTPClient(t, client.WithElicitationHandler(user))}
			got := a.Execute(t, server, "ask", nil).Good(t)
			if !strings.Contains(got.Text, `"city":"Oslo"`) || got.Field("state") != "state of a call" {
				t.Errorf("got %s %s, want Oslo and the state of the call", got.Text, got.Structured)
			}
			if len(user.asked) != 1 || <-user.asked != "Which city?" {
				t.Error("the user was not asked once")
			}
		})
	}
}

// Such a server accepts both questions and stays with the older revision then,
// in which it can't ask: the TypeScript SDK 2 makes such servers.
func TestInput_slowServerOfBothEras_mayAskAtOnce(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t, "--era", "both", "--pins", "--discover-late", t.TempDir()+"/late").Settings("restart_wait_ms", testkit.Patience.Milliseconds())})
	a := testkit.Agent{ID: "a", Caller: g.RawStateless(t, mayBeAsked)}
	if got := a.Execute(t, "s", "ask", nil); !strings.HasPrefix(string(got.Raw), `{"resultType":"input_required"`) {
		t.Errorf("got %s, want an input_required result as the server sent it", got.Raw)
	}
	g.Await(t, "server started over", "server", "s", "run", 1)
	if _, s := statusOf(t, g, "s"); s.State != "ready" || s.Run != 1 || s.Restarts != 0 || s.LastError != "" || s.Protocol != statelessRevision {
		t.Errorf("its status is %+v, want ready in run 1, speaking %s, without a failure", s, statelessRevision)
	}
	if n := g.Count(0, "server crashed") + g.Count(0, "server backing off"); n > 0 {
		t.Errorf("%d lines speak of a failure, want none", n)
	}
}

func TestInput_statelessPair_passesWholeAndEachRetryIsANewCall(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"s": testkit.Fake(t, "--era", "stateless")})
	c := g.RawStateless(t, mayBeAsked)
	meta, err := c.CallTool(t.Context(), "execute_tool", execute("s", "meta"))
	if err != nil {
		t.Fatal(err)
	}
	var saw map[string]json.RawMessage
	if err := json.Unmarshal(meta.Structured, &saw); err != nil {
		t.Fatal(err)
	}
	// What is experimental may ask for things that the gateway does not serve.
	if got, want := string(saw[mcp.MetaKeyClientCapabilities]), `{"elicitation":{"form":{}}}`; got != want {
		t.Errorf("the server saw the capabilities %s, want %s", got, want)
	}
	if got := string(saw[mcp.MetaKeyClientInfo]); !strings.Contains(got, `"gatehouse"`) {
		t.Errorf("the server saw the client %s, want gatehouse", got)
	}
	first, err := c.CallTool(t.Context(), "execute_tool", execute("s", "ask"))
	if err != nil || !strings.HasPrefix(string(first.Raw), `{"resultType":"input_required","inputRequests":{"city":{"method":"elicitation/create"`) ||
		!strings.Contains(string(first.Raw), `"requestState":"state of \u0061 call"`) {
		t.Fatalf("got %v %s, want the server's request for a city, its state unchanged", err, first.Raw)
	}
	answers := map[string]any{
		"inputResponses": map[string]any{"city": map[string]any{"action": "accept", "content": map[string]any{"n": json.Number("9007199254740993")}}},
		"requestState":   "state of a call",
	}
	second, err := c.Retry(t.Context(), "execute_tool", execute("s", "ask"), answers)
	if err != nil || !strings.Contains(second.Text, "9007199254740993") || !strings.Contains(string(second.Raw), `"resultType":"complete"`) {
		t.Errorf("got %v %s, want a complete result with the number unchanged", err, second.Raw)
	}
	if first.Meta["io.gatehouse/call_id"] == second.Meta["io.gatehouse/call_id"] {
		t.Error("the retry has the call id of the first call")
	}
	g.Apply(t, g.RulesFile, testkit.Rules{"a": {Allow: []string{"*"}, DenyTools: testkit.Tools{"s": {"ask"}}}}.JSON())
	third, err := c.Retry(t.Context(), "execute_tool", execute("s", "ask"), answers)
	if err != nil {
		t.Fatal(err)
	}
	third.Failed(t, "DENIED_BY_POLICY")
}

func TestInput_mixedPair_isAServerError(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{
		"stateless": testkit.Fake(t, "--era", "stateless"),
		"legacy":    testkit.Fake(t),
		"url":       {"url": testkit.StartHTTPFake(t, "--era", "stateless").Base + "/mcp"},
	})
	older := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	newer := testkit.Agent{ID: "a", Caller: g.RawStateless(t, mayBeAsked)}
	for name, got := range map[string]testkit.Result{
		"older client, stateless server": older.Execute(t, "stateless", "ask", map[string]any{"kind": "anyway"}),
		"older client, stateless url":    older.Execute(t, "url", "ask", map[string]any{"kind": "anyway"}),
		"newer client, legacy server":    newer.Execute(t, "legacy", "oddities", map[string]any{"kind": "input-required"}),
	} {
		t.Run(name, func(t *testing.T) {
			if e := got.Failed(t, "SERVER_ERROR"); !strings.Contains(e.Message, "needs an answer from the user") {
				t.Errorf("it says %q, want that it needs an answer from the user", e.Message)
			}
		})
	}
	// A server that minds what its client can do says so itself.
	e := older.Execute(t, "stateless", "ask", nil).Failed(t, "SERVER_ERROR")
	if !strings.Contains(string(e.RPC), "-32021") {
		t.Errorf("the error is %s, want -32021", e.RPC)
	}
}
