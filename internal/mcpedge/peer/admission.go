package peer

import (
	"context"
	"errors"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fair"
)

var (
	errNoMethod = errors.New("a call must have " + headerMethod + " and " + headerEpoch)
	errNoCall   = errors.New("a call of an agent must have " + headerCall)
)

// admission is a call's way in at the owner: its place among the calls in flight, which
// those of the whole fleet share, and its turn where calls of its origin run one at a
// time.
type admission struct {
	server *Server
	key    string
	head   *head

	cell  *endpoint.Cell // nil while the call has no place
	owner fair.Owner
	turn  chan struct{}
}

// enter returns nil once the call may run, or why it may not. It blocks while others
// have their turn, until ctx ends.
func (a *admission) enter(ctx context.Context) *failure {
	owned, _, refusal := a.server.reach(a.key, a.head)
	if refusal != nil {
		return refusal
	}
	if a.head.by.ID == "" { // One of the gateway's own, which has no place here either.
		return nil
	}
	if refusal = a.guarded(ctx, &owned); refusal != nil {
		return refusal
	}
	a.owner = fair.Owner{Who: a.head.by.Origin, Name: a.head.by.Agent}
	wait, verdict := owned.Cell.Enter(a.owner, max(owned.MaxInFlight, 1))
	switch verdict {
	case endpoint.Admitted:
		a.cell = owned.Cell
		return nil
	case endpoint.Queued:
		if refusal = a.queued(ctx, owned.Cell, wait); refusal != nil {
			return refusal
		}
		_, _, refusal = a.server.reach(a.key, a.head)
		return refusal
	case endpoint.Closed:
		return &failure{Kind: kindDraining, Reason: "the gateway that runs it is giving it up"}
	case endpoint.Full:
	}
	return &failure{Kind: kindFull, Reason: "as many calls as allowed are in flight"}
}

// queued waits for a place.
func (a *admission) queued(ctx context.Context, cell *endpoint.Cell, wait *fair.Wait) *failure {
	look := time.NewTicker(fair.LookEvery)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			wait.Look(time.Now())
			continue
		case <-wait.Done():
			if cell.Take(wait) {
				a.cell = cell
				return nil
			}
			return &failure{Kind: kindDraining, Reason: "the gateway that runs it is giving it up"}
		case <-ctx.Done():
			cell.GiveUp(wait)
			return &failure{Kind: kindLate, Reason: endpoint.ErrDeadline.Error()}
		}
	}
}

// guarded refuses calls of who has ended the server again and again, and has those of
// suspects wait for their turn.
func (a *admission) guarded(ctx context.Context, owned *Owned) *failure {
	guard, now := owned.Cell.Guard(), time.Now()
	if b := guard.Blocked(a.head.by, now); b != nil {
		return &failure{Kind: kindBlocked, Reason: "calls like this one have ended it: " + owned.redact(b.Reason), RetryAfter: max(b.Until.Sub(now), time.Second).Milliseconds()}
	}
	turn := guard.Turn(a.head.by, now)
	if turn == nil {
		return nil
	}
	ends := time.NewTimer(guard.TrialEnds.Sub(now))
	defer ends.Stop()
	select {
	case turn <- struct{}{}:
		a.turn = turn
	case <-ends.C:
	case <-guard.Replaced():
	case <-owned.Cell.ClosedC():
	case <-ctx.Done():
		return &failure{Kind: kindLate, Reason: endpoint.ErrDeadline.Error()}
	}
	return nil
}

// leave ends the call's place and turn. Repeating it does no harm.
func (a *admission) leave() {
	if a.cell != nil {
		a.cell.Leave(a.owner)
		a.cell = nil
	}
	if a.turn != nil {
		<-a.turn
		a.turn = nil
	}
}
