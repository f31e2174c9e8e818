package fleet

import "time"

// TenureAnswer is what a gateway says to others of how it stands.
type TenureAnswer struct {
	Node string `json:"node"`
	// Tenure reports whether it may act on what it owns.
	Tenure bool `json:"tenure"`
	// Generation is that by which it decides.
	Generation uint64 `json:"generation"`
	// Now is the time by its clock.
	Now time.Time `json:"now,omitzero"`
}

// Heard is the answer of one peer to the question whether it has tenure.
type Heard struct {
	Node     string
	Answered bool
	Tenure   bool
}

// Standing says how a gateway stands that has no tenure itself.
type Standing int

// The standings. The zero value is that of a gateway that must not be sent calls.
const (
	// Unclear: not all peers have answered, so that nobody can tell.
	Unclear Standing = iota
	// CutOff: a peer has tenure, so it is this gateway alone that has lost the store.
	CutOff
	// StoreDown: no peer has tenure either. Whoever took all of them out of a balancer
	// would make an outage of the store one of the fleet.
	StoreDown
)

// Ready reports whether a gateway of that standing should be sent calls.
func (s Standing) Ready() bool { return s == StoreDown }

// Stand returns how a gateway without tenure stands by what its peers have answered.
// Without peers the store is down for all that there are.
func Stand(peers []Heard) Standing {
	standing := StoreDown
	for _, p := range peers {
		switch {
		case p.Answered && p.Tenure:
			return CutOff
		case !p.Answered:
			standing = Unclear
		}
	}
	return standing
}
