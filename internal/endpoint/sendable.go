package endpoint

import "gatehouse/internal/rawjson"

// Sendable bounds what an agent or its client says that reaches servers. Python ones
// die or hang over values that nest a thousand levels deep, others over numbers that
// take minutes to read, and many cannot read all that JSON allows: what all agents
// share must outlive what one of them sends.
var Sendable = rawjson.Limits{Depth: 64, Digits: 1000, Exponent: 1000}

// CanBeSent reports whether a value, nil for none, is within Sendable.
func CanBeSent(value []byte) bool {
	excess, _ := Sendable.Exceeded(value)
	return excess == rawjson.Within
}
