package fleet

import (
	"context"
	"log/slog"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

const (
	// rankStep is how long a node waits with a claim for each that goes before it.
	rankStep = 150 * time.Millisecond
	// chosenStep is how long it waits where another one was chosen by an operator.
	chosenStep = 2 * time.Second
	// claimAgain is how long it waits after a claim that failed, or that somebody had
	// whom the view does not show.
	claimAgain = 500 * time.Millisecond
)

// want is a server that the supervisor wants to run somewhere.
type want struct {
	key     string
	name    string
	cell    *endpoint.Cell
	lazy    bool
	barred  bool // it cannot be started here
	awaited bool
	waking  bool   // another node is asked to claim it, for a call
	woken   int    // how often that was in vain
	absent  uint64 // numbers the times at which nobody owned it
	waiting *time.Timer
	yield   time.Time // until when others go first
	last    fleet.Owner
	told    messages.OwnedThere
	toldAny bool
}

// claimDue: it is this node's turn to claim.
type claimDue struct {
	key    string
	absent uint64
}

// claimed: a claim was answered.
type claimed struct {
	key   string
	lease fleet.Lease
	owner fleet.Owner
	won   bool
	err   error
}

// IgnoreDeadLetterLogging keeps late news of a stopped actor out of the log.
func (claimDue) IgnoreDeadLetterLogging() {}
func (claimed) IgnoreDeadLetterLogging()  {}

// want takes note of a server that is to run. What this node owns already it runs in
// the new cell at once: its entry has changed.
func (f *member) want(m messages.WantOwner) {
	w := &want{key: m.Key, name: m.Name, cell: m.Cell, lazy: m.Lazy, barred: m.Barred}
	if old := f.wants[m.Key]; old != nil {
		old.stopWaiting()
		w.absent, w.last = old.absent, old.last
	}
	f.wants[m.Key] = w
	f.noteCannot()
	if o := f.owned[m.Key]; o != nil && !o.leaving && !w.barred {
		o.cell = m.Cell
		f.publish(m.Key, o)
		f.tell(messages.OwnedHere{Key: m.Key, Cell: m.Cell, Epoch: o.epoch})
		return
	}
	f.settle(w)
}

// awaited claims a lazy server for a call.
func (f *member) awaited(m messages.Awaited) {
	if w := f.wants[m.Key]; w != nil && w.cell == m.Cell {
		w.awaited, w.woken = true, 0
		f.settle(w)
	}
}

func (f *member) unwanted(m messages.Unwanted) {
	if w := f.wants[m.Key]; w != nil && w.cell == m.Cell {
		w.stopWaiting()
		delete(f.wants, m.Key)
		f.noteCannot()
	}
}

// settle brings a server that is wanted in line with what is known: it is another
// node's, or is to be claimed.
func (f *member) settle(w *want) {
	owner, known := f.view.Owners[w.key]
	if o := f.owned[w.key]; o != nil {
		if f.disowns(f.view, w.key, o.epoch) && !o.leaving {
			f.disowned(o, w)
		}
		return
	}
	switch {
	case known && owner.Node != f.node.ID:
		w.last, w.awaited = owner, false
		w.stopWaiting()
		w.absent++
		f.tellOwner(w, owner)
	case known && owner.Boot != f.node.Boot:
		// An earlier process of this node: its lease is about to end.
	case w.barred:
		f.leaveToAble(w)
	default:
		f.tellOwner(w, fleet.Owner{})
		f.claimInTurn(w)
	}
}

// tellOwner tells the supervisor who owns a server, and how that fares, if that is news.
func (f *member) tellOwner(w *want, owner fleet.Owner) {
	m := messages.OwnedThere{Key: w.key, Cell: w.cell, Owner: owner, Nobody: w.barred && f.nobodyCan(w.key)}
	if r := f.view.Records[w.key]; owner.Node != "" && r.Epoch == owner.Epoch {
		m.Record = r
	} else if owner.Node != "" {
		m.Record.State = endpoint.Starting
	}
	switch {
	case !w.toldAny && owner.Node == "" && !m.Nobody:
		return // It begins with nobody.
	case w.toldAny && sameNews(w.told, m):
		return
	}
	w.told, w.toldAny = m, true
	f.tell(m)
}

// sameNews reports whether two messages tell a stand-in the same.
func sameNews(a, b messages.OwnedThere) bool {
	x, y := a.Record, b.Record
	return a.Owner == b.Owner && a.Nobody == b.Nobody && x.State == y.State && x.Run == y.Run && x.Catalog == y.Catalog && x.Reason == y.Reason &&
		x.RetryAt.Equal(y.RetryAt) && x.Restarts == y.Restarts && x.Opened == y.Opened
}

// claimInTurn has a server claimed that nobody owns, after those that go before this
// node.
func (f *member) claimInTurn(w *want) {
	if !f.mayClaim() || w.waiting != nil || f.claiming[w.key] || w.lazy && !w.awaited {
		return
	}
	rank, may := fleet.Rank(w.key, f.node.ID, f.view.Nodes)
	if !may {
		return // It is not seen yet, or leaves.
	}
	wait := max(time.Duration(rank)*rankStep, time.Until(w.yield))
	if next := f.view.Records[w.key].Next; next == f.node.ID {
		wait = 0
	} else if n, lives := f.view.Nodes[next]; lives && n.Can(w.key) {
		wait += chosenStep
	}
	w.absent++
	w.waiting = f.later(wait, claimDue{w.key, w.absent})
}

// mayClaim reports whether this node may own what it does not own yet.
func (f *member) mayClaim() bool {
	return f.lease != 0 && f.leaver == nil && f.node.Stays() && !f.isolation.cut && !f.unfit
}

// disowns reports whether a view is as new as a claim of this node and does not show it.
func (f *member) disowns(v fleet.View, key string, epoch int64) bool {
	owner, self := v.Owners[key], f.cfg.Node
	ours := owner.Epoch == epoch && owner.Node == self.ID && owner.Boot == self.Boot // Epochs begin again where a backup ends.
	return v.Revision >= epoch && !ours
}

// disowned leaves to others what the store does not know as this node's any more. A key that
// somebody has overwritten is still there, so nobody else can have it: that server alone
// moves, and its release removes the key.
func (f *member) disowned(o *ownership, w *want) {
	why, damaged := f.view.Damaged[fleet.OwnerKey(w.key)]
	if !damaged {
		f.lose("the fleet's store does not know it as the owner of " + w.name + " any more")
		return
	}
	f.cfg.Log.Error("what the fleet's store says of the owner of a server was overwritten by somebody: it is given up and claimed anew",
		slog.String("server", w.name), slog.String("key", fleet.OwnerKey(w.key)), slog.String("why", why))
	f.giveUp(o, messages.OwnDrain)
}

func (f *member) claimDue(m claimDue) {
	w := f.wants[m.key]
	if w == nil || w.absent != m.absent || f.claiming[m.key] || f.owned[m.key] != nil {
		return
	}
	w.waiting = nil
	if !f.mayClaim() || w.barred {
		return
	}
	if f.runs(w.key) || forAgent(w.key) && !f.mayInstance() { // What was there before still ends, or others have to.
		w.waiting = f.later(claimAgain, m)
		return
	}
	if c, void := f.view.Void[w.key]; void {
		f.removeVoid(w, c)
		return
	}
	f.claiming[w.key] = true
	self := fleet.Owner{Node: f.node.ID, Boot: f.node.Boot, Address: f.node.Address}
	lease, byLease, key := f.lease, f.byLease, w.key
	before := predecessor{key: key, name: w.name, node: w.last.Node, address: w.last.Address}
	if before.address == "" {
		before.node, before.address = f.view.Records[key].Node, f.view.Records[key].Address
	}
	f.ask(f.cfg.TTL, func(ctx context.Context) any {
		owner, won, err := f.cfg.Store.Claim(ctx, key, self, lease)
		if err == nil && won {
			before.epoch = owner.Epoch
			f.awaitEnd(byLease, before) // It may take longer than the claim.
		}
		return claimed{key, lease, owner, won, err}
	})
}

// claimed has a server run here that was won.
func (f *member) claimed(m claimed) {
	f.waitOver(m.key)
	delete(f.claiming, m.key)
	w := f.wants[m.key]
	switch {
	case m.lease != f.lease:
		if w != nil {
			f.settle(w)
		}
	case lost(m.err):
		f.lose("the fleet's store has ended this gateway's lease")
	case m.err != nil:
		f.cfg.Log.Debug("cannot claim a server", slog.String("key", m.key), slog.Any("err", m.err))
		if w != nil {
			w.absent++
			w.waiting = f.later(claimAgain, claimDue{w.key, w.absent})
		}
	case !m.won:
		if w != nil {
			if _, void := f.view.Void[m.key]; !void {
				w.last = m.owner // The view is about to say so.
			}
			w.yield = time.Now().Add(claimAgain)
			f.settle(w)
		}
	default:
		f.won(m, w)
	}
}

// won has a server run here, unless it is not wanted here by now.
func (f *member) won(m claimed, w *want) {
	_, damaged := f.view.Damaged[fleet.OwnerKey(m.key)] // Nobody else can have that: it is released.
	if !damaged && f.disowns(f.view, m.key, m.owner.Epoch) {
		f.overtaken(m, w)
		return
	}
	o := &ownership{key: m.key, epoch: m.owner.Epoch}
	f.owned[m.key] = o
	if w == nil || w.barred || damaged || !f.mayClaim() {
		o.leaving = true
		f.release(o)
		return
	}
	o.cell = w.cell
	w.awaited, w.toldAny, w.yield = false, false, time.Time{}
	f.publish(m.key, o)
	r := f.inherited(m.key)
	here := messages.OwnedHere{Key: m.key, Cell: w.cell, Epoch: o.epoch, Record: r}
	f.noteEra(w.cell, r)
	if r.Busy && r.Epoch != o.epoch {
		here.Died = r.Node
	}
	f.cfg.Log.Info("this gateway owns a server", slog.String("server", w.name), slog.Int64("epoch", o.epoch), slog.String("before", w.last.Node))
	f.tell(here)
}

// overtaken drops a claim that somebody has taken out of the store while it waited. Another
// node may have it by now. Nothing has run by it here, so nothing else is lost.
func (f *member) overtaken(m claimed, w *want) {
	f.cfg.Log.Warn("the fleet's store has lost that this gateway claimed a server while its claim waited: nothing was started",
		slog.String("key", m.key), slog.Int64("epoch", m.owner.Epoch))
	if w != nil {
		f.settle(w)
	}
}

// publish lets others see what this node owns.
func (f *member) publish(key string, o *ownership) {
	f.cfg.Standing.change(func(owned map[string]Holding) { owned[key] = Holding{o.epoch, o.cell} })
}

func (w *want) stopWaiting() {
	if w.waiting != nil {
		w.waiting.Stop()
		w.waiting = nil
	}
}

// forgetClaim makes what was known of claims void: they were by a lease that is over.
func (w *want) forgetClaim() {
	w.stopWaiting()
	w.absent++
	w.toldAny = false
}
