package fleet

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

const (
	// joinAgain is how long it waits to try again to join, and joinTry how long a try may
	// take at most: whoever is back should not wait for long.
	joinAgain = 500 * time.Millisecond
	joinTry   = 2 * time.Second
	// tryAgain is how long it waits with a renewal after one that failed.
	tryAgain = 100 * time.Millisecond
)

func lost(err error) bool { return errors.Is(err, fleet.ErrLost) }

// pause blocks for a while, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (f *member) now() fleet.Instant { return f.cfg.Standing.now() }

// join asks for a lease.
func (f *member) join() {
	if f.lease != 0 || f.joining || f.ending || f.sweeping || f.left || f.unfit {
		return
	}
	f.joining = true
	node, previous, now := f.node, f.previous, f.now
	f.ask(min(f.cfg.TTL, joinTry), func(ctx context.Context) any {
		sent := now()
		l, granted, err := f.cfg.Store.Join(ctx, node, f.cfg.TTL, previous)
		if err == nil && f.cfg.Joined != nil {
			f.cfg.Joined(l)
		}
		if err == nil && f.cfg.Guard != nil {
			err = f.cfg.Guard(fleet.NewTenure(sent, sent, granted).Guard())
		}
		return joined{node, sent, l, granted, err}
	})
}

// awaitSweep has this node not end the lease of an earlier process of it before all is
// gone that runs by that.
func (f *member) awaitSweep() {
	if f.previous == 0 || f.cfg.Swept == nil {
		return
	}
	f.sweeping = true
	f.ask(f.takenPatience(), func(ctx context.Context) any {
		select {
		case <-f.cfg.Swept:
			return swept{in: true}
		case <-ctx.Done():
			return swept{}
		}
	})
}

func (f *member) swept(m swept) {
	f.sweeping = false
	if !m.in {
		f.previous = 0
		f.cfg.Log.Error("processes of servers that an earlier gateway left here do not end: its lease ends by itself, not before")
	}
	f.join()
}

// takenPatience is how long it waits for an earlier process of this node to be gone.
func (f *member) takenPatience() time.Duration { return 2*f.cfg.TTL + 2*time.Second }

// joined begins a tenure.
func (f *member) joined(m joined) {
	f.joining = false
	if m.lease != 0 {
		f.previous = m.lease
	}
	if f.left || f.unfit {
		f.revoke(m.lease)
		return
	}
	tenure := fleet.NewTenure(m.sent, f.now(), m.granted)
	switch {
	case errors.Is(m.err, fleet.ErrTaken):
		f.isTaken(m.err)
		return
	case m.err != nil:
		f.cfg.Log.Warn("cannot join the fleet, trying again", slog.Any("err", m.err))
		f.later(joinAgain, joinDue{})
		return
	case !tenure.Holds(f.now()):
		f.later(joinAgain, joinDue{}) // The answer came too late to be used.
		return
	}
	f.taken = 0
	f.lease, f.tenure = m.lease, tenure
	f.byLease, f.endLease = context.WithCancel(f.life)
	f.cfg.Log.Info("joined the fleet", slog.String("node", f.node.ID), slog.Duration("ttl", m.granted))
	f.hold(m.sent)
	f.putAck()
	if m.node != f.node {
		f.putNode() // It has something else to say by now.
	}
	f.tick()
	for _, w := range f.wants {
		f.settle(w)
	}
}

// hold lets others see until when this node may act.
func (f *member) hold(sent fleet.Instant) {
	f.cfg.Standing.contact(sent)
	f.cfg.Standing.stop.Store(int64(f.tenure.Stop()))
}

// isTaken waits for another process of this node's id to go: an earlier one of this
// node does, once its lease has ended.
func (f *member) isTaken(err error) {
	now := f.now()
	if f.taken == 0 {
		f.taken = now
		f.cfg.Log.Warn("another process of this node's id lives: waiting for it to go", slog.String("node", f.node.ID))
	}
	if now.Sub(f.taken) > f.takenPatience() {
		if f.cfg.Taken != nil {
			f.cfg.Taken(err)
		}
		return
	}
	f.later(joinAgain, joinDue{})
}

// tick does what the tenure asks for now.
func (f *member) tick() {
	if f.lease == 0 {
		return
	}
	now := f.now()
	act, next := f.tenure.Next(now)
	switch act {
	case fleet.StopOwned:
		f.lose("the fleet's store has not answered in time")
		return
	case fleet.RenewNow:
		f.renew()
	case fleet.Wait:
	}
	f.wakeAt(next)
}

