package front

import (
	"context"
	"fmt"
	"time"

	"gatehouse/internal/endpoint"
)

// unblocked goes on unless the caller's calls have ended the server so often that
// this one is refused.
func (a *Attempt) unblocked(context.Context) error {
	guard := a.Route.Cell.Guard()
	if guard == nil {
		return nil
	}
	now := time.Now()
	if b := guard.Blocked(a.by(), now); b != nil {
		return blocked(a.Route.Entry.Name, b, Brief(a.Route.Redact.String(b.Reason)), now)
	}
	return nil
}

// by says who calls what, as the server's supervisor is told if the call ends the
// server. It goes into the log and the status, so what may be secret in a URI is
// left out, as a tool's arguments are.
func (a *Attempt) by() endpoint.Call {
	t := &a.call.Target
	name := t.Name
	if t.Kind.List == endpoint.Resources || t.Kind.List == endpoint.Templates {
		name = WithoutSecrets(name)
	}
	if name = Shown(name); t.Kind.List != endpoint.Tools {
		name = t.Kind.Noun + " " + name
	}
	return endpoint.Call{ID: a.call.ID(), Agent: a.Agent, Tool: name, Origin: a.owner().Who}
}

// inTurn waits for the call's turn, where calls of its origin run one at a time
// beside those of other suspects.
func (a *Attempt) inTurn(ctx context.Context) error {
	guard := a.Route.Cell.Guard()
	if guard == nil {
		return nil
	}
	now := time.Now()
	turn := guard.Turn(a.by(), now)
	if turn == nil {
		return nil
	}
	select {
	case turn <- struct{}{}:
		a.turn = turn
		return nil
	default:
	}
	a.call.granted.leave() // Nobody's drain waits for a call that waits.
	ends := time.NewTimer(guard.TrialEnds.Sub(now))
	defer ends.Stop()
	deadline := time.NewTimer(time.Until(a.call.limits.deadline))
	defer deadline.Stop()
	select {
	case turn <- struct{}{}:
		a.turn = turn
		return a.afterTurn(guard)
	case <-guard.Replaced():
		return errAgain
	case <-ends.C:
		return errAgain
	case <-a.Route.Cell.ClosedC():
		return a.closed(a.Route.Cell.Status())
	case <-deadline.C:
		return a.timedOut(false)
	case <-a.call.router.stopping:
		return shuttingDown()
	case <-ctx.Done():
		return cancelled(false)
	}
}

// afterTurn goes on with a call that has waited for its turn, if what it was
// decided by is still in force.
func (a *Attempt) afterTurn(guard *endpoint.Guard) error {
	if a.call.router.cfg.Store.Load() != a.Snapshot || a.Route.Cell.Guard() != guard {
		return errAgain
	}
	return nil
}

// passOn ends the call's turn, if it is its turn.
func (a *Attempt) passOn() {
	if a.turn != nil {
		<-a.turn
		a.turn = nil
	}
}

// blocked says which calls are refused, why and until when.
func blocked(server string, b *endpoint.Block, why string, now time.Time) *Failure {
	calls, rest := "Your calls", fmt.Sprintf("Tell the user; other servers work, and so does %q for others.", server)
	if b.Tool != "" {
		calls = fmt.Sprintf("Your calls of %q", b.Tool)
		rest = "Use other tools, or tell the user."
	}
	wait := retryAfter(b.Until, now, time.Second)
	return &Failure{
		Code: CodeBlocked, RetryAfterMS: wait,
		Message: fmt.Sprintf("%s ended %q %d times (%s), so they are refused for %d s more; not run. %s Don't repeat the call that did it.",
			calls, server, b.Crashes, why, (wait+999)/1000, rest),
	}
}
