package servers

import (
	"bytes"
	"encoding/json"
	"maps"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/rawjson"
)

// paramHeaders are the tools of a url server of 2026-07-28 that want some of
// their parameters in HTTP headers as well: x-mcp-header in their schemas.
type paramHeaders struct {
	mu    sync.RWMutex
	tools map[string]*mcp.Tool
}

// maxHeaderValue is the longest value that is sent in a header; servers refuse
// longer ones.
const maxHeaderValue = 8 << 10

var headerAnnotation = []byte(`x-mcp-header`)

// learn reads a page of tools/list, and returns it without the tools whose
// annotations are wrong: the revision demands that of clients over HTTP. Every
// other page stays as it is.
func (p *paramHeaders) learn(page json.RawMessage) json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tools) == 0 && !bytes.Contains(page, headerAnnotation) {
		return page
	}
	var all []json.RawMessage
	_ = rawjson.Decode(rawjson.Get(page, "tools"), &all) // The list's reader says what is wrong with it.
	next := maps.Clone(p.tools)
	if next == nil || len(next) > maxTools {
		next = make(map[string]*mcp.Tool)
	}
	kept := make([]json.RawMessage, 0, len(all))
	for _, raw := range all {
		name := rawjson.Text(rawjson.Get(raw, "name"))
		delete(next, name)
		if bytes.Contains(raw, headerAnnotation) {
			tool := &mcp.Tool{Name: name, RawInputSchema: rawjson.Get(raw, "inputSchema")}
			if mcp.ValidateParamHeaderAnnotations(tool) != nil {
				continue
			}
			next[name] = tool
		}
		kept = append(kept, raw)
	}
	p.tools = next
	if len(kept) == len(all) {
		return page
	}
	list := append(append([]byte{'['}, bytes.Join(raws(kept), []byte{','})...), ']')
	return rawjson.Set(page, "tools", list)
}

// of returns the headers for a call with these params.
func (p *paramHeaders) of(tool string, params json.RawMessage) map[string]string {
	p.mu.RLock()
	t := p.tools[tool]
	p.mu.RUnlock()
	if t == nil {
		return nil
	}
	headers := mcp.GenerateParamHeaders(t, params)
	maps.DeleteFunc(headers, func(_, value string) bool { return len(value) > maxHeaderValue })
	return headers
}

func raws(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i, raw := range list {
		out[i] = raw
	}
	return out
}
