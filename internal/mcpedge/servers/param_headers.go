package servers

import (
	"encoding/json"
	"maps"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/mcpedge/paramheaders"
	"gatehouse/internal/rawjson"
)

// paramHeaders are the tools of a url server of 2026-07-28 that want some of
// their parameters in HTTP headers as well: x-mcp-header in their schemas.
type paramHeaders struct {
	mu    sync.RWMutex
	tools map[string]*mcp.Tool
}

// learn reads a page of tools/list, and returns it without the tools whose
// annotations are wrong: the revision demands that of clients over HTTP. Every
// other page stays as it is.
func (p *paramHeaders) learn(page json.RawMessage) json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tools) == 0 && !paramheaders.In(page) {
		return page
	}
	next := maps.Clone(p.tools)
	if next == nil || len(next) > maxTools {
		next = make(map[string]*mcp.Tool)
	}
	list := rawjson.Get(page, "tools")
	kept, all, n := []byte{'['}, true, 0
	rawjson.Array(list, rawjson.Space(list, 0), 0, func(i int) int { // The list's reader says what is wrong with it.
		end := rawjson.Skip(list, i, 1)
		if n++; end < 0 || n > maxTools+1 {
			return -1
		}
		if !learnTool(next, list[i:end]) {
			all = false
			return end
		}
		if len(kept) > 1 {
			kept = append(kept, ',')
		}
		kept = append(kept, list[i:end]...)
		return end
	})
	p.tools = next
	if all {
		return page
	}
	return rawjson.Set(page, "tools", append(kept, ']'))
}

// learnTool notes a definition that asks for headers, and reports whether it does
// so rightly or not at all.
func learnTool(tools map[string]*mcp.Tool, definition json.RawMessage) bool {
	name := rawjson.Text(rawjson.Get(definition, "name"))
	delete(tools, name)
	if !paramheaders.In(definition) {
		return true
	}
	tool, ok := paramheaders.Read(name, definition)
	if !ok {
		return false
	}
	tools[name] = tool
	return true
}

// of returns the headers for a call with these params.
func (p *paramHeaders) of(tool string, params json.RawMessage) map[string]string {
	p.mu.RLock()
	t := p.tools[tool]
	p.mu.RUnlock()
	if t == nil {
		return nil
	}
	headers := mcp.GenerateParamHeaders(t, paramheaders.Few(t, params))
	maps.DeleteFunc(headers, func(_, value string) bool { return len(value) > paramheaders.MaxValue })
	return headers
}
