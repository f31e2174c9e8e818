package fleet

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"gatehouse/internal/fleet"
)

const (
	// askOwner bounds the question to another node whether anything of a server runs
	// there, and askAgain is how long it waits with the next where that is so: each time
	// twice as long, up to askSlowly, as many servers may wait for one node.
	askOwner  = 300 * time.Millisecond
	askAgain  = 50 * time.Millisecond
	askSlowly = time.Second
	// slowEnd is after how long of that it is said.
	slowEnd = 5 * time.Second
	// waitsSoon is how long waits are gathered before others hear of them.
	waitsSoon = 500 * time.Millisecond
)

// predecessor is what may still run of a server that this node has claimed.
type predecessor struct {
	key, name string
	epoch     int64  // of the claim
	node      string // the owner before, as far as that is known
	address   string
}

// endAwaited: a server that was claimed waits for others, or for others than before.
type endAwaited struct {
	key   string
	epoch int64
	wait  fleet.Awaiting
}

// waitsDue: others should hear what waits.
type waitsDue struct{}

// IgnoreDeadLetterLogging keeps late news of a stopped actor out of the log.
func (endAwaited) IgnoreDeadLetterLogging() {}
func (waitsDue) IgnoreDeadLetterLogging()   {}

// awaitEnd blocks until nothing of a server runs at another node, as far as those can be
// asked, or until ctx, that of the lease it was claimed by, ends, its tenure does or the
// claim is gone from the store. The owner before may run it though its lease has ended, if somebody has revoked that; and
// each node may run its own, if that is what the configuration said a moment ago. A node
// that an operator has named is not waited for.
func (f *member) awaitEnd(ctx context.Context, p predecessor) {
	if f.cfg.Running == nil {
		return
	}
	despite := map[string]bool{}
	said := fleet.Awaiting{Server: p.name, Since: time.Now()}
	if forAgent(p.key) {
		said.Of, _ = fleet.SplitKey(p.key)
	}
	var memory fleet.WaitMemory
	holds := func() bool {
		return ctx.Err() == nil && f.cfg.Standing.Tenure() > 0 && !f.disowns(f.cfg.Standing.View(), p.key, p.epoch)
	}
	for wait := askAgain; holds(); wait = min(2*wait, askSlowly) {
		now := f.runsElsewhere(ctx, p)
		now.Server, now.Of, now.Since = said.Server, said.Of, said.Since
		f.noteDespite(p, despite)
		is := func(node string) bool { return despite[node] }
		now.At, now.Unasked = slices.DeleteFunc(now.At, is), slices.DeleteFunc(now.Unasked, is)
		if len(now.At)+len(now.Unasked) == 0 {
			return
		}
		lately := memory.See(now, time.Now())
		lately.At, lately.Unasked = slices.DeleteFunc(lately.At, is), slices.DeleteFunc(lately.Unasked, is)
		if time.Since(said.Since) > slowEnd && !lately.Same(said) {
			said = lately
			f.root.Send(f.self, endAwaited{p.key, p.epoch, lately})
		}
		pause(ctx, wait)
	}
}

// noteDespite adds the nodes that an operator does not want a claim to wait for. The store
// keeps such a wish for a while only.
func (f *member) noteDespite(p predecessor, nodes map[string]bool) {
	server, _ := fleet.SplitKey(p.key)
	for node, wish := range f.cfg.Standing.View().Despite(server, p.epoch) {
		if !nodes[node] {
			nodes[node] = true
			f.cfg.Log.Warn("an operator has a server not wait for its end at another gateway: if it still runs there, there are two copies",
				slog.String("server", p.name), slog.String("node", node), slog.String("by", wish.By))
		}
	}
}

// endAwaited has all see for whom a server waits.
func (f *member) endAwaited(m endAwaited) {
	f.cfg.Log.Warn("a server is not started here before its processes at other gateways have ended",
		slog.String("server", m.wait.Server), slog.Any("at", m.wait.At), slog.Any("unasked", m.wait.Unasked))
	f.waits[m.key] = m.wait
	f.sayWaits()
}

// waitOver forgets that a server waits.
func (f *member) waitOver(key string) {
	if _, waits := f.waits[key]; waits {
		delete(f.waits, key)
		f.sayWaits()
	}
}

// sayWaits has the others hear of it soon: many servers may wait for one node, and go on
// together.
func (f *member) sayWaits() {
	if !f.notingWaits {
		f.notingWaits = true
		f.later(waitsSoon, waitsDue{})
	}
}

func (f *member) waitsDue() {
	f.notingWaits = false
	if text := fleet.Waits(slices.Collect(maps.Values(f.waits))); text != f.node.Waits {
		f.node.Waits = text
		f.putNode()
	}
}

// runsElsewhere asks all other nodes that live, and the owner before. It returns those at
// which something runs, or may.
func (f *member) runsElsewhere(ctx context.Context, p predecessor) (w fleet.Awaiting) {
	ctx, cancel := context.WithTimeout(ctx, askOwner)
	defer cancel()
	ask, generation := map[string]fleet.Node{}, f.cfg.Standing.Generation() // By now: it may be what changes while this waits.
	if p.address != "" && p.address != f.cfg.Node.Address {
		ask[p.address] = fleet.Node{ID: cmp.Or(p.node, p.address), Generation: generation}
	}
	for id, n := range f.cfg.Standing.View().Nodes {
		servesByOlder := n.Behind && n.Generation < generation // It goes on with its own copy.
		if id != f.cfg.Node.ID && !servesByOlder {
			ask[n.Address] = n
		}
	}
	type answer struct {
		node             string
		running, unasked bool
	}
	answers := make(chan answer, len(ask))
	for address, n := range ask {
		go func() { // Ends by its time.
			running, err := f.cfg.Running(ctx, address, p.key)
			older := n.Generation > 0 && n.Generation < generation // One without a configuration runs nothing.
			answers <- answer{n.ID, running && err == nil || err != nil && n.StillRuns(p.key), err != nil && older}
		}()
	}
	for range ask {
		switch a := <-answers; {
		case a.running:
			w.At = append(w.At, a.node)
		case a.unasked:
			w.Unasked = append(w.Unasked, a.node)
		}
	}
	slices.Sort(w.At)
	slices.Sort(w.Unasked)
	return w
}
