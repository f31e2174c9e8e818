package main

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/admin"
	"gatehouse/internal/fleet"
	"gatehouse/internal/plural"
)

// nobodyStarts are the servers that no gateway which stays in a fleet can start, sorted. A
// server that one cannot start and another can is as an operator may want it: the one has a
// stand-in for it. Gateways that list no more of them count as ones that can.
func nobodyStarts(f admin.Fleet) []string {
	cannot, stay := map[string]int{}, 0
	for _, n := range f.Nodes {
		if n.Leaving || n.Behind {
			continue
		}
		stay++
		for _, server := range n.Cannot {
			cannot[server]++
		}
	}
	var nobody []string
	for server, n := range cannot {
		if n == stay && server != fleet.More {
			nobody = append(nobody, server)
		}
	}
	slices.Sort(nobody)
	return nobody
}

// fleetIsWell reports whether nothing about a fleet needs an operator.
func fleetIsWell(f admin.Fleet) bool {
	if len(nobodyStarts(f)) > 0 {
		return false
	}
	f.Nodes = slices.Clone(f.Nodes)
	for i := range f.Nodes {
		f.Nodes[i].Cannot = nil
	}
	return f.Well()
}

// maxShownServers is how many servers a line for people names.
const maxShownServers = 20

// nobodyText says which servers nobody can start; it is empty without any.
func nobodyText(f admin.Fleet) string {
	nobody := nobodyStarts(f)
	if len(nobody) == 0 {
		return ""
	}
	more := ""
	if n := len(nobody) - maxShownServers; n > 0 {
		nobody, more = nobody[:maxShownServers], " and "+plural.Of(n, "other server")
	}
	return fmt.Sprintf("no gateway can start %s%s: \"gatehouse status\" at each says why", line(strings.Join(nobody, ", ")), more)
}
