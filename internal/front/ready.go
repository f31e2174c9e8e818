package front

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"gatehouse/internal/endpoint"
)

// ready goes on if the server takes calls now.
func (a *Attempt) ready(ctx context.Context) error {
	select {
	case <-a.call.router.stopping:
		return shuttingDown()
	default:
	}
	st := a.Route.Cell.Status()
	if err := a.inItsRun(st); err != nil {
		return err
	}
	if st.State != endpoint.Ready {
		return a.wait(ctx, st)
	}
	return nil
}

// wait returns errAgain when it is worth looking at the server again, or says
// why the call is refused: its time is up, the caller is gone, or the server's
// state will not change by itself soon.
func (a *Attempt) wait(ctx context.Context, st *endpoint.Status) error {
	a.call.enter(Waiting)
	a.call.granted.leave() // Nobody's drain waits for a call that waits.
	a.passOn()
	a.call.trouble = cmp.Or(st.Reason, a.call.trouble)
	switch st.State {
	case endpoint.Quarantined, endpoint.Misconfigured, endpoint.Disabled, endpoint.Held:
		return unavailable(a.Route, st)
	case endpoint.NeedsAuth:
		if !a.worthATry(st) {
			return unavailable(a.Route, st)
		}
		a.call.router.cfg.Wake(a.Route.Entry.Name, a.Route.Cell)
	case endpoint.Idle, endpoint.Starting, endpoint.BackingOff:
		// One that waits for its turn to start goes first now, and one that has
		// failed may be worth an earlier try.
		a.call.router.cfg.Wake(a.Route.Entry.Name, a.Route.Cell)
	case endpoint.Ready, endpoint.Draining, endpoint.Stopped:
	}
	limits := &a.call.limits
	patience := time.NewTimer(time.Until(limits.patience))
	defer patience.Stop()
	beat := time.NewTimer(limits.nextBeat(a.call.arrived))
	defer beat.Stop()
	for {
		select {
		case <-st.Replaced():
			return errAgain
		case <-a.Route.Cell.ClosedC():
			return a.closed(st)
		case <-patience.C:
			last := *st // While it is being tried again, what is wrong is what was wrong.
			last.Reason = a.call.trouble
			return unavailable(a.Route, &last)
		case <-a.call.router.stopping:
			return shuttingDown()
		case <-ctx.Done():
			return cancelled(false)
		case <-beat.C:
			a.call.beat("waiting for", a.Route.Entry.Name, a.Route.Cell.Status().State)
			beat.Reset(limits.nextBeat(a.call.arrived))
		}
	}
}

// worthATry reports whether a server that refused the gateway's credentials may
// be tried once more for this call: not if a run was refused since the call
// came.
func (a *Attempt) worthATry(st *endpoint.Status) bool {
	tried := &a.call.tried
	if tried.cell != a.Route.Cell {
		*tried = triedRun{a.Route.Cell, st.Run}
	}
	return !st.RetryAt.IsZero() && st.Run == tried.run
}

// triedRun is a run that had been refused before a call waited for another.
type triedRun struct {
	cell *endpoint.Cell
	run  uint64
}

// closed is for a cell that takes no more calls. Usually a newer snapshot
// exists by then; at shutdown there is not one.
func (a *Attempt) closed(st *endpoint.Status) error {
	select {
	case <-a.call.router.stopping:
		return shuttingDown() // The next gateway runs what this one says it has not.
	default:
	}
	now, ok := a.call.router.cfg.Store.Load().Route(a.Route.Entry.Name)
	if ok && now.Cell == a.Route.Cell {
		return unavailable(a.Route, st)
	}
	return errAgain
}

// beat tells a caller with a progress token that its call still waits. The
// steps are tiny, so that the server's own progress, which must only grow, can
// follow.
func (c *Call) beat(what, server string, state endpoint.State) {
	c.limits.beats++
	if c.Progress == nil {
		return
	}
	c.Progress(marshal(struct {
		Progress json.Number `json:"progress"`
		Message  string      `json:"message"`
	}{json.Number(strconv.FormatFloat(float64(c.limits.beats)*1e-6, 'f', 6, 64)), fmt.Sprintf("%s %q: %s", what, server, state)}))
}
