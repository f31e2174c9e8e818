package gate

import (
	"encoding/json"

	"gatehouse/internal/rawjson"
)

// sendable bounds the values of a call that reach a server. Python ones die or
// hang over values that nest a thousand levels deep, others over numbers that
// take minutes to read; what all agents share must outlive what one of them sends.
var sendable = rawjson.Limits{Depth: 64, Digits: 1000, Exponent: 1000}

// checkWeights refuses values that no server should be sent.
func (c *call) checkWeights() error {
	for _, part := range []struct {
		name  string
		value json.RawMessage
	}{
		{"args", c.args.args},
		{"_meta", c.meta},
		{"capabilities", c.sent.Capabilities},
		{"inputResponses", c.sent.InputResponses},
	} {
		switch sendable.Exceeded(part.value) {
		case rawjson.Within:
		case rawjson.TooDeep:
			return invalid("The %s of this call nest deeper than %d levels; not run. Send a flatter value, or the deep part as a text.", part.name, sendable.Depth)
		case rawjson.TooManyDigits:
			return invalid("The %s of this call hold a number of more than %d digits; not run. Send a shorter one, or a text.", part.name, sendable.Digits)
		case rawjson.ExponentTooLarge:
			return invalid("The %s of this call hold a number whose exponent is beyond %d; not run. Send a smaller one, or a text.", part.name, sendable.Exponent)
		}
	}
	return nil
}
