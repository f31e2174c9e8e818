package relay

import (
	"encoding/json"
	"fmt"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/textcut"
)

// checkWeights refuses values that no server should be sent.
func (c *Call) checkWeights() error {
	for _, part := range []Member{
		{"args", c.Args},
		{"_meta", c.meta},
		{"capabilities", c.Sent.Capabilities},
		{"inputResponses", c.Sent.InputResponses},
		{"requestState", c.Sent.RequestState},
		{"task", c.Task},
	} {
		if err := checkWeight(part.Name, part.Value); err != nil {
			return err
		}
	}
	return nil
}

func checkWeight(name string, value json.RawMessage) error {
	limits := endpoint.Sendable
	switch excess, offset := limits.Exceeded(value); excess {
	case rawjson.Within:
		return nil
	case rawjson.TooDeep:
		return tooHeavy("There are more than %d levels of nesting in %s; it was not sent. Send a flatter value, or the deep part as a text.", limits.Depth, name)
	case rawjson.TooManyDigits:
		return tooHeavy("There is a number of more than %d digits at %s; it was not sent. Send a shorter one, or a text.", limits.Digits, place(name, value, offset))
	case rawjson.ExponentTooLarge:
		return tooHeavy("There is a number whose exponent is beyond %d at %s; it was not sent. Send a smaller one, or a text.", limits.Exponent, place(name, value, offset))
	case rawjson.BeyondFloat:
		return tooHeavy("There is a number that is too large for most programs, beyond 1.8e308, at %s; it was not sent. Send a smaller one, or a text.", place(name, value, offset))
	case rawjson.LoneSurrogate:
		return tooHeavy("There is half of a character, a lone surrogate such as \\ud83d, at %s, which many servers cannot read; it was not sent. "+
			"Send the whole character, or leave it out: a text may have been cut within an emoji.", place(name, value, offset))
	}
	return nil
}

const (
	// maxPlaceBytes limits what is said of the place where something stands.
	maxPlaceBytes = 256
	// maxSearched limits in what a place is looked for, which takes one pass for each level.
	maxSearched = 64 << 10
)

// place is the path to what stands at an offset of a value.
// In a large value it is the path to that.
func place(path string, value json.RawMessage, offset int) string {
	if len(value) > maxSearched {
		return path
	}
	return textcut.Marked(pathTo(path, value, offset), maxPlaceBytes)
}

func pathTo(path string, value json.RawMessage, offset int) string {
	switch first := rawjson.Space(value, 0); rawjson.First(value) {
	case '{':
		at, from, to := "a name in "+path, offset, offset
		rawjson.Each(value, func(key []byte, start, end int) {
			if start <= offset && offset < end {
				at, from, to = jsondoc.KeyPath(path, string(key)), start, end
			}
		})
		if from == to {
			return at
		}
		return pathTo(at, value[from:to], offset-from)
	case '[':
		at, from, to, i := path, 0, 0, 0
		rawjson.Array(value, first, 0, func(start int) int {
			end := rawjson.Skip(value, start, 1)
			if start <= offset && offset < end {
				at, from, to = jsondoc.IndexPath(path, i), start, end
			}
			i++
			return end
		})
		return pathTo(at, value[from:to], offset-from)
	default:
		return path
	}
}

func tooHeavy(format string, args ...any) error {
	return &front.Failure{Code: front.CodeInvalidArgument, Message: fmt.Sprintf(format, args...)}
}
