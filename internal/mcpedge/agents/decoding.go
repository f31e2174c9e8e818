package agents

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/rawjson"
)

// maxDecoded is the size in bytes of what is decoded of a message: all of it but
// the arguments of a call. Decoded it can take more than thirty times as much.
const maxDecoded = 64 << 10

// Of values beyond smallValue bytes so many are decoded at a time: the others
// wait, and nobody who decodes waits for anything.
const (
	smallValue = 1 << 10
	maxDecodes = 16
)

var decodes = make(chan struct{}, maxDecodes)

// decoding must be called before a value of that size is decoded, and what it
// returns when it is done with.
func decoding(size int) (done func()) {
	if size <= smallValue {
		return func() {}
	}
	decodes <- struct{}{}
	return func() { <-decodes }
}

// tooLong returns a failure if there is more to decode of a call than may be.
func (m message) tooLong() *rpcFailure {
	if m.method == string(mcp.MethodToolsCall) && len(rawjson.Get(m.params, "name")) > maxDecoded {
		return tooLong("params.name")
	}
	return m.meta.tooLong()
}

// tooLong returns a failure if one of the members that are read here is too large
// to be decoded.
func (m metaMembers) tooLong() *rpcFailure {
	for _, value := range []json.RawMessage{m.version, m.client, m.capabilities} {
		if len(value) > maxDecoded {
			return tooLong("params._meta")
		}
	}
	return nil
}

func tooLong(what string) *rpcFailure {
	verb := "is"
	if strings.HasSuffix(what, "params") {
		verb = "are"
	}
	return invalidParams(fmt.Sprintf("%s %s larger than %d bytes: only the arguments of a call may be", what, verb, maxDecoded))
}
