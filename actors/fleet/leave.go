package fleet

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

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
	for _, o := range f.owned {
		f.giveUp(o, m.Drain)
	}
	f.allReleased()
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
	f.tenure = f.tenure.Lost()
	f.cfg.Standing.stop.Store(0)
	f.hasLeft()
}

// hasLeft says so, once.
func (f *member) hasLeft() {
	if !f.left {
		f.left = true
		f.root.Send(f.leaver, messages.FleetLeft{})
	}
}
