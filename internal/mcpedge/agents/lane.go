package agents

import (
	"context"
	"net/http"

	"github.com/mark3labs/mcp-go/mcp"
)

// The fast lane. A tools/call is nearly all that a gateway is asked for, and
// mcp-go reads each message five or six times. So a call that is well-formed
// in every respect goes from one scan of its bytes to the handler, and the
// answer is put together around the handler's bytes. All else, down to a member
// that MCP does not know, takes mcp-go's way: the lane has no error of its own,
// and what it takes is answered as mcp-go would have it answered.

// laneOverHTTP reads the message of a POST for the lane. ok is false if the
// message is not for it, be it because of the headers.
func (e *Edge) laneOverHTTP(h http.Header, body []byte) (r toolRequest, stateless, ok bool) {
	if e.opts.NoFastLane {
		return r, false, false
	}
	if r, ok = readToolRequest(body); !ok {
		return r, false, false
	}
	stateless, ok = r.meta.stateless()
	switch version := h.Get(headerVersion); {
	case !ok:
		return r, stateless, false
	case stateless:
		return r, true, version == mcp.ProtocolVersion20260728 && h.Get(mcp.HeaderMethod) == string(mcp.MethodToolsCall) &&
			h.Get(mcp.HeaderName) == r.name && h.Get(mcp.HeaderLastEventID) == ""
	default:
		return r, false, !mcp.IsModernProtocol(version)
	}
}

// laneOverStdio is laneOverHTTP where there are no headers.
func (e *Edge) laneOverStdio(line []byte) (r toolRequest, ok bool) {
	if e.opts.NoFastLane {
		return r, false
	}
	if r, ok = readToolRequest(line); ok {
		_, ok = r.meta.stateless()
	}
	return r, ok
}

// beginLane begins a call that the lane has read, and gives what runs it to its
// end. The unit of work is the transport's business.
func (e *Edge) beginLane(ctx context.Context, p *peer, r toolRequest, notify notifyFunc) (run func() answer) {
	t := ToolCall{Name: r.name, Args: r.args, Meta: r.meta.whole}
	caller := Caller{Session: p.session, Identity: p.identity}
	if r.meta.version != nil {
		caller.Protocol, caller.Client = mcp.ProtocolVersion20260728, r.meta.clientName()
		t.Capabilities, t.InputResponses, t.RequestState = r.meta.capabilities, r.inputResponses, r.requestState
	} else {
		caller.Protocol, caller.Client = p.known()
	}
	return e.track(ctx, p, r.id, r.meta.token, notify, func(ctx context.Context, c *call) answer {
		a, ok := e.run(ctx, c, caller, t, r.id)
		if !ok {
			return failureAnswer(r.id, e.tools.unknown(r.name))
		}
		return a
	})
}
