package surface

import (
	"context"

	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
)

// listTools answers from memory once the server has listed its tools; before that
// it waits for the server as a call would.
func (o *One) listTools(ctx context.Context, caller agents.Caller, r agents.Request, dst []byte) ([]byte, *agents.Error) {
	if failure := noCursor(r); failure != nil {
		return dst, failure
	}
	var c front.Call
	o.begin(&c, caller, r, &tools, "")
	defer o.gateway.Router.Finish(&c)
	a, err := o.gateway.Router.Lists(ctx, &c)
	if err != nil {
		return dst, failed(c.End(err), rpcInvalidParams)
	}
	permitted := a.Permitted(&tools, o.server, a.Catalog)
	size := 0
	for _, name := range permitted {
		tool, _ := a.Catalog.Lookup(name)
		size += len(tool.Raw) + 1
	}
	l, full := newList(dst, "tools", size, r)
	if full != nil {
		return dst, failed(c.End(full), rpcInvalidParams)
	}
	for _, name := range permitted {
		tool, _ := a.Catalog.Lookup(name)
		l.add(tool.Raw)
	}
	_ = c.End(nil)
	return l.end(caller, 0, trouble(a)), nil
}
