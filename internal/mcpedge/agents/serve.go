package agents

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

// notifyFunc sends one notification, as a whole JSON-RPC message on one line,
// to the client, before the answer of the request that it belongs to. It may
// block on a slow client.
type notifyFunc func(body []byte)

// serve handles one message of a client, of a batch if that has a share, and
// returns what to answer, if anything.
// It blocks until the request is done. All notifications have been sent when
// it returns.
func (e *Edge) serve(ctx context.Context, p *peer, m message, batch *weight.Share, notify notifyFunc) answer {
	switch {
	case m.isNotification():
		e.slowDown(ctx, p, costNotice, len(m.raw))
		e.notified(p, m)
		return answer{}
	case !m.isRequest():
		e.slowDown(ctx, p, costNotice, len(m.raw))
		p.asks.answered(m.raw, &e.strays)
		return answer{}
	case m.isToolCall():
		r, failure := readToolRequest(m, p.served())
		if failure != nil {
			return failureAnswer(m.id, failure)
		}
		return e.beginCall(ctx, p, r, batch, notify)()
	case e.isSubscription(p, m):
		e.slowDown(ctx, p, costRequest, len(m.raw))
		r, failure := readSurfaceRequest(m, p.served())
		if failure != nil {
			return failureAnswer(m.id, failure)
		}
		return e.beginListen(ctx, p, r, notify)()
	case p.isForSurface(m):
		e.slowDown(ctx, p, costRequest, len(m.raw))
		r, failure := readSurfaceRequest(m, p.served())
		if failure != nil {
			return failureAnswer(m.id, failure)
		}
		return e.beginCall(ctx, p, r, batch, notify)()
	default:
		e.slowDown(ctx, p, costRequest, len(m.raw))
		return e.askLibrary(ctx, p, m, notify)
	}
}

// notified acts on the notifications that matter here.
func (e *Edge) notified(p *peer, m message) {
	p.asks.notified(m.method)
	if m.method != string(mcp.MethodNotificationCancelled) || p.session == "" {
		return
	}
	if id := rawjson.Get(m.params, "requestId"); id != nil && !ambiguous(m.params, paramNames) {
		e.inFlight.cancel(callKey{p.session, string(id)})
	}
}

func (e *Edge) logPanic(method string, v any) {
	e.log.Error("internal: panic while serving an agent", slog.String("method", method),
		slog.String("panic", describePanic(v)), slog.String("stack", string(debug.Stack())))
}

// describePanic returns the text of a panic that cannot hold what an agent or a
// server sent, else its type: the stack tells the rest.
func describePanic(v any) string {
	switch v := v.(type) {
	case runtime.Error:
		return v.Error()
	case string:
		if strings.HasPrefix(v, "internal: ") {
			return v
		}
	}
	return fmt.Sprintf("a value of type %T", v)
}
