package gate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/gate"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/testkit"
)

// old and stateless are callers by the revision that they speak.
var (
	old       = agents.Caller{Client: "tester/1", Protocol: "2025-11-25"}
	stateless = agents.Caller{Client: "tester/2", Protocol: "2026-07-28"}
)

// stage is a Gate on a stage of fake servers.
type stage struct {
	*testkit.Stage
	t      testing.TB
	router *front.Router
	gate   *gate.Gate
}

// newGate makes a gate whose generation 1 has these rules and servers.
func newGate(t testing.TB, rules string, servers ...*srv) *stage {
	t.Helper()
	return newGateWith(t, settings{}, rules, servers...)
}

// settings are those of a gate and its router.
type settings struct {
	Pinned       []string
	DefaultAgent string
	Debug        bool
	NoHints      bool
}

func newGateWith(t testing.TB, s settings, rules string, servers ...*srv) *stage {
	t.Helper()
	g := &stage{Stage: testkit.NewStage(t, rules, servers...), t: t}
	g.router = g.Router(front.Config{Pinned: s.Pinned, DefaultAgent: s.DefaultAgent})
	g.gate = gate.New(gate.Config{Router: g.router, Debug: s.Debug, NoClientHints: s.NoHints})
	return g
}

type srv = testkit.Backend

// server makes one that is in that state.
func server(name string, st endpoint.Status) *srv { return testkit.NewBackend(name, st) }

// up makes a server that is ready and answers so; its tools are not known.
func up(name string, answer testkit.Answer) *srv { return testkit.ReadyBackend(name, answer) }

func ready(run uint64, session endpoint.Session) endpoint.Status { return testkit.Ready(run, session) }

// answer is the result of a call.
type answer struct {
	raw        json.RawMessage
	Content    []json.RawMessage `json:"content"`
	Structured json.RawMessage   `json:"structuredContent"`
	IsError    bool              `json:"isError"`
	err        failure
}

// failure is structuredContent.error.
type failure struct {
	Code         string          `json:"code"`
	Message      string          `json:"message"`
	Server       string          `json:"server"`
	Tool         string          `json:"tool"`
	Rule         string          `json:"rule"`
	Available    []string        `json:"available"`
	State        string          `json:"state"`
	RetryAfterMS int64           `json:"retry_after_ms"`
	MayHaveRun   bool            `json:"may_have_run"`
	RPC          json.RawMessage `json:"rpc"`
	Generation   uint64          `json:"generation"`
	CallID       string          `json:"call_id"`
}

// call calls one of the gateway's tools as a caller of an older revision.
func (g *stage) call(tool, args string) answer {
	return g.callAs(context.Background(), old, tool, args, nil)
}

func (g *stage) callAs(ctx context.Context, caller agents.Caller, tool, args string, progress func(json.RawMessage)) answer {
	var raw json.RawMessage
	if args != "" {
		raw = json.RawMessage(args)
	}
	result, known := g.gate.CallTool(ctx, caller, agents.ToolCall{Name: tool, Args: raw, Progress: progress}, nil)
	if !known {
		return answer{err: failure{Code: "unknown tool"}}
	}
	return readAnswer(result)
}

// execute runs a tool of a server as agent a.
func (g *stage) execute(server, tool string) answer {
	return g.call("execute_tool", fmt.Sprintf(`{"agent_id":"a","server":%q,"tool":%q}`, server, tool))
}

func readAnswer(result json.RawMessage) answer {
	a := answer{raw: result}
	if err := json.Unmarshal(result, &a); err != nil {
		panic(fmt.Sprintf("the result is no tool result: %v: %s", err, result))
	}
	if a.IsError {
		var s struct{ Error failure }
		_ = json.Unmarshal(a.Structured, &s) // A server's own error has another shape.
		a.err = s.Error
	}
	return a
}

// later runs a call in the background and hands over its answer when it is there.
func (g *stage) later(call func() answer) <-chan answer {
	c := make(chan answer, 1)
	go func() { c <- call() }()
	return c
}

// allowAll lets agent a do everything.
const allowAll = `{"agents": {"a": {"allow": {"servers": ["*"]}}}}`

// oneText is a usual result.
const oneText = `{"content":[{"type":"text","text":"hi"}]}`

func indent(raw []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return string(raw)
	}
	return b.String()
}
