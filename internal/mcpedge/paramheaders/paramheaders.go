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

const (
	// maxSchema is the size in bytes of a schema that may ask for headers: it is decoded.
	maxSchema = 64 << 10
	// maxHeaders is how many it may ask for: each call looks for them.
	maxHeaders = 64
)

var annotation = []byte(`x-mcp-header`)

// In reports whether a definition, or a list of some, may ask for headers.
func In(definition json.RawMessage) bool { return bytes.Contains(definition, annotation) }

// Read reads what a definition asks for. ok is false if it does so wrongly, or is too
// large.
func Read(name string, definition json.RawMessage) (tool *mcp.Tool, ok bool) {
	tool = &mcp.Tool{Name: name, RawInputSchema: bytes.Clone(rawjson.Get(definition, "inputSchema"))}
	ok = len(tool.RawInputSchema) <= maxSchema && mcp.ValidateParamHeaderAnnotations(tool) == nil &&
		len(mcp.ExtractParamHeaderBindings(tool)) <= maxHeaders
	return tool, ok
}

// Few are the params with only the arguments that become headers: mcp-go
// decodes whatever it is given.
func Few(t *mcp.Tool, params json.RawMessage) json.RawMessage {
	few := map[string]any{}
	bound(t).find(rawjson.Get(params, "arguments"), func(path []string, value json.RawMessage) {
		if len(value) > MaxValue {
			return
		}
		into := few
		for _, name := range path[:len(path)-1] {
			inner, ok := into[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
				into[name] = inner
			}
			into = inner
		}
		into[path[len(path)-1]] = value
	})
	out, _ := json.Marshal(map[string]any{"arguments": few}) //nolint:errchkjson // Parts of valid JSON.
	return out
}

// Repeated returns a parameter of those that become headers that stands in the
// arguments twice, or nothing: readers differ in which of the two they take.
func Repeated(t *mcp.Tool, args json.RawMessage) string {
	return bound(t).find(args, func([]string, json.RawMessage) {})
}

// places are where in arguments parameters stand that become headers, so that one look
// at the arguments finds all.
type places struct {
	path  []string
	leaf  bool // one stands here
	below map[string]*places
}

func bound(t *mcp.Tool) *places {
	root := &places{}
	for _, binding := range mcp.ExtractParamHeaderBindings(t) {
		at := root
		for i, name := range binding.Path {
			if at.below == nil {
				at.below = map[string]*places{}
			}
			if at.below[name] == nil {
				at.below[name] = &places{path: binding.Path[:i+1]}
			}
			at = at.below[name]
		}
		at.leaf = true
	}
	return root
}

// find hands out the values in an object that stand in these places, the last one of
// a name, and returns one that is there twice, as readers of parameters name it.
func (p *places) find(object json.RawMessage, found func(path []string, value json.RawMessage)) (twice string) {
	if p.below == nil {
		return ""
	}
	values := map[*places]json.RawMessage{}
	rawjson.Each(object, func(key []byte, start, end int) {
		at := p.below[string(key)]
		if at == nil {
			return
		}
		if values[at] != nil {
			twice = strings.Join(at.path, ".")
		}
		values[at] = object[start:end]
	})
	for at, value := range values {
		if at.leaf {
			found(at.path, value)
		}
		if inner := at.find(value, found); inner != "" {
			twice = inner
		}
	}
	return twice
}
