package relay

import (
	"encoding/json"

	"gatehouse/internal/rawjson"
)

// servedCapabilities are the capabilities of a client of which the gate serves
// everything that may follow: a server asks for such input in the place of a
// result, and the question and its answer pass. Other extensions and what is
// not known here would leave a server waiting for requests that never come.
var servedCapabilities = []string{"elicitation", "roots", "sampling"}

// shownCapabilities are the capabilities of a caller as a server may see them:
// the served ones, value for value, and the extensions that are served where the
// call came in, an object; nil is none.
func shownCapabilities(capabilities, extensions json.RawMessage) json.RawMessage {
	if capabilities == nil {
		return nil
	}
	out := json.RawMessage("{")
	for _, key := range servedCapabilities {
		value := rawjson.Get(capabilities, key)
		if value == nil {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), key...), '"', ':')
		out = append(out, value...)
	}
	out = append(out, '}')
	if extensions != nil {
		out = rawjson.Set(out, "extensions", extensions)
	}
	return out
}
