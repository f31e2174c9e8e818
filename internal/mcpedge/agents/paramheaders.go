package agents

import (
	"encoding/json"
	"net/http"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/mcpedge/paramheaders"
)

// definer is a Surface, or a ToolHandler, that knows the definitions of tools of servers.
type definer interface {
	// Definition is that of a tool that a caller may use, by the name under which it is
	// shown; nil if it is not known. It does not block.
	Definition(c Caller, tool string) json.RawMessage
}

// checkParams finds what is wrong with the headers in which parameters of a tool call
// travel as well, where its definition asks for that.
func (e *Edge) checkParams(p *peer, h http.Header, r toolRequest) *rpcFailure {
	s, ok := e.listsOf(p).(definer)
	if !ok || !r.stateless || r.method != "" {
		return nil
	}
	caller, _ := p.calls(r)
	definition := s.Definition(caller, r.name)
	if !paramheaders.In(definition) {
		return nil
	}
	tool, ok := paramheaders.Read(r.name, definition)
	if !ok {
		return nil // What it asks for is not to be had.
	}
	args := r.args
	if args == nil {
		args = json.RawMessage("{}")
	}
	if where := paramheaders.Repeated(tool, args); where != "" {
		return mismatch("the parameter " + where + ", which travels in a header, must be there once")
	}
	twice := ""
	lookup := func(name string) (string, bool) {
		values := h.Values(name)
		if len(values) == 0 {
			return "", false
		}
		if len(values) > 1 {
			twice = name
		}
		return values[0], true
	}
	params := append(append(json.RawMessage(`{"arguments":`), args...), '}')
	if err := mcp.ValidateParamHeadersLookup(lookup, tool, paramheaders.Few(tool, params)); err != nil {
		return mismatch(err.Error())
	}
	if twice != "" {
		return mismatch("the header " + twice + " must come once")
	}
	return nil
}
