package fleet

import (
	"log/slog"
	"slices"
	"strings"

	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// isolatedFor is for how many TTL a node goes on that most others cannot reach.
const isolatedFor = 10

// isolatedDue: this node has been isolated for long enough, unless it was not meanwhile.
type isolatedDue struct{ seq int }

// IgnoreDeadLetterLogging keeps a late timer out of the log.
func (isolatedDue) IgnoreDeadLetterLogging() {}

// isolation is how a node fares that most others cannot reach.
type isolation struct {
	now bool // most cannot reach it
	cut bool // and that for so long that it owns nothing any more
	seq int
}

// peersUnreached has the others know whom this node cannot reach.
func (f *member) peersUnreached(m messages.PeersUnreached) {
	if text := fleet.Unreached(m.Nodes); f.node.Unreached != text {
		f.node.Unreached = text
		f.putNode()
	}
}

// noteIsolation begins to wait where most others cannot reach this node, or claims again
// where they can.
func (f *member) noteIsolation() {
	now := slices.Contains(fleet.Isolated(f.view.Nodes), f.node.ID)
	if now == f.isolation.now {
		return
	}
	f.isolation.now = now
	f.isolation.seq++
	if now {
		f.later(isolatedFor*f.cfg.TTL, isolatedDue{f.isolation.seq})
		return
	}
	if f.isolation.cut {
		f.isolation.cut = false
		f.cfg.Log.Info("other gateways of the fleet reach this one again")
	}
}

// isolatedDue leaves all that this node owns to others: calls of most of them do not get
// here.
func (f *member) isolatedDue(m isolatedDue) {
	if !f.isolation.now || f.isolation.seq != m.seq {
		return
	}
	var by []string
	for id, n := range f.view.Nodes {
		if slices.Contains(strings.Fields(n.Unreached), f.node.ID) {
			by = append(by, id)
		}
	}
	slices.Sort(by)
	f.cfg.Log.Error("most gateways of the fleet cannot reach this one: its servers are left to others",
		slog.Any("by", by), slog.Duration("for", isolatedFor*f.cfg.TTL), slog.String("address", f.node.Address))
	f.isolation.cut = true
	f.bequeath()
	for _, o := range f.owned {
		f.giveUp(o, messages.OwnDrain)
	}
}
