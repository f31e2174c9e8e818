package front_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/policy"
	"gatehouse/internal/redact"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
	"gatehouse/testkit"
)

// old and stateless are callers by the revision that they speak.
var (
	old       = agents.Caller{Client: "tester/1", Protocol: "2025-11-25"}
	stateless = agents.Caller{Client: "tester/2", Protocol: "2026-07-28"}
)

// gate is a Front with a real snapshot store, real cells and fake sessions.
type gate struct {
	t     testing.TB
	store snapshot.Store
	front *front.Front
	// wake and refresh play the supervisor; they may be nil.
	wake, refresh func(name string, cell *endpoint.Cell)

	mu         sync.Mutex
	generation uint64
	records    []audit.Record
	asked      []string // "wake files", "refresh files"
}

// newGate makes a gate whose generation 1 has these rules and servers.
func newGate(t testing.TB, rules string, servers ...*srv) *gate {
	t.Helper()
	return newGateWith(t, front.Config{}, rules, servers...)
}

func newGateWith(t testing.TB, cfg front.Config, rules string, servers ...*srv) *gate {
	t.Helper()
	g := &gate{t: t}
	cfg.Store, cfg.Instance = &g.store, "gw"
	cfg.Wake = func(name string, cell *endpoint.Cell) { g.ask("wake "+name, g.wake, name, cell) }
	cfg.Refresh = func(name string, cell *endpoint.Cell) { g.ask("refresh "+name, g.refresh, name, cell) }
	cfg.Audit = func(r audit.Record) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.records = append(g.records, r)
	}
	g.front = front.New(cfg)
	g.next(rules, servers...)
	return g
}

func (g *gate) ask(what string, play func(string, *endpoint.Cell), name string, cell *endpoint.Cell) {
	g.mu.Lock()
	g.asked = append(g.asked, what)
	g.mu.Unlock()
	if play != nil {
		play(name, cell)
	}
}

// heard is what the supervisor was asked so far.
func (g *gate) heard() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.asked...)
}

// next replaces the snapshot by one more generation.
func (g *gate) next(rules string, servers ...*srv) uint64 {
	g.t.Helper()
	parsed, problems := rulesfile.ParseRules("rules.json", []byte(rules))
	if jsondoc.HasErrors(problems) {
		g.t.Fatalf("%v", problems)
	}
	routes := make([]*snapshot.Route, 0, len(servers))
	for _, s := range servers {
		routes = append(routes, &s.Route)
	}
	g.generation++
	g.store.Replace(snapshot.New(g.generation, time.Now(), policy.Compile(parsed), parsed.Hash, routes))
	return g.generation
}

// srv is one server of a snapshot.
type srv struct{ snapshot.Route }

// server makes one that is in that state.
func server(name string, st endpoint.Status) *srv {
	return &srv{snapshot.Route{
		Entry:  serversfile.Entry{Name: name, Transport: serversfile.Stdio, Command: "cmd-" + name, Settings: serversfile.DefaultSettings()},
		Cell:   endpoint.NewCell(name, endpoint.Identity{Spec: name}, st),
		Redact: redact.New([]redact.Secret{{Name: "TOKEN", Value: "s3cr3t-value"}}),
	}}
}

// up makes a server that is ready and answers so; its tools are not known.
func up(name string, answer testkit.Answer) *srv {
	return server(name, ready(1, testkit.NewSession(1, answer)))
}

func ready(run uint64, session endpoint.Session) endpoint.Status {
	return endpoint.Status{State: endpoint.Ready, Run: run, Session: session, PID: session.PID(), Since: time.Now()}
}

// has makes the server's tools known; each is a name or a whole definition.
func (s *srv) has(tools ...string) *srv { return s.hasFrom(time.Now(), tools...) }

// hasFrom is has for a list that was read at some time.
func (s *srv) hasFrom(at time.Time, tools ...string) *srv {
	catalog := endpoint.Catalog{Known: true, At: at}
	for _, text := range tools {
		tool := endpoint.Tool{Name: text, Raw: json.RawMessage(fmt.Sprintf(`{"name":%q}`, text))}
		if text[0] == '{' {
			var named struct{ Name string }
			if err := json.Unmarshal([]byte(text), &named); err != nil {
				panic(err)
			}
			tool = endpoint.Tool{Name: named.Name, Raw: json.RawMessage(text)}
		}
		catalog.Tools = append(catalog.Tools, tool)
	}
	s.Cell.PublishCatalog(catalog)
	return s
}

// with changes the entry.
func (s *srv) with(change func(e *serversfile.Entry)) *srv {
	change(&s.Entry)
	return s
}

// again is the same server in a later generation with a cell of its own.
func (s *srv) again(st endpoint.Status) *srv {
	next := *s
	next.Cell = endpoint.NewCell(s.Entry.Name, endpoint.Identity{Spec: s.Entry.Name + "'"}, st)
	return &next
}

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
func (g *gate) call(tool, args string) answer {
	return g.callAs(context.Background(), old, tool, args, nil)
}

func (g *gate) callAs(ctx context.Context, caller agents.Caller, tool, args string, progress func(json.RawMessage)) answer {
	var raw json.RawMessage
	if args != "" {
		raw = json.RawMessage(args)
	}
	result, known := g.front.CallTool(ctx, caller, agents.ToolCall{Name: tool, Args: raw, Progress: progress}, nil)
	if !known {
		return answer{err: failure{Code: "unknown tool"}}
	}
	return readAnswer(result)
}

// execute runs a tool of a server as agent a.
func (g *gate) execute(server, tool string) answer {
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

// later runs a call in the background and gives its answer when it is there.
func (g *gate) later(call func() answer) <-chan answer {
	c := make(chan answer, 1)
	go func() { c <- call() }()
	return c
}

// record is the audit record of the only call so far.
func (g *gate) record() audit.Record {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.records) != 1 {
		g.t.Fatalf("got %d audit records, want 1", len(g.records))
	}
	return g.records[0]
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
