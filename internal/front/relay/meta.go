package relay

import (
	"encoding/json"
	"slices"
	"strings"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
)

// maxMetaBytes limits what of a call's _meta travels to its server.
const maxMetaBytes = 64 << 10

// hopKeys are the members of a request's _meta that the protocol has each hop
// set for itself.
var hopKeys = []string{
	"progressToken",
	"io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientInfo",
	"io.modelcontextprotocol/clientCapabilities", "io.modelcontextprotocol/logLevel",
}

// travellingMeta returns the members of a request's _meta that concern its
// server, as an object and value for value; nil if there are none. They may be
// refused, but are never left out in silence.
func travellingMeta(meta json.RawMessage) (json.RawMessage, error) {
	var out json.RawMessage
	rawjson.Each(meta, func(key []byte, start, end int) {
		if slices.Contains(hopKeys, string(key)) || strings.HasPrefix(string(key), endpoint.OwnMeta) || len(out) > maxMetaBytes {
			return
		}
		before := byte(',')
		if out == nil {
			before = '{'
		}
		out = append(rawjson.AppendString(append(out, before), string(key)), ':')
		out = append(out, meta[start:end]...)
	})
	if out == nil {
		return nil, nil
	}
	if out = append(out, '}'); len(out) > maxMetaBytes {
		return nil, &front.Failure{
			Code:    front.CodeInvalidArgument,
			Message: "The _meta of this call is larger than 65536 bytes; not run. Your MCP client must send less of it: tell the user.",
		}
	}
	return out, nil
}
