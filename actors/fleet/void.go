package fleet

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"gatehouse/internal/fleet"
)

// voidSeen is a void claim, and since when this node sees it.
type voidSeen struct {
	claim fleet.VoidClaim
	since fleet.Instant
	by    []string // of whom it was said that they keep it
}

// voidLooked: it was found out whose claim it may have been. Without by it is removed.
type voidLooked struct {
	key   string
	claim fleet.VoidClaim
	by    []string
	err   error
}

// IgnoreDeadLetterLogging keeps late news of a stopped actor out of the log.
func (voidLooked) IgnoreDeadLetterLogging() {}

// noteVoids notes since when void claims are there.
func (f *member) noteVoids() {
	for key, c := range f.view.Void {
		if was, known := f.voids[key]; !known || was.claim != c {
			f.voids[key] = voidSeen{claim: c, since: f.now()}
		}
	}
	maps.DeleteFunc(f.voids, func(key string, _ voidSeen) bool { _, there := f.view.Void[key]; return !there })
}

// removeVoid removes a void claim, as it keeps a server from running: it has
// no lease that could end. If a node that lives has made it, that gives it up once it sees
// what has become of it, and removes it itself; so that is left the time, and whoever may have
// made it is asked whether it has anything to give up still.
func (f *member) removeVoid(w *want, c fleet.VoidClaim) {
	if f.now().Sub(f.voids[w.key].since) < f.takenPatience() {
		w.waiting = f.later(claimAgain, claimDue{w.key, w.absent})
		return
	}
	f.claiming[w.key] = true
	key := w.key
	f.ask(f.cfg.TTL, func(ctx context.Context) any {
		m := voidLooked{key: key, claim: c, by: f.mayHold(ctx, key, c)}
		if len(m.by) == 0 {
			m.err = f.cfg.Store.RemoveVoid(ctx, key, c)
		}
		return m
	})
}

// voidLooked has the server claimed as any other, or looked again.
func (f *member) voidLooked(m voidLooked) {
	delete(f.claiming, m.key)
	seen := f.voids[m.key]
	switch {
	case m.err != nil:
		f.cfg.Log.Debug("cannot remove a claim", slog.String("key", fleet.OwnerKey(m.key)), slog.Any("err", m.err))
	case len(m.by) == 0:
		f.cfg.Log.Warn("a void claim was removed: the server is claimed anew", slog.String("key", fleet.OwnerKey(m.key)))
	case seen.claim == m.claim && !slices.Equal(seen.by, m.by):
		f.cfg.Log.Warn("a void claim keeps a server from running: it may be that of a gateway that still runs the server, or cannot be asked",
			slog.String("key", fleet.OwnerKey(m.key)), slog.Any("gateways", m.by))
		seen.by = m.by
		f.voids[m.key] = seen
	}
	if w := f.wants[m.key]; w != nil && f.owned[m.key] == nil && (!w.lazy || w.awaited) {
		w.stopWaiting()
		w.absent++
		w.waiting = f.later(claimAgain, claimDue{w.key, w.absent})
	}
}

// mayHold returns the other nodes that live, may have made a claim before it was overwritten,
// and do not say that nothing of the server runs there. Who has joined later has not: its
// claims are by another lease. Unlike at a claim, silence counts for nothing: no lease says
// when such a node has to have ended what it runs.
func (f *member) mayHold(ctx context.Context, key string, c fleet.VoidClaim) (by []string) {
	ctx, cancel := context.WithTimeout(ctx, askOwner)
	defer cancel()
	v := f.cfg.Standing.View()
	answers := make(chan string, len(v.Nodes))
	for id, n := range v.Nodes {
		go func() { // Ends by its time.
			if id == f.cfg.Node.ID || v.Joined[id] > c.Created || f.endedThere(ctx, n.Address, key) {
				id = ""
			}
			answers <- id
		}()
	}
	for range v.Nodes {
		if id := <-answers; id != "" {
			by = append(by, id)
		}
	}
	slices.Sort(by)
	return by
}

// endedThere reports whether another node says that nothing of a key runs there.
func (f *member) endedThere(ctx context.Context, address, key string) bool {
	if f.cfg.Running == nil {
		return false
	}
	running, err := f.cfg.Running(ctx, address, key)
	return err == nil && !running
}
