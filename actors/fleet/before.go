package fleet

import (
	"context"
	"log/slog"
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
)

// predecessor is what may still run of a server that this node has claimed.
type predecessor struct {
	key, name string
	address   string // of the owner before, as far as that is known
}

// awaitEnd blocks until nothing of a server runs at another node, as far as those can be
// asked, or until this node has no tenure any more. The owner before may run it though
// its lease has ended, if somebody has revoked that; and each node may run its own, if
// that is what the configuration said a moment ago.
func (f *member) awaitEnd(p predecessor) {
	if f.cfg.Running == nil {
		return
	}
	begun, said := time.Now(), false
	for wait := askAgain; f.life.Err() == nil && f.cfg.Standing.Tenure() > 0; wait = min(2*wait, askSlowly) {
		at := f.runsElsewhere(p)
		if len(at) == 0 {
			return
		}
		if !said && time.Since(begun) > slowEnd {
			said = true
			f.cfg.Log.Warn("a server is not started here before its processes at other gateways have ended",
				slog.String("server", p.name), slog.Any("at", at))
		}
		pause(f.life, wait)
	}
}

// runsElsewhere asks all other nodes that live, and the owner before. It returns the
// addresses of those at which something runs, or may.
func (f *member) runsElsewhere(p predecessor) (at []string) {
	ctx, cancel := context.WithTimeout(f.life, askOwner)
	defer cancel()
	ask, generation := map[string]fleet.Node{}, f.cfg.Standing.Generation() // By now: it may be what changes while this waits.
	if p.address != "" && p.address != f.cfg.Node.Address {
		ask[p.address] = fleet.Node{Generation: generation}
	}
	for id, n := range f.cfg.Standing.View().Nodes {
		servesByOlder := n.Behind && n.Generation < generation // It goes on with its own copy.
		if id != f.cfg.Node.ID && !servesByOlder {
			ask[n.Address] = n
		}
	}
	answers := make(chan string, len(ask))
	for address, n := range ask {
		go func() { // Ends by its time.
			running, err := f.cfg.Running(ctx, address, p.key)
			if err != nil {
				running = n.Generation > 0 && n.Generation < generation // One without a configuration runs nothing.
			}
			if !running {
				address = ""
			}
			answers <- address
		}()
	}
	for range ask {
		if address := <-answers; address != "" {
			at = append(at, address)
		}
	}
	slices.Sort(at)
	return at
}
