// Package paramheaders is what both sides of the gateway know of parameters of tools
// that travel in HTTP headers as well: x-mcp-header in a tool's schema, of MCP
// 2026-07-28.
package paramheaders

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/rawjson"
)

// MaxValue is the longest value that is sent in a header, in bytes; servers refuse
// longer ones.
const MaxValue = 8 << 10

// maxSchema is the size in bytes of a schema that may ask for headers: it is decoded.
const maxSchema = 64 << 10

var annotation = []byte(`x-mcp-header`)

// In reports whether a definition, or a list of some, may ask for headers.
func In(definition json.RawMessage) bool { return bytes.Contains(definition, annotation) }

// Read reads what a definition asks for. ok is false if it does so wrongly, or is too
// large.
func Read(name string, definition json.RawMessage) (tool *mcp.Tool, ok bool) {
	tool = &mcp.Tool{Name: name, RawInputSchema: bytes.Clone(rawjson.Get(definition, "inputSchema"))}
	return tool, len(tool.RawInputSchema) <= maxSchema && mcp.ValidateParamHeaderAnnotations(tool) == nil
}

// Few are the params with only the arguments that become headers: mcp-go
// decodes whatever it is given.
func Few(t *mcp.Tool, params json.RawMessage) json.RawMessage {
	all := rawjson.Get(params, "arguments")
	few := map[string]any{}
	for _, binding := range mcp.ExtractParamHeaderBindings(t) {
		value, into := all, few
		for i, name := range binding.Path {
			if value = rawjson.Get(value, name); value == nil || i == len(binding.Path)-1 {
				break
			}
			inner, ok := into[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
				into[name] = inner
			}
			into = inner
		}
		if value != nil && len(value) <= MaxValue {
			into[binding.Path[len(binding.Path)-1]] = value
		}
	}
	out, _ := json.Marshal(map[string]any{"arguments": few}) //nolint:errchkjson // Parts of valid JSON.
	return out
}

// Repeated returns a parameter of those that become headers that stands in the
// arguments twice, or nothing: readers differ in which of the two they take.
func Repeated(t *mcp.Tool, args json.RawMessage) string {
	for _, binding := range mcp.ExtractParamHeaderBindings(t) {
		value := args
		for _, name := range binding.Path {
			times := 0
			var inner json.RawMessage
			rawjson.Each(value, func(key []byte, start, end int) {
				if string(key) == name {
					times++
					inner = value[start:end]
				}
			})
			if times > 1 {
				return strings.Join(binding.Path, ".")
			}
			value = inner
		}
	}
	return ""
}
