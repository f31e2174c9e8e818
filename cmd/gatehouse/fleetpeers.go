package main

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// peerWatch looks at all other gateways of a fleet, now and then: whether they can be
// reached, and what their clocks say. Its methods may be called from any goroutine.
type peerWatch struct {
	self  string
	nodes func() map[string]fleet.Node
	ask   func(ctx context.Context, address string) (fleet.TenureAnswer, error)
	tell  func(unreached []string) // whom it cannot reach, if that has changed
	log   *slog.Logger

	mu    sync.Mutex
	peers map[string]peerSeen
	told  []string
}

// peerSeen is what is known of another gateway.
type peerSeen struct {
	missed int           // answers, one after the other
	off    time.Duration // how far its clock is ahead; 0 if it is as it should be
}

// missedBefore is how many answers may be missed before a gateway cannot be reached: one
// that was lost is no news for the whole fleet.
const missedBefore = 2

// run looks every now and then until ctx ends.
func (w *peerWatch) run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.look(ctx, every)
		case <-ctx.Done():
			return
		}
	}
}

// look asks all others, and blocks until they have answered or their time is over.
func (w *peerWatch) look(ctx context.Context, patience time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	nodes := maps.Clone(w.nodes())
	delete(nodes, w.self)
	var all sync.WaitGroup
	for id, n := range nodes {
		all.Go(func() {
			asked := time.Now()
			answer, err := w.ask(ctx, n.Address)
			w.note(id, err == nil, fleet.ClockOff(asked, time.Now(), answer.Now))
		})
	}
	all.Wait()
	if away, news := w.unreached(nodes); news {
		w.tell(away)
	}
}

// unreached forgets the gateways that are gone, and returns those that cannot be reached;
// news reports whether they are others than before.
func (w *peerWatch) unreached(nodes map[string]fleet.Node) (away []string, news bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.peers, func(id string, _ peerSeen) bool { _, lives := nodes[id]; return !lives })
	for id, p := range w.peers {
		if p.missed >= missedBefore {
			away = append(away, id)
		}
	}
	slices.Sort(away)
	news = !slices.Equal(away, w.told)
	w.told = away
	return away, news
}

// note takes in what became of a question.
func (w *peerWatch) note(id string, answered bool, off time.Duration) {
	if w.differs(id, answered, off) { // A slow log keeps nobody waiting for the mutex.
		w.log.Warn("the clocks of two gateways differ: holds with a time end at the wrong moment, and logs are out of order; have both set their clocks by the network",
			slog.String("node", id), slog.Duration("ahead", off.Round(time.Second)))
	}
}

// differs is note without its log. It reports whether the other's clock differs since this
// answer.
func (w *peerWatch) differs(id string, answered bool, off time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.peers == nil {
		w.peers = map[string]peerSeen{}
	}
	p := w.peers[id]
	if !answered {
		p.missed++
		w.peers[id] = p
		return false
	}
	w.peers[id] = peerSeen{off: off}
	return off != 0 && p.off == 0
}

// clocks are the gateways whose clocks differ, and how far they are ahead.
func (w *peerWatch) clocks() map[string]time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	off := map[string]time.Duration{}
	for id, p := range w.peers {
		if p.off != 0 {
			off[id] = p.off
		}
	}
	return off
}

// watchPeers makes what looks at the other gateways.
func (f *fleetSide) watchPeers() *peerWatch {
	return &peerWatch{
		self: f.node.ID, nodes: func() map[string]fleet.Node { return f.standing.View().Nodes }, ask: f.client.Tenure, log: f.log,
		tell: func(away []string) { f.send(f.pid, messages.PeersUnreached{Nodes: away}) },
	}
}
