package servers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

const (
	// discoverPatience is how long a url server of which nothing is known may
	// leave server/discover unanswered before it is asked by initialize.
	discoverPatience = 5 * time.Second
	// drainTime is how long a stream that has brought its answer is read on,
	// so that its connection can be used again.
	drainTime = time.Second
	// maxDrain is how much of it is read.
	maxDrain = 64 << 10
)

// ErrEraChanged means that the server spoke 2026-07-28 when the session was
// opened and no longer does.
var ErrEraChanged = errors.New("the server no longer speaks " + endpoint.StatelessRevision)

// discover opens a session of 2026-07-28. A *notUnderstood means that the server
// has to be asked by initialize.
func (h *HTTP) discover(ctx context.Context) error {
	inTime := ctx
	if h.opts.Era == endpoint.EraUnknown {
		var cancel context.CancelFunc
		inTime, cancel = context.WithTimeout(ctx, discoverPatience)
		defer cancel()
	}
	f := h.ask(inTime, endpoint.Request{Method: methodDiscover})
	switch {
	case f.unauthorized():
		return &Unauthorized{Status: f.status}
	case f.answered && f.failure == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case h.ctx.Err() != nil:
		return context.Cause(h.ctx)
	case f.err != nil && inTime.Err() == nil && !errors.Is(f.err, errStream):
		return transportError(f, nil)
	default: // It is an HTTP server, but none that understands the question.
		return &notUnderstood{errNotStateless}
	}
	info, announces, err := discovered(f.response)
	if err != nil {
		return &notUnderstood{err}
	}
	h.info = info
	close(h.opened)
	if announces {
		h.subscribe(ctx)
	}
	return nil
}

// callStateless makes a request of 2026-07-28 in a session that is open.
func (h *HTTP) callStateless(ctx context.Context, req endpoint.Request) (endpoint.Response, error) {
	h.tools.asked(req.Method)
	f := h.ask(ctx, req)
	switch {
	case f.answered && !f.unauthorized():
		h.doubt(f)
		if req.Method == methodToolsList && f.response.Result != nil {
			f.response.Result = h.headers.learn(f.response.Result)
		}
		return f.response, f.failure
	case ctx.Err() != nil: // The request has been closed: that tells the server.
		return endpoint.Response{}, f.unsent(context.Cause(ctx))
	case h.ctx.Err() != nil:
		return endpoint.Response{}, f.unsent(context.Cause(h.ctx))
	case f.unauthorized() || f.err != nil:
		cause := fmt.Errorf("lost the session with %s: %w", h.shown, transportError(f, nil))
		h.lost(cause)
		return endpoint.Response{}, f.unsent(cause)
	default:
		h.doubt(f)
		return endpoint.Response{Error: badAnswer(f)}, nil
	}
}

// doubt asks a server that has refused a request by an HTTP status that
// older servers use whether it still is what it was: it may have been replaced
// by another one.
func (h *HTTP) doubt(f facts) {
	if !isOlder(f.status) {
		return
	}
	h.aside(func(ctx context.Context) {
		if !h.doubting.CompareAndSwap(false, true) {
			return
		}
		defer h.doubting.Store(false)
		now := h.ask(ctx, endpoint.Request{Method: methodDiscover})
		if now.answered {
			_, _, err := discovered(now.response)
			now.answered = err == nil
		}
		if !now.answered && now.err == nil && now.status != 0 && !now.unauthorized() {
			h.lost(ErrEraChanged)
		}
	})
}

// ask posts a request and waits for its answer, or until ctx or the session
// ends. It tells what happened and draws no conclusion.
func (h *HTTP) ask(ctx context.Context, req endpoint.Request) facts {
	x := h.newExchange(req)
	defer h.forget(x)
	// The request's own context outlives the caller's where only the end of
	// the stream is still to be read.
	own, cancel := context.WithCancelCause(context.WithValue(h.ctx, exchangeKey{}, x))
	leave := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	defer leave()
	resp, err := h.client.Do(h.statelessRequest(own, x, req))
	if err != nil { // The tap has noted why.
		cancel(nil)
		return x.state()
	}
	for buffer := make([]byte, 512); err == nil && !x.state().answered; {
		_, err = resp.Body.Read(buffer)
	}
	f := x.state()
	if err == nil && f.answered && leave() && h.enter() {
		go h.drain(resp.Body, cancel)
		return f
	}
	cancel(nil)
	_ = resp.Body.Close()
	return f
}

// drain reads to the end of a stream of which nobody expects more.
func (h *HTTP) drain(body io.ReadCloser, cancel context.CancelCauseFunc) {
	defer h.work.Done()
	defer cancel(nil)
	timer := time.AfterFunc(drainTime, func() { cancel(nil) })
	defer timer.Stop()
	_, _ = io.CopyN(io.Discard, body, maxDrain) // The answer is there already.
	_ = body.Close()
}

// statelessRequest makes the HTTP request. The url has been parsed before, so it
// can be made.
func (h *HTTP) statelessRequest(ctx context.Context, x *exchange, req endpoint.Request) *http.Request {
	params := h.dress.dress(req.Params, req.Capabilities)
	if req.Progress != nil {
		params = withToken(params, quote(x.id))
	}
	body := append(jsonrpc.AppendRequest(nil, quote(x.id), req.Method, params), '\n')
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.base.String(), bytes.NewReader(body))
	if err != nil {
		panic("internal: cannot make a request for a url that was parsed")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set(mcp.HeaderProtocolVersion, endpoint.StatelessRevision)
	r.Header.Set(mcp.HeaderMethod, req.Method)
	if req.Method == methodToolsCall {
		h.nameTool(r.Header, params)
	}
	return r
}

// nameTool sets the headers of a tool call: the tool's name, and parameters
// for which its definition asks for that.
func (h *HTTP) nameTool(header http.Header, params json.RawMessage) {
	name := rawjson.Text(rawjson.Get(params, "name"))
	if value, ok := mcp.EncodeHeaderValue(name); ok {
		header.Set(mcp.HeaderName, value)
	}
	for name, value := range h.headers.of(name, params) {
		header.Set(name, value)
	}
}

// subscribe begins to hear of changes of the tools.
func (h *HTTP) subscribe(ctx context.Context) {
	if !h.enter() {
		return
	}
	go func() { // Ends with the session, or when the server offers no such thing.
		defer h.work.Done()
		h.tools.run(h.ctx.Done(), h.listen)
	}()
	h.tools.await(ctx)
}

// listen makes one subscription and stays until it ends. What the server
// announces meanwhile is heard by the tap.
func (h *HTTP) listen() (useful bool) {
	f := h.ask(h.ctx, endpoint.Request{Method: methodListen, Params: json.RawMessage(listenParams), MaxResultBytes: maxAnswerToListen})
	switch {
	case f.unauthorized():
		h.lost(fmt.Errorf("lost the session with %s: %w", h.shown, &Unauthorized{Status: f.status}))
		return false
	case f.err != nil && isRefused(f.err):
		h.lost(errors.New("lost the session with " + h.shown + ": connection refused"))
		return false
	}
	return !unknownMethod(f.response)
}
