package front

import (
	"context"

	"gatehouse/internal/audit"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/snapshot"
)

// begin has the call's beginning written down, where that is asked for, before
// anything is sent. again means that the rules or servers changed meanwhile:
// the call must be decided anew.
func (f *Front) begin(ctx context.Context, c *call, b *budget, snap *snapshot.Snapshot, r *snapshot.Route) (fail *failure, again bool) {
	if f.cfg.Begin == nil || c.begun == snap.Generation {
		return nil, false
	}
	record := c.record
	record.Decision = audit.Allow
	timed, cancel := context.WithDeadlineCause(ctx, b.deadline, endpoint.ErrDeadline)
	defer cancel()
	if err := f.cfg.Begin(timed, record); err != nil {
		switch {
		case ctx.Err() != nil:
			return cancelled(r, false), false
		case timed.Err() != nil:
			return timedOut(r, false), false
		}
		// Why is in the gateway's own log; it is not the agent's to know.
		return &failure{
			Code: codeInternal, RetryAfterMS: 1000,
			Message: "The gateway's audit log cannot be written, and without it nothing may run; not run. Try again after 1 s, at most twice, then tell the user.",
		}, false
	}
	c.begun = snap.Generation
	return nil, f.cfg.Store.Load() != snap
}
