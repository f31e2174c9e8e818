package fleet

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// settledAfter is how long nobody has been started where nothing is being replaced.
const settledAfter = time.Hour

// leave ends all that this node owns, and then its lease.
func (f *member) leave(asker *actor.PID, m messages.LeaveFleet) {
	if f.leaver != nil {
		return
	}
	f.leaver, f.drain = asker, m.Drain
	f.node.Leaving = true
	for _, w := range f.wants {
		w.stopWaiting()
		w.absent++
	}
	if f.lease == 0 && !f.ending {
		f.hasLeft()
		return
	}
	f.putNode()
	f.bequeath()
	for _, o := range f.owned {
		f.giveUp(o, m.Drain)
	}
	f.allReleased()
}

// bequeath says who shall have what this node owns: an upgrade should move nothing
// twice. Whoever is called first has what is lazy.
func (f *member) bequeath() {
	var keys []string
	for key := range f.owned {
		if w := f.wants[key]; w != nil && !w.lazy {
			keys = append(keys, key)
		}
	}
	for key, heir := range fleet.Heirs(f.view, f.node.ID, keys, time.Since(f.started) > settledAfter) {
		if o := f.owned[key]; !o.leaving { // Else it moves already.
			o.next = heir
		}
	}
}

// noteStarts notes when a process was last started that is one of the fleet, and as what
// number this one was.
func (f *member) noteStarts(v fleet.View) {
	for id, n := range v.Nodes {
		if f.view.Nodes[id].Boot != n.Boot {
			f.started = time.Now()
		}
	}
	if f.first == 0 && v.Nodes[f.node.ID].Boot == f.node.Boot {
		f.first = v.Joined[f.node.ID]
	}
}

// fallBehind leaves all that this node owns to others: it cannot follow what is active, and those
// that can refuse what it decides.
func (f *member) fallBehind() {
	if f.node.Behind || f.leaver != nil {
		return
	}
	f.node.Behind = true
	for _, w := range f.wants {
		w.stopWaiting()
		w.absent++
	}
	f.putNode()
	f.bequeath()
	for _, o := range f.owned {
		f.giveUp(o, messages.OwnDrain)
	}
}

// catchUp has this node claim again: it follows.
func (f *member) catchUp() {
	if f.node.Behind {
		f.node.Behind = false
		f.cfg.Log.Info("this gateway follows what the fleet has agreed on again")
		f.putNode() // It claims once it sees itself as one that follows.
	}
}

// giveUp has the supervisor drain a server for another node.
func (f *member) giveUp(o *ownership, drain time.Duration) {
	if o.leaving {
		return
	}
	o.leaving = true
	f.tell(messages.GiveUp{Key: o.key, Cell: o.cell, Timeout: drain})
}

// move leaves a server to another node; an empty one is whoever comes first.
func (f *member) move(m messages.MoveServer) {
	for key, o := range f.owned {
		if server, _ := fleet.SplitKey(key); server == m.Server && m.Node != f.node.ID {
			o.next = m.Node
			f.giveUp(o, m.Drain)
		}
	}
}

// allReleased ends the lease of a node that leaves and owns nothing any more.
func (f *member) allReleased() {
	if f.leaver == nil || len(f.owned) > 0 || f.lease == 0 {
		return
	}
	f.revoke(f.lease)
}

// revoke ends a lease that nothing needs any more.
func (f *member) revoke(lease fleet.Lease) {
	f.ask(f.cfg.TTL, func(ctx context.Context) any {
		_ = f.cfg.Store.Revoke(ctx, lease) // Else it ends by itself.
		return revoked{lease}
	})
}

func (f *member) revoked() {
	f.lease = 0
	f.endLease()
	f.tenure = f.tenure.Lost()
	f.cfg.Standing.stop.Store(0)
	if f.leaver != nil {
		f.hasLeft()
	}
}

// hasLeft says so, once.
func (f *member) hasLeft() {
	if !f.left {
		f.left = true
		f.root.Send(f.leaver, messages.FleetLeft{})
	}
}
