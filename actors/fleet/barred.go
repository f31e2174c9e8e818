package fleet

import (
	"context"
	"slices"
	"time"

	"gatehouse/internal/fleet"
)

// A server that is barred here is one that this node cannot start: a variable is missing on
// this machine alone. It is never claimed here; calls go to the node that owns it.

const (
	// cannotSoon is how long what a node cannot start is gathered before others hear of
	// it: a configuration comes server by server.
	cannotSoon = 100 * time.Millisecond
	// wakeTries is how often other nodes are asked to claim a server for one call.
	wakeTries = 10
)

type (
	// cannotDue: others should hear what this node cannot start.
	cannotDue struct{}
	// awoken: the others were asked to claim a server.
	awoken struct{ key string }
)

// IgnoreDeadLetterLogging keeps late news of a stopped actor out of the log.
func (cannotDue) IgnoreDeadLetterLogging() {}
func (awoken) IgnoreDeadLetterLogging()    {}

// noteCannot has the others hear what this node cannot start, if that is news.
func (f *member) noteCannot() {
	if !f.noting && f.cannot() != f.node.Cannot {
		f.noting = true
		f.later(cannotSoon, cannotDue{})
	}
}

func (f *member) cannotDue() {
	f.noting = false
	if now := f.cannot(); now != f.node.Cannot {
		f.node.Cannot = now
		f.putNode()
	}
}

// cannot are the servers that this node cannot start, as it says of itself.
func (f *member) cannot() string {
	var names []string
	for key, w := range f.wants {
		if w.barred {
			name, _ := fleet.SplitKey(key)
			names = append(names, name)
		}
	}
	return fleet.Names(names)
}

// leaveToAble goes on with a server that nobody owns and that is barred here: whoever can
// start it claims it, a lazy one once it is asked to for a call.
func (f *member) leaveToAble(w *want) {
	f.tellOwner(w, fleet.Owner{})
	if !w.lazy || !w.awaited || w.waking || w.woken >= wakeTries || f.cfg.Wake == nil {
		return
	}
	var addresses []string
	for _, id := range f.able(w.key) {
		addresses = append(addresses, f.view.Nodes[id].Address)
	}
	if len(addresses) > 0 { // Whoever took it last, and has not claimed it, is asked last.
		at := w.woken % len(addresses)
		addresses = slices.Concat(addresses[at:], addresses[:at])
	}
	w.waking = true
	w.woken++
	key := w.key
	f.ask(f.cfg.TTL, func(ctx context.Context) any {
		for _, address := range addresses {
			if f.cfg.Wake(ctx, address, key) == nil {
				break
			}
		}
		pause(ctx, claimAgain) // Its claim is seen meanwhile.
		return awoken{key}
	})
}

// awoken asks once more if still nobody owns the server.
func (f *member) awoken(m awoken) {
	if w := f.wants[m.key]; w != nil && w.waking {
		w.waking = false
		f.settle(w)
	}
}

// able are the other nodes that may own a key, in the order of their claims.
func (f *member) able(key string) (ids []string) {
	for _, id := range fleet.Able(key, f.view.Nodes) {
		if id != f.node.ID {
			ids = append(ids, id)
		}
	}
	return ids
}

// nobodyCan reports whether nobody owns a key that is barred here, and nobody can. As long
// as this node does not see itself among the others it does not know.
func (f *member) nobodyCan(key string) bool {
	_, seen := f.view.Nodes[f.node.ID]
	_, owned := f.view.Owners[key]
	return seen && !owned && len(f.able(key)) == 0
}
