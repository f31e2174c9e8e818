package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/endpoint"
)

// well is the Urgency of a server that does what it should.
const well = 5

// Urgency sorts servers: those that somebody must act on come first.
func (s ServerStatus) Urgency() int {
	switch endpoint.State(s.State) {
	case endpoint.Quarantined, endpoint.NeedsAuth, endpoint.Misconfigured:
		return 0
	case endpoint.BackingOff:
		return 1
	case endpoint.Starting, endpoint.Draining, endpoint.Stopped:
		return 2
	case endpoint.Held:
		return 3
	case endpoint.Ready:
		if len(s.Suspects) > 0 || len(s.Blocks) > 0 || s.NeedsLogin() || s.Place != "" {
			return 4
		}
		return well
	case endpoint.Idle:
		return 6
	case endpoint.Disabled:
		return 7
	}
	return 0 // A state that this program does not know.
}

// NeedsLogin reports whether a person has to log in, again or for more.
func (s ServerStatus) NeedsLogin() bool { return s.Auth != nil && s.Auth.State == NeedsLogin }

// Troubled reports whether somebody should look at a server.
func (s ServerStatus) Troubled() bool { return s.Urgency() < well }

// StatesOf counts servers by state, trouble first: "1 quarantined, 2 ready". It
// is empty if there are none.
func StatesOf(servers []ServerStatus) string {
	counts := map[string]int{}
	var states []string
	for _, s := range servers {
		if counts[s.State]++; counts[s.State] == 1 {
			states = append(states, s.State)
		}
	}
	slices.SortStableFunc(states, func(a, b string) int {
		return cmp.Compare(ServerStatus{State: a}.Urgency(), ServerStatus{State: b}.Urgency())
	})
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = fmt.Sprintf("%d %s", counts[s], s)
	}
	return strings.Join(words, ", ")
}
