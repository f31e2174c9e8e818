package gate

import (
	"encoding/json"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/policy"
	"gatehouse/internal/rawjson"
)

// listRoom is how much of lists there is still room for in an answer.
type listRoom struct {
	pattern string
	tokens  int64
	bytes   int
	omitted int
}

// newListRoom reads the pattern of a method that lists something.
func newListRoom(args json.RawMessage) (*listRoom, error) {
	pattern, err := patternOf(orNull(rawjson.Get(args, "pattern")))
	if err != nil {
		return nil, invalid("The argument \"pattern\" %s.", err)
	}
	return &listRoom{pattern: pattern}, nil
}

// orNull is a value, or null in the place of none.
func orNull(v json.RawMessage) json.RawMessage {
	if v == nil {
		return json.RawMessage("null")
	}
	return v
}

// takes reports whether an item is asked for and there is room for it, and takes
// that. What is left out is counted.
func (r *listRoom) takes(item endpoint.Tool) bool {
	if r.pattern != "" && !policy.MatchPattern(r.pattern, item.Name) {
		return false
	}
	cost, size := tokens(item.Raw), inAnswer(item.Raw)
	if r.omitted > 0 || r.tokens+cost > defaultBudget || r.bytes+size > maxOwnBytes {
		r.omitted++
		return false
	}
	r.tokens += cost
	r.bytes += size
	return true
}
