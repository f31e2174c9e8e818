package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/fleet"
)

// peersPatience is how long other gateways have to say whether they have tenure, and
// peersKept is how long that is good for: probes come often.
const (
	peersPatience = time.Second
	peersKept     = time.Second
)

// unready returns why this gateway should not be sent calls; empty if it should. It may
// ask other gateways, and blocks for two seconds at most.
func (f *fleetSide) unready() string {
	switch {
	case f == nil:
		return ""
	case f.leaving.Load():
		return "it leaves the fleet"
	case f.standing.Generation() == 0 && f.standing.View().Active != nil:
		return "it does not decide by the configuration of the fleet; if it cannot, its log says why"
	case f.standing.CannotFollow() != 0:
		return fmt.Sprintf("it cannot follow generation %d, by which the fleet decides: its log says why", f.standing.CannotFollow())
	case f.standing.Generation() == 0:
		return fmt.Sprintf("the fleet %q has no configuration yet: put one there with \"gatehouse apply --fleet %s --fleet-store ...\"", f.opts.name, f.opts.name)
	case f.standing.Tenure() > 0:
		return ""
	}
	switch fleet.Stand(f.heardPeers.get(peersKept, f.askPeers)) {
	case fleet.StoreDown:
		return ""
	case fleet.CutOff:
		return "it has lost the fleet's store, which others have"
	case fleet.Unclear:
	}
	return "it has lost the fleet's store, and not all others say whether they have too"
}

// askPeers asks all other gateways whether they have tenure.
func (f *fleetSide) askPeers() []fleet.Heard {
	ctx, cancel := context.WithTimeout(context.Background(), peersPatience)
	defer cancel()
	nodes := f.standing.View().Nodes
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(nodes)), func(id string) bool { return id == f.node.ID })
	heard := make([]fleet.Heard, len(ids))
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() {
			answer, err := f.client.Tenure(ctx, nodes[id].Address)
			heard[i] = fleet.Heard{Node: id, Answered: err == nil, Tenure: answer.Tenure}
		})
	}
	all.Wait()
	return heard
}

// stale returns what reports whether this gateway has been without contact to the
// store of its fleet for so long that it may not decide any more; nil without a fleet.
func (f *fleetSide) stale() func() bool {
	if f == nil {
		return nil
	}
	return func() bool { return f.standing.Silence() > f.opts.maxStale }
}
