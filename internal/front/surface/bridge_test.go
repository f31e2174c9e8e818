package surface_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/testkit"
)

// fakeClient is a client of an older revision that can be asked.
type fakeClient struct {
	declared string
	answer   func(ctx context.Context, method string, params json.RawMessage) (endpoint.Response, error)
	asked    []string
}

func (c *fakeClient) Ask(ctx context.Context, method string, params json.RawMessage) (endpoint.Response, error) {
	c.asked = append(c.asked, method+" "+string(params))
	return c.answer(ctx, method, params)
}
func (c *fakeClient) Tell(string, json.RawMessage) func(context.Context) { return nil }
func (c *fakeClient) Revision() string                                   { return "2025-11-25" }
func (c *fakeClient) Declared() json.RawMessage                          { return json.RawMessage(c.declared) }
func (c *fakeClient) Alive() time.Time                                   { return time.Now() }
func (c *fakeClient) Ended() <-chan struct{}                             { return nil }
func (c *fakeClient) Hear(func(string)) func()                           { return func() {} }

func answers(result string) func(context.Context, string, json.RawMessage) (endpoint.Response, error) {
	return func(context.Context, string, json.RawMessage) (endpoint.Response, error) {
		return endpoint.Response{Result: json.RawMessage(result)}, nil
	}
}

const (
	needsCity = `{"resultType":"input_required","inputRequests":{"city":{"method":"elicitation/create","params":{"message":"Which?"}},"where":{"method":"roots/list"}},"requestState":"s1"}`
	goodCity  = `{"resultType":"complete","content":[{"type":"text","text":"done"}]}`
)

// bridged calls a tool of a server of 2026-07-28 for a client of 2025-11-25, and
// returns what the server was sent.
func bridged(t *testing.T, c *fakeClient, rounds int) (result string, sent []endpoint.Request) {
	t.Helper()
	session := testkit.NewSession(1, func(context.Context, endpoint.Request) (endpoint.Response, error) {
		if rounds--; rounds >= 0 {
			return endpoint.Response{Result: json.RawMessage(needsCity)}, nil
		}
		return endpoint.Response{Result: json.RawMessage(goodCity)}, nil
	}).WithInfo(endpoint.ServerInfo{ProtocolVersion: "2026-07-28", Tools: true})
	s := newStage(t, allowAll, testkit.NewBackend("db", testkit.Ready(1, session)).Has("query"))
	caller := old
	caller.Asks = c
	r := agents.Request{Method: "tools/call", ToolCall: agents.ToolCall{Name: "query", Args: json.RawMessage(`{"n":1}`), Asks: c}}
	out, failure := s.one.Serve(context.Background(), caller, r, nil)
	if failure != nil {
		t.Fatalf("got the error %s, want a result", failure.Object)
	}
	return string(out), session.Calls()
}

func TestBridge_asksAnOlderClientAndCallsAgain(t *testing.T) {
	c := &fakeClient{declared: `{"elicitation":{},"roots":{"listChanged":true},"experimental":{"x":{}}}`, answer: answers(`{"a":1.0}`)}
	got, sent := bridged(t, c, 1)
	if !strings.Contains(got, `"text":"done"`) || strings.Contains(got, "input_required") {
		t.Errorf("the client gets %s, want the result of the second round", got)
	}
	if len(c.asked) != 2 || c.asked[0] != `elicitation/create {"message":"Which?"}` || c.asked[1] != "roots/list " {
		t.Errorf("the client was asked %q, want both questions, in order", c.asked)
	}
	if len(sent) != 2 {
		t.Fatalf("the server was called %d times, want 2", len(sent))
	}
	if p := string(sent[1].Params); !strings.Contains(p, `"inputResponses":{"city":{"a":1.0},"where":{"a":1.0}}`) || !strings.Contains(p, `"requestState":"s1"`) || !strings.Contains(p, `"arguments":{"n":1}`) {
		t.Errorf("the second round has the params %s, want the answers, the state and the arguments", p)
	}
	if got := string(sent[0].Capabilities); got != `{"elicitation":{},"roots":{"listChanged":true}}` {
		t.Errorf("the server was shown %s, want what the client can be asked for", got)
	}
}

func TestBridge_whatEndsIt(t *testing.T) {
	all := `{"elicitation":{},"roots":{},"sampling":{}}`
	for name, c := range map[string]struct {
		client *fakeClient
		rounds int
		says   string
		calls  int
	}{
		"a server that never has enough":   {&fakeClient{declared: all, answer: answers(`{}`)}, 100, "has asked for input 10 times", 11},
		"a client that did not declare it": {&fakeClient{declared: `{"elicitation":{}}`, answer: answers(`{}`)}, 1, "does not say that it can be asked for that", 1},
		"a client that answers by an error": {&fakeClient{declared: all, answer: func(context.Context, string, json.RawMessage) (endpoint.Response, error) {
			return endpoint.Response{Error: json.RawMessage(`{"code":-1,"message":"no user here"}`)}, nil
		}}, 1, "no user here", 1},
		"a client that cannot be reached": {&fakeClient{declared: all, answer: func(context.Context, string, json.RawMessage) (endpoint.Response, error) {
			return endpoint.Response{}, errors.New("no stream")
		}}, 1, "no stream", 1},
		"an answer that no server can read": {&fakeClient{declared: all, answer: answers(strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100))}, 1, "levels of nesting", 1},
	} {
		got, sent := bridged(t, c.client, c.rounds)
		if !strings.Contains(got, `"isError":true`) || !strings.Contains(got, c.says) {
			t.Errorf("%s: the client gets %s, want an error that says %q", name, got, c.says)
		}
		if len(sent) != c.calls {
			t.Errorf("%s: the server was called %d times, want %d", name, len(sent), c.calls)
		}
	}
}

// Who calls hears that its server lets the answer take a while.
func TestServe_aServerThatTakesAWhile_isHeardOf(t *testing.T) {
	session := testkit.NewSession(1, func(_ context.Context, r endpoint.Request) (endpoint.Response, error) {
		r.Lasts()
		return endpoint.Response{Result: json.RawMessage(`{"content":[]}`)}, nil
	}).WithInfo(endpoint.ServerInfo{ProtocolVersion: "2025-11-25", Tools: true})
	s := newStage(t, allowAll, testkit.NewBackend("db", testkit.Ready(1, session)).Has("query"))
	heard := 0
	r := agents.Request{Method: "tools/call", ToolCall: agents.ToolCall{Name: "query", Args: json.RawMessage(`{}`), Lasts: func() { heard++ }}}
	if _, failure := s.one.Serve(t.Context(), old, r, nil); failure != nil || heard != 1 {
		t.Errorf("got %d (%v), want one word of it", heard, failure)
	}
}
