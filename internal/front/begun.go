package front

import (
	"cmp"
	"context"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
)

// begun has the call's beginning written down before anything is sent, if the
// audit log is strict. The rules or servers may have changed meanwhile: then
// the call is decided anew, and its beginning is written down once more.
func (a *Attempt) begun(ctx context.Context) error {
	c, begin := a.call, a.call.router.cfg.Begin
	if begin == nil || c.begun == a.Snapshot.Generation {
		return nil
	}
	record := c.Record
	record.RequestedAgent, record.Decision = cmp.Or(record.RequestedAgent, c.RequestedAgent), audit.Allow
	timed, cancel := context.WithDeadlineCause(ctx, c.limits.deadline, endpoint.ErrDeadline)
	defer cancel()
	if err := begin(timed, record); err != nil {
		switch {
		case ctx.Err() != nil:
			return cancelled(false)
		case timed.Err() != nil:
			return a.timedOut(false)
		}
		// Why is in the gateway's own log; it is not the agent's to know.
		return &Failure{
			Code: CodeInternal, RetryAfterMS: 1000,
			Message: "The gateway's audit log cannot be written, and without it nothing may run; not run. Try again after 1 s, at most twice, then tell the user.",
		}
	}
	c.begun = a.Snapshot.Generation
	if c.router.cfg.Store.Load() != a.Snapshot {
		return errAgain
	}
	return nil
}
