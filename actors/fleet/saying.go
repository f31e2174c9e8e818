package fleet

import (
	"context"
	"time"

	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// inForce has the others know by which generation this node decides.
func (f *member) inForce(m messages.InForce) {
	if f.told.Generation == 0 {
		return // It is not the fleet's: the gateway begins with an empty one.
	}
	f.cfg.Standing.force.Store(m.Generation)
	if m.Generation >= f.cfg.Standing.CannotFollow() { // Else it is from before that.
		f.cfg.Standing.lacks.Store(0)
		f.catchUp()
	}
	still := f.noteStill() // In one write with the generation: whoever reads that relies on it.
	if still || f.node.Generation != m.Generation {
		f.node.Generation = m.Generation
		f.putNode()
	}
}

// noteStill has this node say of which servers something runs here that others may claim:
// processes of its own, of a server that the fleet runs once by now, or what does not end.
// It reports whether that is news.
func (f *member) noteStill() (news bool) {
	var names []string
	if f.cfg.Once != nil {
		for _, key := range f.cfg.Once() {
			if f.owned[key] == nil {
				server, _ := fleet.SplitKey(key)
				names = append(names, server)
			}
		}
	}
	text := fleet.Names(names)
	news = text != f.node.Still
	f.node.Still = text
	return news
}

// stillOver has this node take back what it has said of that once it has ended.
func (f *member) stillOver() {
	if f.node.Still != "" && f.noteStill() {
		f.putNode()
	}
}

// putNode has the others know what this node says of itself.
func (f *member) putNode() { f.put(&f.saysNode, f.writeNode) }

func (f *member) writeNode() func(context.Context) error {
	if f.lease == 0 {
		return nil // It joins with that.
	}
	node, lease, store := f.node, f.lease, f.cfg.Store
	return func(ctx context.Context) error { return store.PutNode(ctx, node, lease) }
}

// saying is something that a node says of itself in the store. One write follows the
// other: two at once could leave the older one there.
type saying struct{ writing, again bool }

// said: a write of something that a node says was answered.
type said struct {
	what  *saying
	write func() func(context.Context) error
	err   error
}

// IgnoreDeadLetterLogging keeps late news of a stopped actor out of the log.
func (said) IgnoreDeadLetterLogging() {}

// put writes what a node says, as it is then, until the store has it or the lease is
// gone. write returns nil for nothing.
func (f *member) put(what *saying, write func() func(context.Context) error) {
	if what.writing {
		what.again = true
		return
	}
	do := write()
	if do == nil {
		return
	}
	what.writing, what.again = true, false
	f.ask(f.cfg.TTL, func(ctx context.Context) any {
		err := do(ctx)
		if err != nil && !lost(err) {
			pause(ctx, time.Second)
		}
		return said{what, write, err}
	})
}

func (f *member) said(m said) {
	m.what.writing = false
	if m.what.again || m.err != nil && !lost(m.err) {
		f.put(m.what, m.write)
	}
}
