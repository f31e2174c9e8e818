package fleet

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/rawjson"
)

// Awaiting is a server that a node has claimed and does not start yet: something of it may
// still run at other nodes.
type Awaiting struct {
	Server string `json:"server"` // as people know it: "files", "files[agent]"
	// Of is the server's own name where an agent's instance of it waits; empty for a server.
	Of    string    `json:"of,omitempty"`
	Since time.Time `json:"since"`
	// At are the nodes that say that something of it runs there, when asked or in the store;
	// Unasked those that cannot be asked and decide by an older generation. A node that has
	// left is one of them by the address that it had.
	At      []string `json:"at,omitempty"`
	Unasked []string `json:"unasked,omitempty"`
}

// For reports whether the wait is for that node.
func (w Awaiting) For(node string) bool {
	return slices.Contains(w.At, node) || slices.Contains(w.Unasked, node)
}

// Same reports whether two waits of one server are for the same nodes.
func (w Awaiting) Same(o Awaiting) bool {
	return slices.Equal(w.At, o.At) && slices.Equal(w.Unasked, o.Unasked)
}

// maxWaits is how many waits a node tells of itself.
const maxWaits = 100

// Waits is how waits stand in the record of a node, the longest first, and no more than
// anybody reads.
func Waits(all []Awaiting) string {
	if len(all) == 0 {
		return ""
	}
	all = slices.SortedFunc(slices.Values(all), func(a, b Awaiting) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Server, b.Server))
	})
	text, err := json.Marshal(all[:min(len(all), maxWaits)])
	if err != nil {
		return "" // A time that no clock shows.
	}
	return string(text)
}

// WaitsIn undoes Waits. It leaves out what cannot be read. Gateways of older versions do not
// say of which server an instance is: it is what stands before the bracket, as no server has
// one in its name.
func WaitsIn(text string) (all []Awaiting) {
	if text == "" || rawjson.Decode([]byte(text), &all) != nil {
		return nil
	}
	for i, w := range all {
		if of, _, instance := strings.Cut(w.Server, "["); instance && w.Of == "" {
			all[i].Of = of
		}
	}
	return all
}

// waitMemory is for how long a wait is told of for a node that was a reason for it.
const waitMemory = 30 * time.Second

// WaitMemory makes one wait of what is seen of it at each look. A node that answers now and
// then is one that it is for: else the wait changed at each look, and a write told the fleet
// of each change. The zero value has seen nothing.
type WaitMemory struct{ at, unasked map[string]time.Time }

// See returns the wait for all nodes that it was for of late.
func (m *WaitMemory) See(w Awaiting, now time.Time) Awaiting {
	w.At = see(&m.at, w.At, now)
	running := func(node string) bool { return slices.Contains(w.At, node) }
	w.Unasked = slices.DeleteFunc(see(&m.unasked, w.Unasked, now), running)
	return w
}

// see notes nodes, and returns those that were noted of late, sorted.
func see(last *map[string]time.Time, nodes []string, now time.Time) []string {
	if *last == nil {
		*last = map[string]time.Time{}
	}
	for _, n := range nodes {
		(*last)[n] = now
	}
	maps.DeleteFunc(*last, func(_ string, at time.Time) bool { return now.Sub(at) >= waitMemory })
	return slices.Sorted(maps.Keys(*last))
}

// WaitsOf are the waits of all nodes of a view, by the server as people know it.
func (v View) WaitsOf() map[string]NodeWait {
	all := map[string]NodeWait{}
	for _, id := range slices.Sorted(maps.Keys(v.Nodes)) {
		for _, w := range WaitsIn(v.Nodes[id].Waits) {
			if _, known := all[w.Server]; !known {
				all[w.Server] = NodeWait{id, w}
			}
		}
	}
	return all
}

// NodeWait is a wait of a node.
type NodeWait struct {
	Node string
	Awaiting
}
