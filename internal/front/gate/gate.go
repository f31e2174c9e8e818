package gate

import (
	"cmp"
	"context"
	"encoding/json"
	"sync"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// Config is what a Gate needs.
type Config struct {
	Router *front.Router
	// Debug offers get_gateway_status.
	Debug bool
	// NoClientHints leaves out of the definitions what only certain clients
	// understand.
	NoClientHints bool
	// Exposed are tools of servers that stand beside the gateway's own. Default:
	// none.
	Exposed Exposed
}

// Gate answers calls of the gateway's own tools. Its methods may be called
// from any goroutine.
type Gate struct {
	cfg     Config
	router  *front.Router
	tools   map[string]tool
	finder  *finder
	started time.Time
}

// New makes a Gate.
func New(cfg Config) *Gate {
	if cfg.Exposed == nil {
		cfg.Exposed = noneExposed{}
	}
	g := &Gate{cfg: cfg, router: cfg.Router, started: time.Now(), finder: newFinder()}
	g.tools = map[string]tool{
		searchTools:    g.searchTools,
		listServers:    g.listServers,
		getServerTools: g.getServerTools,
		executeTool:    g.executeTool,
	}
	if cfg.Debug {
		g.tools[getGatewayStatus] = g.gatewayStatus
	}
	return g
}

// Exposed are tools of servers beside the gateway's own, which differ by caller.
// Its methods may be called from any goroutine, and none but CallTool blocks.
type Exposed interface {
	Definitions(c agents.Caller) []json.RawMessage
	// Namer returns how a caller can call a server's tool, by its exposed name, as
	// an agent; "" if it cannot.
	Namer(c agents.Caller, agent string) func(server, tool string) string
	// Mark is another one of other definitions, and never 0.
	Mark(c agents.Caller) uint64
	// Changed is closed once somebody's may be others.
	Changed() <-chan struct{}
	// CallTool is that of agents.ToolHandler.
	CallTool(ctx context.Context, c agents.Caller, t agents.ToolCall, dst []byte) (out []byte, known bool)
	// Definition is that of a tool by its exposed name; nil if there is none.
	Definition(c agents.Caller, tool string) json.RawMessage
}

// noneExposed exposes nothing.
type noneExposed struct{}

func (noneExposed) Definitions(agents.Caller) []json.RawMessage { return nil }
func (noneExposed) Namer(agents.Caller, string) func(server, tool string) string {
	return func(string, string) string { return "" }
}
func (noneExposed) Mark(agents.Caller) uint64 { return 1 }
func (noneExposed) Changed() <-chan struct{}  { return nil }
func (noneExposed) CallTool(_ context.Context, _ agents.Caller, _ agents.ToolCall, dst []byte) ([]byte, bool) {
	return dst, false
}

func (noneExposed) Definition(agents.Caller, string) json.RawMessage { return nil }

// Definition is that of a server's tool that is exposed to a caller; nil of all others.
func (g *Gate) Definition(c agents.Caller, tool string) json.RawMessage {
	if _, own := g.tools[tool]; own {
		return nil
	}
	return g.cfg.Exposed.Definition(c, tool)
}

// Changed is closed once the definitions of somebody may be others.
func (g *Gate) Changed() <-chan struct{} { return g.cfg.Exposed.Changed() }

// Marks are those of a caller's definitions. What a hint says of servers is no
// reason to ask for them again.
func (g *Gate) Marks(c agents.Caller) agents.Marks {
	return agents.Marks{agents.ToolsList: g.cfg.Exposed.Mark(c)}
}

// tool runs one of the gateway's tools and returns its result, without what
// every result gets. The error is a *front.Failure.
type tool func(context.Context, *call) (relay.Result, error)

// call is one call of a gateway tool on its way.
type call struct {
	relay.Call

	args arguments
}

// calls are used again: one is nearly a kilobyte.
var calls = sync.Pool{New: func() any { return new(call) }}

// CallTool implements agents.ToolHandler.
func (g *Gate) CallTool(ctx context.Context, caller agents.Caller, sent agents.ToolCall, dst []byte) ([]byte, bool) {
	run, known := g.tools[sent.Name]
	if !known {
		if out, exposed := g.cfg.Exposed.CallTool(ctx, caller, sent, dst); exposed {
			return out, true
		}
		g.unknown(caller, sent.Name)
		return dst, false
	}
	c := calls.Get().(*call)
	c.Caller, c.Sent, c.Dst = caller, sent, dst
	c.Meta, c.Headers = sent.Meta, sent.Trace
	c.Progress, c.Record.Operation = sent.Progress, sent.Name
	g.router.Start(&c.Call.Call)
	defer func() {
		g.router.Finish(&c.Call.Call)
		*c = call{}
		calls.Put(c)
	}()
	return g.answer(ctx, c, run), true
}

// unknown leaves a record of a call of a tool that the gateway does not have.
func (g *Gate) unknown(caller agents.Caller, name string) {
	c := front.Call{Caller: caller}
	c.Record.Operation, c.Record.Tool = "tools/call", name
	g.router.Start(&c)
	_ = c.End(&front.Failure{Code: codeUnknownTool}) // What the agent is told does not depend on it.
	g.router.Finish(&c)
}

// codeUnknownTool is the outcome, in the audit log, of a call of a tool that the
// gateway does not have.
const codeUnknownTool = "UNKNOWN_TOOL"

// Speaker is the agent that a call names, for callers who may be any: "" for the
// pinned ones, and "?" for a name that the rules don't know.
func (g *Gate) Speaker(c agents.Caller, t agents.ToolCall) string {
	if len(g.router.Pinned()) > 0 {
		return ""
	}
	return g.router.Speaker(cmp.Or(rawjson.Text(rawjson.Get(t.Args, "agent_id")), c.Agent))
}

// answer runs one tool and appends its result or failure to the call's dst.
func (g *Gate) answer(ctx context.Context, c *call, run tool) []byte {
	err := c.parse()
	if err == nil {
		var r relay.Result
		if r, err = run(ctx, c); err == nil {
			answer := c.Finish(r, true)
			_ = c.End(nil)
			return answer
		}
	}
	return c.Finish(failed(c.End(err)), false)
}

// parse reads the arguments into the call.
func (c *call) parse() error {
	args, err := parseArguments(c.Sent.Name, c.Sent.Args)
	c.args = args
	c.RequestedAgent, c.Record.Server, c.Record.Tool = cmp.Or(args.agentID, c.Caller.Agent), args.server, args.tool
	c.Target = front.Target{Kind: &tools, Server: args.server, Name: args.tool}
	return err
}

// failed is the tool result that carries a failure.
func failed(f *front.Failure) relay.Result {
	body := f.JSON()
	raw := make(json.RawMessage, 0, 2*len(body)+150)
	raw = append(append(raw, `{"content":[{"type":"text","text":`...), rawjson.Get(body, "message")...)
	raw = append(append(raw, `}],"structuredContent":{"error":`...), body...)
	return relay.Look(append(raw, `},"isError":true,"_meta":{"`+endpoint.MetaOrigin+`":"gateway"}}`...))
}

// own makes the result of an answer that is the gateway's: the value as text
// and as structured content.
func own(value any) relay.Result {
	body := relay.MustJSON(value)
	r := relay.Look(relay.MustJSON(struct {
		Content    []relay.Block   `json:"content"`
		Structured json.RawMessage `json:"structuredContent"`
	}{[]relay.Block{{Type: "text", Text: string(body)}}, body}))
	r.Own = true
	return r
}
