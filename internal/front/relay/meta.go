package relay

import (
	"encoding/json"
	"slices"
	"strings"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/tracecontext"
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

// travel reads what of a request goes on to its server beside the arguments: the
// members of its _meta that concern the server, value for value, and its trace.
// They may be refused, but are never left out in silence, except for a trace that
// is too long (tracecontext.MaxBytes).
func (c *Call) travel() error {
	var out json.RawMessage
	var trace tracecontext.Incoming
	meta := c.Sent.Meta
	rawjson.Each(meta, func(key []byte, start, end int) {
		if slices.Contains(hopKeys, string(key)) || strings.HasPrefix(string(key), endpoint.OwnMeta) || len(out) > maxMetaBytes {
			return
		}
		if !trace.Member(key, meta[start:end]) {
			return
		}
		before := byte(',')
		if out == nil {
			before = '{'
		}
		out = append(rawjson.AppendString(append(out, before), string(key)), ':')
		out = append(out, meta[start:end]...)
	})
	if out != nil {
		out = append(out, '}')
	}
	if len(out) > maxMetaBytes {
		return &front.Failure{
			Code:    front.CodeInvalidArgument,
			Message: "The _meta of this call is larger than 65536 bytes; not run. Your MCP client must send less of it: tell the user.",
		}
	}
	var missing *tracecontext.Context
	c.trace, missing = trace.Context(c.Sent.Trace)
	c.meta = missing.AddTo(out)
	if c.trace != nil && c.trace.Parent != "" && c.Record.TraceID == "" {
		c.Record.TraceID, _, _ = tracecontext.Parts(c.trace.Parent)
	}
	return nil
}

// carried returns the _meta and the trace that the server is sent: those of the
// request, or if the call is followed those of its own span.
func (c *Call) carried() (json.RawMessage, *tracecontext.Context) {
	trace := c.Carry(c.trace)
	if trace == c.trace {
		return c.meta, trace
	}
	meta := c.meta
	if trace.State == "" && meta != nil {
		meta = rawjson.Delete(meta, tracecontext.KeyState) // It belongs to the parent that is replaced.
	}
	return trace.AddTo(meta), trace
}
