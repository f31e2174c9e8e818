package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/fleet"
	"gatehouse/internal/mcpedge/peer"
)

// status is what operators are told of the fleet; nil for a gateway of its own.
func (f *fleetSide) status(now time.Time) *admin.Fleet {
	if f == nil {
		return nil
	}
	all := fleetOf(f.opts.name, f.standing.View())
	s := &all
	s.Node, s.TenureMS, s.StoreSilentMS = f.node.ID, f.standing.Tenure().Milliseconds(), f.standing.Silence().Milliseconds()
	s.InForce, s.Leaving, s.Stuck = f.standing.Generation(), f.leaving.Load(), f.standing.Stuck()
	if f.creds != nil {
		ends := f.creds.Ends()
		days, _ := peer.DaysLeft(ends, now)
		s.CertificateDays, s.CertificateEnds = &days, &ends
	}
	for _, n := range s.Nodes {
		if why := f.client.Unreached(n.Address); why != "" {
			if s.Unreached == nil {
				s.Unreached = map[string]string{}
			}
			s.Unreached[n.ID] = why
		}
	}
	for id, off := range f.peers.clocks() {
		if s.ClocksMS == nil {
			s.ClocksMS = map[string]int64{}
		}
		s.ClocksMS[id] = off.Milliseconds()
	}
	return s
}

// fleetOf is what a view says of a fleet, without what one gateway of it knows.
func fleetOf(name string, v fleet.View) admin.Fleet {
	s := admin.Fleet{Name: name, Generation: v.Generation, Owners: map[string]string{}, Nodes: []admin.FleetNode{}, Damaged: v.Summary()}
	if v.Active != nil {
		s.AppliedBy, s.AppliedAt = v.Active.By, &v.Active.At
	}
	for _, id := range slices.Sorted(maps.Keys(v.Nodes)) {
		n := v.Nodes[id]
		s.Nodes = append(s.Nodes, admin.FleetNode{
			ID: n.ID, Address: n.Address, Version: n.Version, Since: n.Since, Generation: n.Generation, Leaving: n.Leaving, Behind: n.Behind,
			Unreached: strings.Fields(n.Unreached), Cannot: fleet.NamesIn(n.Cannot),
		})
		for _, w := range fleet.WaitsIn(n.Waits) {
			s.Waits = append(s.Waits, shownWait(id, w))
		}
	}
	for key, o := range v.Owners {
		server, agent := fleet.SplitKey(key)
		if agent != "" {
			server += "[" + agent + "]"
		}
		s.Owners[server] = o.Node
	}
	return s
}

// waitOf is why a server is not started that a gateway of the fleet has claimed; empty for
// all others. It takes the server as people know it.
func (f *fleetSide) waitOf(server string) string {
	if f == nil {
		return ""
	}
	if w, waits := f.standing.Wait(server); waits {
		return shownWait(w.Node, w.Awaiting).Reason()
	}
	return ""
}

func shownWait(node string, w fleet.Awaiting) admin.FleetWait {
	return admin.FleetWait{Node: node, Server: w.Server, Of: w.Of, Since: w.Since, At: w.At, Unasked: w.Unasked}
}
