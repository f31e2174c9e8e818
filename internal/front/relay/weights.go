package relay

import (
	"encoding/json"
	"fmt"

	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
)

// sendable bounds the values of a call that reach a server. Python ones die or
// hang over values that nest a thousand levels deep, others over numbers that
// take minutes to read; what all agents share must outlive what one of them sends.
var sendable = rawjson.Limits{Depth: 64, Digits: 1000, Exponent: 1000}

// checkWeights refuses values that no server should be sent.
func (c *Call) checkWeights() error {
	for _, part := range []Member{
		{"args", c.Args}, {"_meta", c.meta}, {"capabilities", c.Sent.Capabilities}, {"inputResponses", c.Sent.InputResponses}, {"task", c.Task},
	} {
		if err := checkWeight(part.Name, part.Value); err != nil {
			return err
		}
	}
	return nil
}

func checkWeight(name string, value json.RawMessage) error {
	switch sendable.Exceeded(value) {
	case rawjson.Within:
		return nil
	case rawjson.TooDeep:
		return tooHeavy("The %s of this call are nested deeper than %d levels; not run. Send a flatter value, or the deep part as a text.", name, sendable.Depth)
	case rawjson.TooManyDigits:
		return tooHeavy("The %s of this call hold a number of more than %d digits; not run. Send a shorter one, or a text.", name, sendable.Digits)
	case rawjson.ExponentTooLarge:
		return tooHeavy("The %s of this call hold a number whose exponent is beyond %d; not run. Send a smaller one, or a text.", name, sendable.Exponent)
	}
	return nil
}

func tooHeavy(format string, args ...any) error {
	return &front.Failure{Code: front.CodeInvalidArgument, Message: fmt.Sprintf(format, args...)}
}
