package admin

import (
	"context"
	"fmt"
	"net/http"

	"gatehouse/internal/plural"
)

// ApplyFleet is the action that puts a configuration into a fleet.
const ApplyFleet Action = "apply"

// ApplyQuery is a configuration for the whole fleet.
type ApplyQuery struct {
	Servers []byte `json:"servers"` // the bytes of both files
	Rules   []byte `json:"rules"`
	By      string `json:"by"` // for people
	// WaitMS is how long the replicas have to answer; 0 is 30 s.
	WaitMS int64    `json:"wait_ms,omitempty"`
	Skip   []string `json:"skip,omitempty"` // go on without these
}

// Outcome is what has become of a configuration.
type Outcome string

// The outcomes.
const (
	InForce    Outcome = "in force"    // on all replicas but those that were skipped
	Unchanged  Outcome = "unchanged"   // the fleet has it already
	Active     Outcome = "active"      // and a replica does not decide by it yet
	NotApplied Outcome = "not applied" // nothing has changed anywhere
	Unknown    Outcome = "unknown"     // the store has not said in time
)

// Applied is what has become of it, and what each replica has said.
type Applied struct {
	Outcome    Outcome `json:"outcome"`
	Generation uint64  `json:"generation,omitempty"`
	// Following is how many replicas decide by it.
	Following int          `json:"following,omitempty"`
	Replicas  []ReplicaSay `json:"replicas"`
	// Differences are variables that replicas resolve differently, one sentence each.
	Differences []string `json:"differences,omitempty"`
	Notes       []string `json:"notes,omitempty"`
	// Error is why it is not in force; empty if it is.
	Error string `json:"error,omitempty"`
}

// ReplicaSay is what one replica has said.
type ReplicaSay struct {
	Node     string   `json:"node"`
	Version  string   `json:"version"`
	Answer   string   `json:"answer"`
	Problems []string `json:"problems,omitempty"`
}

// String says in one sentence what has become of it.
func (a Applied) String() string {
	switch a.Outcome {
	case InForce:
		return fmt.Sprintf("generation %d is in force on %s", a.Generation, plural.Of(a.Following, "replica"))
	case Unchanged:
		return fmt.Sprintf("nothing to do: the fleet has these files already, as generation %d", a.Generation)
	case Active, NotApplied, Unknown:
	}
	return a.Error
}

// Apply puts a configuration into the fleet of the gateway.
func (c *Client) Apply(ctx context.Context, q ApplyQuery) (Applied, error) {
	var applied Applied
	err := c.ask(ctx, http.MethodPost, "/v1/fleet/apply", q, &applied)
	return applied, err
}

func (s *Server) apply(w http.ResponseWriter, r *http.Request) {
	var q ApplyQuery
	if err := body(w, r, &q); err != nil {
		reply(w, nil, err)
		return
	}
	applied, err := s.gw.Apply(r.Context(), q)
	reply(w, applied, err)
}
