package fleet

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Isolated returns the nodes that most of all nodes cannot reach though they live,
// sorted. If that is true of all, it is of none: somebody has to run what runs once.
func Isolated(nodes map[string]Node) []string {
	away := map[string]int{}
	for id, n := range nodes {
		for other := range strings.FieldsSeq(n.Unreached) {
			if _, lives := nodes[other]; lives && other != id {
				away[other]++
			}
		}
	}
	maps.DeleteFunc(away, func(_ string, by int) bool { return 2*by <= len(nodes) })
	if len(away) == len(nodes) {
		return nil
	}
	return slices.Sorted(maps.Keys(away))
}

// Unreached is what a Node says of the others that it cannot reach.
func Unreached(ids []string) string { return strings.Join(slices.Sorted(slices.Values(ids)), " ") }

// ClockTolerance is by how much clocks of two nodes may differ unsaid: what an operator
// holds for a time, and the order of logs, go by them.
const ClockTolerance = 5 * time.Second

// ClockOff returns how far another node's clock is ahead of this one's by an answer that
// has its time; negative is behind. It is 0 for what is tolerated, or may have been lost
// on the way there and back.
func ClockOff(asked, answered, theirs time.Time) time.Duration {
	if theirs.IsZero() {
		return 0 // It does not say.
	}
	way := answered.Sub(asked)
	off := theirs.Sub(asked.Add(way / 2))
	if off.Abs() <= ClockTolerance+way/2 {
		return 0
	}
	return off
}
