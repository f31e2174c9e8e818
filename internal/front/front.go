package front

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/snapshot"
)

// Config is what a Front is given.
type Config struct {
	Store *snapshot.Store
	// Pinned is the set of agents that every caller may be; nil is no pin.
	Pinned []string
	// DefaultAgent is GATEWAY_DEFAULT_AGENT.
	DefaultAgent string
	// Debug offers get_gateway_status.
	Debug bool
	// Instance names this process in call ids and in the status.
	Instance string
	// Wake asks for a run of an idle server, Refresh for a fresh tools/list.
	// Neither blocks.
	Wake    func(name string, cell *endpoint.Cell)
	Refresh func(name string, cell *endpoint.Cell)
	// Audit takes one record of each call. It does not block.
	Audit func(audit.Record)
	// Begin, unless nil, takes a record of each call before it is sent to its
	// server. An error refuses the call. It blocks for a bounded time.
	Begin func(context.Context, audit.Record) error
}

// Front answers tool calls. Its methods may be called from any goroutine.
type Front struct {
	cfg      Config
	ops      map[string]operation
	started  time.Time
	calls    atomic.Uint64
	stopping chan struct{}
}

// New makes a Front that answers as soon as its store holds a snapshot.
func New(cfg Config) *Front {
	f := &Front{cfg: cfg, started: time.Now(), stopping: make(chan struct{})}
	f.ops = f.operations()
	return f
}

// Stop refuses every call that has not been written yet, for good. It is
// called once.
func (f *Front) Stop() { close(f.stopping) }

// call is one tool call on its way.
type call struct {
	id      string
	tool    string // the gateway's own
	caller  agents.Caller
	sent    agents.ToolCall
	dst     []byte // what the answer is appended to
	args    arguments
	arrived time.Time
	record  audit.Record
	// relisted is the cell whose tools have been read again for this call.
	relisted *endpoint.Cell
	// renewals counts how often the server had forgotten the session.
	renewals int
	// begun is the generation that Begin has a record of; 0 is none.
	begun uint64
	// answered says that the call has not ended by a panic.
	answered bool
}

// calls are used again: one is nearly a kilobyte.
var calls = sync.Pool{New: func() any { return new(call) }}

// CallTool implements agents.ToolHandler.
func (f *Front) CallTool(ctx context.Context, caller agents.Caller, t agents.ToolCall, dst []byte) ([]byte, bool) {
	op, known := f.ops[t.Name]
	if !known {
		return dst, false
	}
	c := calls.Get().(*call)
	defer f.conclude(c)
	*c = call{
		id:   f.cfg.Instance + "-" + strconv.FormatUint(f.calls.Add(1), 10),
		tool: t.Name, caller: caller, sent: t, dst: dst, arrived: time.Now(),
	}
	c.record = audit.Record{CallID: c.id, Client: caller.Client, Credential: caller.Identity.ID(), Operation: t.Name}
	dst = f.answer(ctx, c, op)
	c.answered = true
	return dst, true
}

// conclude has the call's record written, also if it ends by a panic, and lets
// go of the call: nobody knows it any more.
func (f *Front) conclude(c *call) {
	if !c.answered {
		c.record.Outcome = codeInternal
		c.record.Decision = c.decision(&failure{Code: codeInternal})
	}
	c.record.LatencyMS = float64(time.Since(c.arrived).Microseconds()) / 1000
	f.cfg.Audit(c.record)
	*c = call{}
	calls.Put(c)
}

// operation runs one of the gateway's tools and gives its result, without what
// every result gets.
type operation func(context.Context, *call) (result, *failure)

func (f *Front) operations() map[string]operation {
	ops := map[string]operation{
		listServers:    f.listServers,
		getServerTools: f.getServerTools,
		executeTool:    f.executeTool,
	}
	if f.cfg.Debug {
		ops[getGatewayStatus] = f.gatewayStatus
	}
	return ops
}

// answer runs one operation, appends its result or failure to the call's dst,
// and notes in the call's audit record how it went.
func (f *Front) answer(ctx context.Context, c *call, op operation) []byte {
	args, fail := parseArguments(c.tool, c.sent.Args)
	c.args = args
	c.record.RequestedAgent, c.record.Server, c.record.Tool = args.agentID, args.server, args.tool
	var r result
	if fail == nil {
		r, fail = op(ctx, c)
	} else {
		c.note(f.cfg.Store.Load())
	}
	c.record.Decision = c.decision(fail)
	if fail != nil {
		c.record.Outcome = fail.Code
		fail.Generation, fail.CallID = c.record.Generation, c.id
		r = look(fail.result())
	} else if c.record.Outcome == "" {
		c.record.Outcome = "ok"
	}
	return c.finish(r, fail == nil)
}

// decision is what the rules said, whatever became of the call afterwards: a
// call that was allowed and then failed may have run.
func (c *call) decision(fail *failure) audit.Decision {
	switch {
	case fail == nil:
		return audit.Allow
	case fail.Code == codeDenied:
		return audit.Deny
	case c.record.Step != "":
		return audit.Allow
	default:
		return audit.Error
	}
}

// note begins a decision in the audit record: which generation decides.
func (c *call) note(snap *snapshot.Snapshot) {
	c.record.Generation, c.record.PolicyHash = snap.Generation, snap.PolicyHash
	c.record.Step, c.record.Rule = "", ""
}
