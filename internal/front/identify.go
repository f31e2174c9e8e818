package front

import (
	"context"
	"time"

	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
)

// identify finds the agent by whose rules this attempt is decided, and notes
// it in the audit record.
func (a *Attempt) identify(context.Context) error {
	c := a.call
	c.note(a.Snapshot)
	pinned, err := a.pin()
	if err != nil {
		return err
	}
	if c.RequestedAgent == "" && len(pinned) > 0 {
		c.Record.RequestedAgent = pinned[0]
	}
	id, wrong := a.Snapshot.Policy.ResolveAgent(c.RequestedAgent, c.RequestedAgent != "", pinned, c.router.cfg.DefaultAgent)
	if wrong != nil {
		return &Failure{Code: string(wrong.Code), Message: c.unclear(wrong, pinned)}
	}
	a.Agent, c.Record.AgentID = id, id
	if unknown := c.router.cfg.RulesUnknown; unknown != nil && unknown() {
		return &Failure{
			Code: CodeRulesUnreadable, RetryAfterMS: 10_000,
			Message: "The gateway's rules have changed and cannot be read, and nothing may run until they can; not run. Try again after 10 s, at most twice, then tell the user.",
		}
	}
	if stale := c.router.cfg.Stale; stale != nil && stale() {
		return &Failure{
			Code: CodeConfigStale, RetryAfterMS: 10_000,
			Message: "This gateway has lost contact with its fleet, and may not decide by what it knew any more; not run. Try again after 10 s, at most twice, then tell the user.",
		}
	}
	return nil
}

// pin returns the agents that the caller may be; nil if it is not pinned. Each
// attempt asks: the credential may have been removed while the call waited.
func (a *Attempt) pin() ([]string, error) {
	agents, ok := a.Snapshot.Credentials.Recheck(a.call.Caller.Identity, time.Now())
	pinned := identity.Common(agents, a.call.router.cfg.Pinned)
	if !ok || pinned != nil && len(pinned) == 0 {
		return nil, &Failure{
			Code:    string(policy.InvalidAgentID),
			Message: "The credential of this connection is no longer accepted; not run. Tell the user.",
		}
	}
	return pinned, nil
}
