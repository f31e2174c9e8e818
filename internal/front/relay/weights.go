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
		return tooHeavy("The %s of this call are nested deeper than %d levels; not run. Send a flatter value, or the deep part as a text.", name, limits.Depth)
	case rawjson.TooManyDigits:
		return tooHeavy("The %s of this call hold a number of more than %d digits (%s); not run. Send a shorter one, or a text.", name, limits.Digits, place(name, value, offset))
	case rawjson.ExponentTooLarge:
		return tooHeavy("The %s of this call hold a number whose exponent is beyond %d (%s); not run. Send a smaller one, or a text.", name, limits.Exponent, place(name, value, offset))
	case rawjson.BeyondFloat:
		return tooHeavy("The %s of this call hold a number that is too large for most programs, beyond 1.8e308 (%s); not run. Send a smaller one, or a text.", name, place(name, value, offset))
	case rawjson.LoneSurrogate:
		return tooHeavy("The %s of this call hold half of a character, a lone surrogate such as \\ud83d (%s), which many servers cannot read; not run. "+
			"Send the whole character, or leave it out: a text may have been cut within an emoji.", name, place(name, value, offset))
	}
	return nil
}

// maxPlaceBytes limits what is said of the place where something stands.
const maxPlaceBytes = 256

// place is the path to what stands at an offset of a value.
func place(path string, value json.RawMessage, offset int) string {
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
