package front

import (
	"context"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fair"
)

// place is a call's place among those in flight at a server. The zero place is
// none.
type place struct {
	cell  *endpoint.Cell
	owner fair.Owner
}

func (p *place) leave() {
	if p.cell != nil {
		p.cell.Leave(p.owner)
		*p = place{}
	}
}

// owner is whose share of a server the call takes.
func (a *Attempt) owner() fair.Owner {
	caller := &a.call.Caller
	if id := caller.Identity.ID(); id != "" {
		return fair.Owner{Who: id}
	}
	return fair.Owner{Who: caller.From, Name: a.Agent}
}

// admitted counts the call into the server's cell. If others have their turn
// first, it waits in the queue and is decided anew with the place that it got.
func (a *Attempt) admitted(ctx context.Context) error {
	cell, owner := a.Route.Cell, a.owner()
	if a.call.granted == (place{cell, owner}) {
		a.inside, a.call.granted = a.call.granted, place{}
		return nil
	}
	a.call.granted.leave()
	wait, answer := cell.Enter(owner, a.Route.Entry.Settings.MaxInFlight)
	switch answer {
	case endpoint.Full:
		a.hesitate(ctx, owner)
		return overloaded(a.Route)
	case endpoint.Closed:
		return a.closed(cell.Status())
	case endpoint.Queued:
		return a.queued(ctx, wait, owner)
	case endpoint.Admitted:
		a.inside = place{cell, owner}
	}
	return nil
}

// hesitation is how long the refusal of a call takes while others call too: who
// calls again at once would take the processor from them.
const hesitation = time.Second

// hesitate waits for as long as a refusal should take.
func (a *Attempt) hesitate(ctx context.Context, owner fair.Owner) {
	if !a.Route.Cell.Wanted(owner) {
		return
	}
	timer := time.NewTimer(min(hesitation, time.Until(a.call.limits.deadline)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.call.router.stopping:
	case <-ctx.Done():
	}
}

// queued waits until the call has a place, for as long as the call may take.
func (a *Attempt) queued(ctx context.Context, wait *fair.Wait, owner fair.Owner) error {
	cell, limits := a.Route.Cell, &a.call.limits
	deadline := time.NewTimer(time.Until(limits.deadline))
	defer deadline.Stop()
	beat := time.NewTimer(limits.nextBeat(a.call.arrived))
	defer beat.Stop()
	look := time.NewTicker(fair.LookEvery)
	defer look.Stop()
	for {
		select {
		case <-wait.Done():
			if cell.Take(wait) {
				a.call.granted = place{cell, owner}
			}
			return errAgain
		case <-look.C:
			wait.Look(time.Now())
			continue
		case <-beat.C:
			a.call.beat("waiting for its turn at", a.Route.Entry.Name, cell.Status().State)
			beat.Reset(limits.nextBeat(a.call.arrived))
			continue
		case <-deadline.C:
		case <-a.call.router.stopping:
		case <-ctx.Done():
		}
		cell.GiveUp(wait)
		switch {
		case ctx.Err() != nil:
			return cancelled(false)
		case !time.Now().Before(limits.deadline):
			return a.timedOut(false)
		default:
			return shuttingDown()
		}
	}
}

// leave counts the call out again, if it is in.
func (a *Attempt) leave() { a.inside.leave() }
