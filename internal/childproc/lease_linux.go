package childproc

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// leasedVariable marks the processes of children that run by a lease. Its value is
// the instance: who is marked is found even if the guard was never told of it.
const leasedVariable = "GATEHOUSE_LEASED"

// leasedEntry returns the entry of the environment that marks a child that runs by a
// lease, or "" if it does not.
func (c Command) leasedEntry() string {
	if !c.Leased {
		return ""
	}
	at := slices.IndexFunc(c.Env, func(kv string) bool { return strings.HasPrefix(kv, InstanceVariable+"=") })
	if at < 0 {
		return ""
	}
	return leasedVariable + strings.TrimPrefix(c.Env[at], InstanceVariable)
}

const (
	// untilPatience is how long a guard may take to be told a moment. It is short:
	// a renewal waits for it.
	untilPatience = 100 * time.Millisecond
	// leasePatience is how long Lease waits at most.
	leasePatience = time.Second
)

// leaseWish is one call of Lease.
type leaseWish struct {
	until int64
	heard chan<- error // holds one
}

// Lease has the guard kill all children that run by a lease at a moment, in
// nanoseconds since the machine was started, unless it is told a later one before.
// It blocks for a moment. With an error no guard is known to have heard it: nothing
// that runs by a lease may go on then beyond the moment told before.
func (r *Reaper) Lease(until int64) error {
	heard := make(chan error, 1)
	timer := time.NewTimer(leasePatience)
	defer timer.Stop()
	select {
	case r.leases <- leaseWish{until, heard}:
	case <-r.ended:
		return errors.New("the gateway ends")
	case <-timer.C:
		return errLeaseLate
	}
	select {
	case err := <-heard:
		return err
	case <-r.ended:
		return errors.New("the gateway ends")
	case <-timer.C:
		return errLeaseLate
	}
}

var errLeaseLate = fmt.Errorf("the guard could not be told within %v until when servers may run", leasePatience)

// leased tells the guard a moment, another guard if this one has died or does not read.
func (r *Reaper) leased(until int64) error {
	if !r.opts.Guard {
		return errors.New("no guard runs that could end servers")
	}
	r.until = until
	if r.guard != nil && r.toldUntil() {
		return nil
	}
	r.replaceGuard()
	if r.guard == nil || !r.toldUntil() {
		return errors.New("no guard can be started that could end servers")
	}
	return nil
}

// toldUntil reports whether the guard takes what it is told: the groups, then the
// moment.
func (r *Reaper) toldUntil() bool {
	select {
	case <-r.guard.ended:
		return false
	default:
	}
	owned, _ := ownedChildren()
	r.guard.tell(owned)
	return r.until == 0 || r.guard.say(tellUntil(r.until), untilPatience) == nil
}

// replaceGuard starts another guard at once.
func (r *Reaper) replaceGuard() {
	if r.guard != nil {
		_ = r.guard.cmd.Process.Kill() // It may be gone already.
		closeAll(r.guard.pipe)
		r.guard = nil
		r.opts.Log.Warn("the guard of the gateway's processes does not listen and is replaced")
	}
	r.guardAt = time.Time{}
	r.startGuard()
}

// guardIsBack tells a guard that was started again what the one before knew.
func (r *Reaper) guardIsBack() {
	if r.guard != nil && r.until != 0 && !r.toldUntil() {
		r.opts.Log.Warn("the guard of the gateway's processes does not listen", slog.Int64("until", r.until))
	}
}