// wakeAt has the tenure looked at again.
func (f *member) wakeAt(at fleet.Instant) {
	if f.ticker != nil {
		f.ticker.Stop()
	}
	f.ticker = f.later(max(0, at.Sub(f.now())), tickDue{})
}

// renew sends a renewal unless one is under way.
func (f *member) renew() {
	if f.renewing {
		return
	}
	f.renewing = true
	node, lease, tenure, now := f.node, f.lease, f.tenure, f.now
	f.ask(tenure.Left(now()), func(ctx context.Context) any {
		sent := now()
		err := f.cfg.Store.Renew(ctx, node, lease)
		if err == nil && f.cfg.Guard != nil {
			err = f.cfg.Guard(tenure.Renewed(sent, sent).Guard())
		}
		return renewed{lease, sent, err}
	})
}

// renewed goes on with a longer tenure, or tries again.
func (f *member) renewed(m renewed) {
	f.renewing = false
	if m.lease != f.lease {
		f.tick()
		return
	}
	switch {
	case lost(m.err):
		f.lose("the fleet's store has ended this gateway's lease")
		return
	case m.err != nil:
		f.cfg.Log.Debug("cannot renew the lease", slog.Any("err", m.err))
		f.wakeAt(min(f.now().Add(tryAgain), f.tenure.Stop()))
		return
	}
	f.tenure = f.tenure.Renewed(m.sent, f.now())
	if f.tenure.Holds(f.now()) {
		f.hold(m.sent)
	}
	f.noteStuck()
	f.stillOver()
	f.tick()
}

// lose ends all that runs by claims: others may claim it soon. The lease that was late
// once is never renewed again.
func (f *member) lose(why string) {
	if f.lease == 0 {
		return
	}
	f.cfg.Log.Warn("this gateway has lost what it owns in the fleet", slog.String("why", why), slog.Int("servers", len(f.owned)))
	f.previous, f.lease = f.lease, 0
	f.endLease()
	f.node.First = f.first
	f.tenure = f.tenure.Lost()
	f.cfg.Standing.stop.Store(0)
	f.cfg.Standing.change(func(owned map[string]Holding) { clear(owned) })
	for _, o := range f.owned {
		o.stopTimer()
	}
	clear(f.owned)
	for _, w := range f.wants {
		w.forgetClaim()
	}
	if f.supervisor == nil {
		f.join()
		return
	}
	f.ending = true
	f.losses++
	f.later(f.takenPatience(), endLate{f.losses})
	f.tell(messages.TenureLost{})
}

// endLate joins though something does not end that ran by a tenure which is over: by
// now others may have claimed all of it. What still runs here is not claimed here, and
// others that claim it wait for its end.
func (f *member) endLate(m endLate) {
	if !f.ending || m.losses != f.losses {
		return
	}
	stuck := f.stillRun()
	f.cfg.Standing.stuck.Store(&stuck)
	f.cfg.Log.Error("processes of servers do not end though they were killed: nobody runs these servers until they do. Look what keeps them, or restart the machine",
		slog.Any("servers", stuck))
	f.previous = 0 // It has ended by itself.
	f.noteStill()
	f.tenureLeft()
}

// noteStuck notes which of the processes that did not end have ended by now.
func (f *member) noteStuck() {
	if was := f.cfg.Standing.Stuck(); len(was) > 0 {
		stuck := slices.DeleteFunc(f.stillRun(), func(name string) bool { return !slices.Contains(was, name) })
		f.cfg.Standing.stuck.Store(&stuck)
	}
}

// stillRun are the servers of which something runs here though this node does not own them.
func (f *member) stillRun() (names []string) {
	for key, w := range f.wants {
		if f.owned[key] == nil && f.runs(key) {
			names = append(names, w.name)
		}
	}
	slices.Sort(names)
	return names
}

func (f *member) runs(key string) bool { return f.cfg.Runs != nil && f.cfg.Runs(key) }

// tenureLeft goes on once nothing runs any more by a tenure that is over: joining ends
// the old lease at once, so that others need not wait for its end.
func (f *member) tenureLeft() {
	f.noteStuck()
	if !f.ending {
		return
	}
	f.ending = false
	if f.leaver != nil {
		f.hasLeft()
		return
	}
	f.join()
}
