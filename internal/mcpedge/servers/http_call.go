package servers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// exchange is one request to a url server: what its context carries to the
// tap, and what the tap found out.
type exchange struct {
	id       string // empty where no answer is expected
	limit    int64
	progress func(json.RawMessage)
	by       endpoint.Call
	body     []byte // of the request, in our words; nil for mcp-go's

	mu    sync.Mutex
	facts facts
}

// facts are what is known of an exchange.
type facts struct {
	sent     bool // a connection was there: bytes may have been written
	status   int  // of the latest HTTP response; 0 before
	err      error
	answered bool
	response endpoint.Response
	failure  error // *endpoint.TooLarge
}

// exchangeKey is the context key of an exchange.
type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

func (x *exchange) state() facts {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.facts
}

// note changes the facts; a nil exchange forgets them.
func (x *exchange) note(change func(*facts)) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	change(&x.facts)
}

// settle keeps the first answer.
func (x *exchange) settle(response endpoint.Response, failure error) {
	x.note(func(f *facts) {
		if !f.answered {
			f.answered, f.response, f.failure = true, response, failure
		}
	})
}

func (f facts) unauthorized() bool {
	return f.status == http.StatusUnauthorized || f.status == http.StatusForbidden
}

// Call implements [endpoint.Session].
func (h *HTTP) Call(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
	ctx, stop := req.Until(ctx)
	defer stop()
	if ctx.Err() != nil {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: context.Cause(ctx)}
	}
	if len(req.Params) > 0 && !rawjson.Valid(req.Params) {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: errBadParams}
	}
	if !h.enter() {
		return endpoint.Response{}, &endpoint.NotWritten{Cause: context.Cause(h.ctx)}
	}
	defer h.work.Done()
	if h.stateless {
		return h.callStateless(ctx, req)
	}
	x := h.newExchange(req)
	defer h.forget(x)
	both, cancel := context.WithCancelCause(context.WithValue(ctx, exchangeKey{}, x))
	defer cancel(nil)
	defer context.AfterFunc(h.ctx, func() { cancel(context.Cause(h.ctx)) })()
	_, err := h.wire.SendRequest(both, olderRequest(x, req))
	return h.conclude(ctx, x, req.Method, err)
}

func (h *HTTP) newExchange(req endpoint.Request) *exchange {
	x := &exchange{id: h.nextID(), limit: h.opts.MaxMessageBytes, progress: req.Progress, by: req.By}
	if req.MaxResultBytes > 0 {
		x.limit = req.MaxResultBytes
	}
	h.mu.Lock()
	h.pending[x.id] = x
	h.mu.Unlock()
	return x
}

// olderRequest is the request as mcp-go's transports take it: without params,
// in whose strings they would escape. The tap sends the body of x instead.
func olderRequest(x *exchange, req endpoint.Request) transport.JSONRPCRequest {
	params := req.Params
	if req.Progress != nil {
		params = withToken(params, quote(x.id))
	}
	x.body = append(jsonrpc.AppendRequest(nil, quote(x.id), req.Method, params), '\n')
	return transport.JSONRPCRequest{JSONRPC: mcp.JSONRPC_VERSION, ID: mcp.NewRequestId(x.id), Method: req.Method}
}

func (h *HTTP) forget(x *exchange) {
	h.mu.Lock()
	delete(h.pending, x.id)
	h.mu.Unlock()
}

// waiting gives the exchange with that id, as the server wrote it; nil if
// nobody waits for it.
func (h *HTTP) waiting(rawID []byte) *exchange {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.pending[rawjson.Text(rawID)]
}

// conclude tells what became of a call, by the facts and not by the text of
// the transport's error, which may hold a url or a body.
func (h *HTTP) conclude(ctx context.Context, x *exchange, method string, err error) (endpoint.Response, error) {
	f := x.state()
	ended := f.status == http.StatusNotFound && method != methodInitialize || errors.Is(err, transport.ErrSessionTerminated)
	switch {
	case method == methodInitialize && !h.sse && isOlder(f.status):
		return endpoint.Response{}, &notUnderstood{&olderTransport{status: f.status, said: f.response.Error}}
	case f.answered && !f.unauthorized() && !ended:
		return f.response, f.failure
	case ctx.Err() != nil:
		h.cancelAt(f, x.id, method)
		return endpoint.Response{}, f.unsent(context.Cause(ctx))
	case h.ctx.Err() != nil:
		return endpoint.Response{}, f.unsent(context.Cause(h.ctx))
	case ended:
		h.lost(ErrSessionLost)
		return endpoint.Response{}, f.unsent(ErrSessionLost)
	case f.unauthorized() || f.err != nil || method == methodInitialize:
		cause := transportError(f, err)
		switch {
		case method != methodInitialize:
			cause = fmt.Errorf("lost the session with %s: %w", h.shown, cause)
			h.lost(cause)
		case !f.unauthorized() && f.err == nil:
			cause = &notUnderstood{cause}
		}
		return endpoint.Response{}, f.unsent(cause)
	default:
		return endpoint.Response{Error: badAnswer(f)}, nil
	}
}

// unsent marks a cause as that of a request of which no byte was written, if
// that is so.
func (f facts) unsent(cause error) error {
	if f.sent {
		return cause
	}
	return &endpoint.NotWritten{Cause: cause}
}

// cancelAt tells the server that nobody waits for its answer any more.
func (h *HTTP) cancelAt(f facts, id, method string) {
	if !f.sent || method == methodInitialize {
		return
	}
	h.aside(func(ctx context.Context) {
		fields := map[string]any{"requestId": id, "reason": "the caller no longer waits"}
		_ = h.wire.SendNotification(ctx, notification(methodCancelled, fields)) // The server may be gone or not care.
	})
}

// badAnswer is the error object for a server that answered with something
// other than a JSON-RPC answer.
func badAnswer(f facts) json.RawMessage {
	text := "the server's HTTP response is not a JSON-RPC answer"
	if f.status >= http.StatusBadRequest {
		text = "the server answered with HTTP status " + statusText(f.status)
	}
	return json.RawMessage(`{"code":-32603,"message":` + string(quote(text)) + `}`)
}
