package front

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/quota"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/tracecontext"
)

// Config is what a Router needs.
type Config struct {
	Store *snapshot.Store
	// Pinned is the set of agents that every caller may be; nil if they are not pinned.
	Pinned []string
	// DefaultAgent is GATEWAY_DEFAULT_AGENT.
	DefaultAgent string
	// Instance names this process in call ids and in the status.
	Instance string
	// RulesUnknown, unless nil, reports whether changed rules have been
	// unreadable for so long that nothing may run by the old ones. It does not
	// block.
	RulesUnknown func() bool
	// Stale, unless nil, reports whether this gateway has been without contact to its
	// fleet for so long that nothing may run by what it knows. It does not block.
	Stale func() bool
	// Room, unless nil, reports whether an instance of a server for an agent runs, or may
	// be started beside those of all servers. It does not block.
	Room func(server, agent string) bool
	// Number makes the number of a call, which no other may have. Default: random,
	// so that an agent does not learn from its own how many calls others make.
	Number func() uint64
	// Wake asks for a run of an idle server, Refresh for one of its lists anew.
	// Neither blocks.
	Wake    func(name string, cell *endpoint.Cell)
	Refresh func(name string, cell *endpoint.Cell, list endpoint.List)
	// Audit takes one record of each call. It may hold up whoever floods it, for a
	// bounded time, and nobody else.
	Audit func(audit.Record)
	// Begin, unless nil, takes a record of each call before it is sent to its
	// server. An error refuses the call. It blocks for a bounded time.
	Begin func(context.Context, audit.Record) error
	// Tracer, unless nil, follows every call.
	Tracer Tracer
}

// Router takes calls to servers. Its methods may be called from any goroutine.
type Router struct {
	cfg      Config
	quota    quota.Book
	stopping chan struct{}
}

// New makes a Router that works as soon as its store holds a snapshot.
func New(cfg Config) *Router {
	if cfg.Number == nil {
		cfg.Number = rand.Uint64
	}
	return &Router{cfg: cfg, stopping: make(chan struct{})}
}

// Stop refuses every call that has not been written yet, for good. It is
// called once.
func (r *Router) Stop() { close(r.stopping) }

// Pinned is the set of agents that every caller may be; nil if they are not
// pinned. The caller must not change it.
func (r *Router) Pinned() []string { return r.cfg.Pinned }

// Instance names this process.
func (r *Router) Instance() string { return r.cfg.Instance }

// Refused lists whose calls exceeded their limits, the latest first.
func (r *Router) Refused() []quota.Refused { return r.quota.Refused(maxRefused) }

// maxRefused is how many of them are listed.
const maxRefused = 100

// Start assigns a call its id and the time from which its limits run, and begins
// its audit record. Finish must follow.
func (r *Router) Start(c *Call) {
	c.router, c.arrived = r, time.Now()
	c.Record.CallID = r.cfg.Instance + "-" + strconv.FormatUint(r.cfg.Number(), 10)
	c.Record.Client, c.Record.Credential = c.Caller.Client, c.Caller.Identity.ID()
	if r.cfg.Tracer != nil {
		c.span = r.cfg.Tracer.Begin(c, tracecontext.Of(c.Meta, c.Headers))
		c.Record.TraceID = c.span.TraceID()
	}
}

// Finish hands over the call's audit record. It is deferred, so that a call
// that ends by a panic is recorded too.
func (r *Router) Finish(c *Call) {
	if !c.ended {
		_ = c.End(&Failure{Code: CodeInternal}) // Nobody is left to be told.
	}
	c.Record.LatencyMS = float64(time.Since(c.arrived).Microseconds()) / 1000
	if c.span != nil {
		c.span.End(c)
	}
	r.cfg.Audit(c.Record)
}

// Identify finds out as which agent the call is made, and on which snapshot.
// It neither waits nor asks the rules. The error is a *Failure.
func (r *Router) Identify(ctx context.Context, c *Call) (*Attempt, error) {
	return c.take(ctx, identifying)
}

// Route finds the call's server for an agent that may use it, in whatever state
// it is. It does not wait. The error is a *Failure.
func (r *Router) Route(ctx context.Context, c *Call) (*Attempt, error) {
	return c.take(ctx, routing)
}

// Answer has a call answered from memory: read is told who calls and by which
// snapshot, and returns how many bytes it answered. It counts within the agent's
// limits as a request to a server does, but for per_tool. If the call names a
// server, that must be one that the agent may use. It does not wait. The error is a
// *Failure.
func (r *Router) Answer(ctx context.Context, c *Call, read func(*Attempt) (bytes int, err error)) error {
	c.read = read
	steps := answering
	if c.Target.Server != "" {
		steps = answeringOf
	}
	_, err := c.take(ctx, steps)
	return err
}

