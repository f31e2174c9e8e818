package front

import (
	"cmp"
	"encoding/json"
	"errors"
	"time"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/policy"
	"gatehouse/internal/quota"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/tracecontext"
)

// Call is one request of an agent on its way. A surface fills in what it
// knows, then hands it to a Router's Start.
type Call struct {
	Caller agents.Caller
	// RequestedAgent is the agent that the request names; "" if it names none.
	RequestedAgent string
	// OfConnection says that a request has no place to name an agent: its connection
	// does, or nobody.
	OfConnection bool
	Target       Target
	// Wanted names what the agent asks a server's list for; nil is all of it.
	Wanted []string
	// Own says that the agent's own instance is asked for lists, where a server has
	// instances; else that of another one will do until there is one.
	Own bool
	// Timeout is how long the agent is ready to wait, if that is less than the
	// server's own limit; 0 is that limit.
	Timeout time.Duration
	// TimeoutName is how the agent can ask for more time; "" if it cannot.
	TimeoutName string
	// Of, unless nil, is the run of a server that the call concerns: no other one is
	// sent it.
	Of *endpoint.Run
	// Patient says that the server answers when it is done with something else: that
	// it takes long says nothing about the server.
	Patient bool
	// Grant, unless nil, is asked about a target that the rules deny by no rule of
	// theirs: it returns the decision by which the agent may use it all the same.
	Grant func(*Attempt) (policy.Decision, bool)
	// Progress takes the params of progress notifications and must not block;
	// nil where the agent wants none.
	Progress func(params json.RawMessage)
	// LogLevel is the level of log messages that the caller wants to hear of while the
	// call runs; 0 is none. Notice takes them, as Progress does.
	LogLevel endpoint.Level
	Notice   func(method string, params json.RawMessage)
	// Meta is the request's _meta, and Headers what its HTTP headers say of a trace: by
	// them the call is part of a trace. Both may be nil.
	Meta    json.RawMessage
	Headers *tracecontext.Context
	// Record is the call's line in the audit log. The surface names the
	// operation and what it is about, and may set the outcome of a success.
	Record audit.Record

	router  *Router
	op      Operation
	read    func(*Attempt) (bytes int, err error) // answers a call that is not sent on
	arrived time.Time
	limits  limits
	attempt Attempt
	// relisted is the cell whose lists have been read again for this call.
	relisted *endpoint.Cell
	// begun is the generation that Config.Begin has a record of; 0 if it has none.
	begun uint64
	// granted is a place that the call got by waiting, for its next attempt.
	granted place
	// tried is what a server was doing that needs auth, when the call came.
	tried triedRun
	// trouble is the latest reason why the server was not ready while the call waited.
	trouble string
	// ticket says that the call has been counted against its agent's limits.
	ticket quota.Ticket
	// renewals counts how often the server had forgotten the session.
	renewals int
	ended    bool
	span     Span // nil if nobody follows the call
}

// Deadline is when the call's time is up, once its server is known.
func (c *Call) Deadline() time.Time { return c.limits.deadline }

// ID names the call in answers and logs.
func (c *Call) ID() string { return c.Record.CallID }

// End notes in the audit record how the call went. It returns what to tell the
// agent, nil for a success.
func (c *Call) End(err error) *Failure {
	c.ended = true
	c.Record.RequestedAgent = cmp.Or(c.Record.RequestedAgent, c.RequestedAgent) // A pin stands in for none.
	if c.Record.Generation == 0 {                                               // Refused before anything was decided.
		c.note(c.router.cfg.Store.Load())
	}
	if err == nil {
		c.Record.Decision = audit.Allow
		if c.Record.Outcome == "" {
			c.Record.Outcome = "ok"
		}
		return nil
	}
	fail, ok := errors.AsType[*Failure](err)
	if !ok {
		fail = &Failure{Code: CodeInternal, Message: "The gateway failed. Tell the user."}
	}
	c.Record.Decision, c.Record.Outcome = c.decision(fail), fail.Code
	fail.Generation, fail.CallID = c.Record.Generation, c.ID()
	return fail
}

// decision is what the rules said, whatever became of the call: one that was
// allowed and failed may have run.
func (c *Call) decision(fail *Failure) audit.Decision {
	switch {
	case fail.Code == CodeDenied:
		return audit.Deny
	case c.Record.Step != "", fail.Code == CodeRateLimited:
		return audit.Allow
	default:
		return audit.Error
	}
}

// note begins a decision in the audit record: which generation decides.
func (c *Call) note(snap *snapshot.Snapshot) {
	c.Record.Generation, c.Record.PolicyHash = snap.Generation, snap.PolicyHash
	c.Record.Step, c.Record.Rule = "", ""
}
