package gate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/testkit"
)

const question = `{"resultType":"input_required","inputRequests":{"city":{"method":"elicitation/create",` +
	`"params":{"mode":"form","message":"Which city, s3cr3t-value?"}},"who":{"method":"roots/list"}},"requestState":"s"}`

// asking is a server of a revision that asks for input, whoever calls.
func asking(revision, result string) (*srv, *testkit.Session) {
	session := testkit.NewSession(1, testkit.Says(result)).WithInfo(endpoint.ServerInfo{ProtocolVersion: revision, Tools: true})
	return server("db", ready(1, session)), session
}

func TestInput_passesWhereBothSidesSpeakTheRevisionForIt(t *testing.T) {
	for name, result := range map[string]string{
		"with requests":     question,
		"with state alone":  `{"resultType":"input_required","requestState":"s"}`,
		"written otherwise": `{"resultType" : "input\u005frequired" , "requestState":"s"}`,
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := asking("2026-07-28", result)
			g := newGate(t, allowAll, db)
			want := strings.TrimSuffix(result, "}") + `,"_meta":{` + stamp + `}}`
			if got := string(g.callAs(t.Context(), stateless, "execute_tool", query, nil).raw); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if r := g.Record(); r.Outcome != "input_required" || r.Decision != "ALLOW" {
				t.Errorf("the audit says %s %s, want ALLOW input_required", r.Decision, r.Outcome)
			}
		})
	}
}

func TestInput_isAnErrorInEveryOtherPairing(t *testing.T) {
	for name, c := range map[string]struct {
		caller   agents.Caller
		revision string
		says     string
	}{
		"older caller, stateless server": {old, "2026-07-28", "your MCP client speaks a revision before 2026-07-28"},
		"stateless caller, older server": {stateless, "2025-11-25", "the MCP revision it speaks does not have"},
		"older caller, older server":     {old, "2025-11-25", "your MCP client speaks a revision before 2026-07-28"},
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := asking(c.revision, question)
			got := newGate(t, allowAll, db).callAs(t.Context(), c.caller, "execute_tool", query, nil)
			if got.err.Code != "SERVER_ERROR" || !got.err.MayHaveRun || got.err.RPC != nil {
				t.Errorf("got %+v, want SERVER_ERROR that may have run, without an error of the server", got.err)
			}
			for _, part := range []string{`"db" needs an answer from the user`, "(elicitation/create: Which city, [redacted TOKEN]?; roots/list)", c.says, "put it inside args"} {
				if !strings.Contains(got.err.Message, part) {
					t.Errorf("%q lacks %q", got.err.Message, part)
				}
			}
		})
	}
}

func TestInput_whatTheCallerSends(t *testing.T) {
	sent := agents.ToolCall{
		Name: "execute_tool", Args: json.RawMessage(query), Capabilities: json.RawMessage(`{"elicitation":{}}`),
		InputResponses: json.RawMessage(`{"city":{"action":"accept","n":9007199254740993}}`), RequestState: json.RawMessage(`"\u0073"`),
	}
	for name, c := range map[string]struct {
		revision string
		params   string
	}{
		"reaches a server of the same revision": {"2026-07-28", `{"name":"query","arguments":{},"inputResponses":{"city":{"action":"accept","n":9007199254740993}},"requestState":"\u0073"}`},
		"reaches no other":                      {"2025-11-25", `{"name":"query","arguments":{}}`},
	} {
		t.Run(name, func(t *testing.T) {
			db, session := asking(c.revision, oneText)
			g := newGate(t, allowAll, db)
			g.gate.CallTool(t.Context(), stateless, sent, nil)
			calls := session.Calls()
			if len(calls) != 1 || string(calls[0].Params) != c.params {
				t.Fatalf("the server got %s, want %s", calls[0].Params, c.params)
			}
			if got := string(calls[0].Capabilities); got != `{"elicitation":{}}` {
				t.Errorf("the session got the capabilities %s, want %q", got, `{"elicitation":{}}`)
			}
		})
	}
}