// Reach has do act for a call once its server is ready, and counts that as a request
// to it. What do waits for must end with ctx and with Attempt.Stopping, and by
// Attempt.Deadline. The error is a *Failure.
func (r *Router) Reach(ctx context.Context, c *Call, do func(*Attempt) error) error {
	c.read = func(a *Attempt) (int, error) { return 0, do(a) }
	_, err := c.take(ctx, reaching)
	return err
}

// Stopping is closed when the gateway ends.
func (a *Attempt) Stopping() <-chan struct{} { return a.call.router.stopping }

// Deadline is when the call's time is up.
func (a *Attempt) Deadline() time.Time { return a.call.limits.deadline }

// GivenUp says why a call ends that had to wait: its caller has gone, its time is up,
// or the gateway ends.
func (a *Attempt) GivenUp(ctx context.Context) *Failure {
	switch {
	case ctx.Err() != nil:
		return cancelled(true)
	case !time.Now().Before(a.call.limits.deadline):
		return a.timedOut(true)
	}
	return shuttingDown()
}

// Failed words an error with which a server's session refused what it was asked.
func (a *Attempt) Failed(ctx context.Context, err error) *Failure {
	if fail := a.callFailed(ctx, err); fail != nil {
		return fail
	}
	return crashed(a.Route, err)
}

// Known returns an attempt by the current snapshot. ok reports whether the
// connection itself settles the agent: by a credential or a pin. It is not a
// call, and leaves no record.
func (r *Router) Known(caller agents.Caller) (a *Attempt, ok bool) {
	c := &Call{Caller: caller, router: r}
	a = &c.attempt
	*a = Attempt{Snapshot: r.cfg.Store.Load(), call: c}
	pinned, err := a.pin()
	if err != nil || len(pinned) == 0 {
		return a, false
	}
	id, wrong := a.Snapshot.Policy.ResolveAgent("", false, pinned, "")
	if wrong != nil {
		return a, false
	}
	a.Agent = id
	return a, true
}

// Seen returns an attempt by the current snapshot, whose Agent is the one that the
// caller's address names (Caller.Agent), or that it is without a name. ok is false
// if it may be none. It is not a call, and leaves no record.
func (r *Router) Seen(caller agents.Caller) (a *Attempt, ok bool) {
	a = &Attempt{Snapshot: r.cfg.Store.Load(), call: &Call{Caller: caller, router: r}}
	pinned, err := a.pin()
	if err != nil {
		return a, false
	}
	id, wrong := a.Snapshot.Policy.ResolveAgent(caller.Agent, caller.Agent != "", pinned, r.cfg.DefaultAgent)
	a.Agent = id
	return a, wrong == nil
}

// Offers reports whether a server is there that a caller may use. It is not a
// call, and leaves no record.
func (r *Router) Offers(caller agents.Caller, server string) bool {
	a, ok := r.Seen(caller)
	return ok && a.Offers(server)
}

// Offers reports whether a server is there that the agent may use.
func (a *Attempt) Offers(server string) bool {
	_, there := a.Snapshot.Route(server)
	return there && a.Snapshot.Policy.Decide(a.Agent, server, "").Allow
}

// Changed is closed once what agents may see may have changed: see
// snapshot.Store.
func (r *Router) Changed() <-chan struct{} { return r.cfg.Store.Changed() }

// Speaker is the agent that an unpinned caller counts as if it names this one,
// or none (""); it is "?" if the rules don't know that one.
func (r *Router) Speaker(named string) string {
	rules := r.cfg.Store.Load().Policy
	id, wrong := rules.ResolveAgent(named, named != "", nil, r.cfg.DefaultAgent)
	if wrong != nil || !rules.HasAgent(id) {
		return "?"
	}
	return id
}

// Lists returns an attempt whose Catalog is known, for an agent that may use
// the call's target. It answers from memory once the server has listed what it
// has; before that it waits for the server as a call would. The error is a
// *Failure.
func (r *Router) Lists(ctx context.Context, c *Call) (*Attempt, error) {
	return c.take(ctx, listing)
}

// Introduce returns an attempt whose Server is known, and what the server has
// listed of its tools if that is. It answers from memory once the server has said
// what it is; before that it waits for the server as a call would. The error is a
// *Failure.
func (r *Router) Introduce(ctx context.Context, c *Call) (*Attempt, error) {
	return c.take(ctx, introducing)
}

// Forward sends a request to the call's server and has the operation read the
// answer. The error is a *Failure.
func (r *Router) Forward(ctx context.Context, c *Call, op Operation) error {
	c.op = op
	_, err := c.take(ctx, forwarding)
	return err
}
