package agents

import (
	"bytes"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/rawjson"
)

// The members that decide what a request is. Names are exact.
var (
	paramNames = []string{
		"_meta", "name", "arguments", "inputResponses", "requestState", "protocolVersion", "capabilities", "clientInfo", "cursor", "requestId", "task",
	}
	metaNames = []string{"progressToken", mcp.MetaKeyProtocolVersion, mcp.MetaKeyClientInfo, mcp.MetaKeyClientCapabilities, metaLevel}
)

// capabilityNames are what a client may declare, and what of each decides
// something.
var capabilityNames = map[string][]string{
	"": {"roots", "sampling", "elicitation", "tasks", "extensions", "experimental"},

	"roots": {"listChanged"}, "sampling": {"tools", "context"}, "elicitation": {"form", "url"}, "tasks": {"list", "cancel", "requests"},
}

// ambiguousCapabilities reports whether the params of initialize declare
// something in two ways: gateway and server could differ in what the client may
// be asked for.
func ambiguousCapabilities(params []byte) bool {
	capabilities := rawjson.Get(params, "capabilities")
	for _, member := range capabilityNames[""] {
		if ambiguous(rawjson.Get(capabilities, member), capabilityNames[member]) {
			return true
		}
	}
	return ambiguous(capabilities, capabilityNames[""])
}

// ambiguous reports whether an object has one of these members twice, or one
// whose name differs from theirs in nothing but letter case: another reader may
// take the object for something else.
func ambiguous(object []byte, names []string) bool {
	seen, found := 0, false
	rawjson.Each(object, func(name []byte, _, _ int) {
		for i, known := range names {
			switch {
			case string(name) == known:
				found = found || seen&(1<<i) != 0
				seen |= 1 << i
			case bytes.EqualFold(name, []byte(known)):
				found = true
			}
		}
	})
	return found
}

func ambiguousMember(where string) *rpcFailure {
	return invalid(where + " has a member twice, or in another letter case: names are exact")
}
