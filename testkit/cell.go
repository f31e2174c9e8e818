package testkit

import (
	"fmt"
	"slices"
	"time"

	"gatehouse/internal/endpoint"
)

// Publish brings a cell to the given status by the fewest steps, one at least,
// that the table of a server's life allows. It panics if there is no way.
func Publish(cell *endpoint.Cell, st endpoint.Status) {
	way := wayTo(cell.Status().State, st.State)
	if way == nil {
		panic(fmt.Sprintf("testkit: no way leads from %q to %q", cell.Status().State, st.State))
	}
	at := st.Since
	if at.IsZero() {
		at = time.Now()
	}
	for i, fact := range way {
		last := i == len(way)-1
		cell.Move(fact, at, func(next *endpoint.Status) {
			if last {
				next.Run, next.PID, next.Session = st.Run, st.PID, st.Session
				next.Reason, next.RetryAt, next.Restarts = st.Reason, st.RetryAt, st.Restarts
			}
		})
	}
}

// wayTo returns the facts of a shortest way of at least one step.
func wayTo(from, to endpoint.State) []endpoint.Fact {
	type place struct {
		state endpoint.State
		way   []endpoint.Fact
	}
	var seen []endpoint.State
	for queue := []place{{from, nil}}; len(queue) > 0; queue = queue[1:] {
		here := queue[0]
		for _, step := range endpoint.Life() {
			if !slices.Contains(step.From, here.state) || slices.Contains(seen, step.To) {
				continue
			}
			way := append(slices.Clone(here.way), step.Fact)
			if step.To == to {
				return way
			}
			seen = append(seen, step.To)
			queue = append(queue, place{step.To, way})
		}
	}
	return nil
}
