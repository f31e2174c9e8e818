package fleet

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"gatehouse/internal/rawjson"
)

// Awaiting is a server that a node has claimed and does not start yet: something of it may
// still run at other nodes.
type Awaiting struct {
	Server string    `json:"server"` // as people know it: "files", "files[agent]"
	Since  time.Time `json:"since"`
	// At are the nodes that say something of it runs there, Unasked those that cannot be
	// asked and decide by an older generation. A node that has left is one of them by the
	// address that it had.
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

// WaitsIn undoes Waits. It leaves out what cannot be read.
func WaitsIn(text string) (all []Awaiting) {
	if text == "" || rawjson.Decode([]byte(text), &all) != nil {
		return nil
	}
	return all
}
