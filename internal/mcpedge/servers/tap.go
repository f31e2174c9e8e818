package servers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
)

const (
	// maxOtherBody limits the bodies that hold no message.
	maxOtherBody = 64 << 10
	// goodbyeTimeout bounds the request that ends a session at the server.
	goodbyeTimeout = 2 * time.Second
	// maxListenGap is the longest wait between attempts to listen.
	maxListenGap = time.Minute
)

// errForeignHost means that a request was meant for another host than the
// configured one, or without its encryption.
var errForeignHost = errors.New("the server points to another host, which is not followed")

// errNoStream means that an SSE server answered with something other than a
// stream.
var errNoStream = errors.New("not an event stream")

// tap stands between the transports and the network. It adds the
// headers, notes what happens to each exchange, and takes the messages out of
// the responses: answers go to the exchange they belong to, raw, and mcp-go
// gets a stub of the same id in their place, so that it decodes no payload,
// holds none without limit, and can lose nothing. Notifications and requests
// of the server are acted on here and mcp-go never sees them.
type tap struct{ h *HTTP }

// RoundTrip implements [http.RoundTripper].
func (t *tap) RoundTrip(req *http.Request) (*http.Response, error) {
	h, x := t.h, exchangeOf(req.Context())
	if req.URL.Scheme != h.base.Scheme || req.URL.Host != h.base.Host {
		x.note(func(f *facts) { f.err = errForeignHost })
		return nil, errForeignHost
	}
	switch {
	case req.Method == http.MethodDelete:
		return t.goodbye(req)
	case req.Method == http.MethodGet && !h.sse && (x == nil || x.id == ""):
		return t.listen(req)
	}
	x.note(func(f *facts) { f.status, f.err = 0, nil })
	resp, err := t.send(req, x)
	if err != nil {
		x.note(func(f *facts) { f.err = err })
		return nil, err
	}
	x.note(func(f *facts) { f.status = resp.StatusCode })
	if h.sse && req.Method == http.MethodGet && resp.StatusCode == http.StatusOK && mediaType(resp) != "text/event-stream" {
		_ = resp.Body.Close()
		return nil, errNoStream // mcp-go would wait for events in it.
	}
	t.body(resp, x)
	return resp, nil
}

// send sends a request with our headers. It is the only way to the network.
func (t *tap) send(req *http.Request, x *exchange) (*http.Response, error) {
	before := x != nil && x.state().sent
	trace := &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { x.note(func(f *facts) { f.sent = true }) },
		// A connection is looked for again only after one on which nothing
		// could be written, or where the server said that it did nothing.
		GetConn: func(string) { x.note(func(f *facts) { f.sent = before }) },
	}
	req = req.Clone(httptrace.WithClientTrace(req.Context(), trace))
	if x != nil && x.body != nil && req.Method == http.MethodPost {
		req.ContentLength = int64(len(x.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(x.body)), nil }
		_ = req.Body.Close()
		req.Body, _ = req.GetBody()
	}
	t.addHeaders(req)
	resp, err := t.h.pool.RoundTrip(req)
	if err != nil {
		return nil, err //nolint:wrapcheck // mcp-go looks at nothing but that there is one.
	}
	t.h.received.Add(1)
	resp.Body = &countingBody{ReadCloser: resp.Body, count: &t.h.received}
	return resp, nil
}

// protocolHeaders are ours and the transport's to set, and so are all that
// begin with paramHeader.
var protocolHeaders = map[string]bool{
	"Accept": true, "Connection": true, "Content-Length": true, "Content-Type": true, "Last-Event-Id": true,
	"Mcp-Method": true, "Mcp-Name": true, "Mcp-Protocol-Version": true, "Mcp-Session-Id": true, "Transfer-Encoding": true,
}

const paramHeader = "Mcp-Param-"

func (t *tap) addHeaders(req *http.Request) {
	for name, value := range t.h.opts.Headers {
		switch name = http.CanonicalHeaderKey(name); {
		case name == "Host":
			req.Host = value
		case !protocolHeaders[name] && !strings.HasPrefix(name, paramHeader):
			req.Header.Set(name, value)
		}
	}
	if user := t.h.base.User; user != nil && req.Header.Get("Authorization") == "" {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	if req.Header.Get("Idempotency-Key") != "" || req.Header.Get("X-Idempotency-Key") != "" {
		req.GetBody = nil // With such a header net/http would send a request twice.
	}
}

// goodbye tells the server that its session is over, unless it is known to be
// out of reach.
func (t *tap) goodbye(req *http.Request) (*http.Response, error) {
	t.h.mu.Lock()
	quiet := t.h.quiet
	t.h.mu.Unlock()
	if quiet {
		return nil, net.ErrClosed
	}
	ctx, cancel := context.WithTimeout(req.Context(), goodbyeTimeout)
	defer cancel()
	resp, err := t.send(req.WithContext(ctx), nil)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close() // Nothing in it matters.
	resp.Body = http.NoBody
	return resp, nil
}

// listener is what is known of the stream on which a streamable HTTP server
// announces changes.
type listener struct {
	pauses

	opened bool // it has worked once
}

// listen opens the stream on which a streamable HTTP server announces
// changes, once the handshake is over and if it says that it does so.
func (t *tap) listen(req *http.Request) (*http.Response, error) {
	h, ctx := t.h, req.Context()
	select {
	case <-h.opened:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if !h.listens {
		return notOffered(req), nil
	}
	req = req.Clone(ctx)
	req.Header.Set("Mcp-Protocol-Version", h.info.ProtocolVersion) // The request may have been made before it was known.
	for {
		if !h.listener.next(ctx.Done()) { // mcp-go itself would try every second for ever.
			return nil, context.Cause(ctx)
		}
		resp, err := t.send(req, nil)
		switch {
		case err == nil && resp.StatusCode < http.StatusInternalServerError:
			return t.listening(req, resp), nil
		case err == nil:
			_ = resp.Body.Close()
		case isRefused(err):
			h.lost(errors.New("lost the session with " + h.shown + ": connection refused"))
			return nil, err
		}
	}
}

// listening passes the stream on. A server that refuses it does not offer it,
// whatever status it says so with; but 404 where it has worked before means
// that the session is forgotten.
func (t *tap) listening(req *http.Request, resp *http.Response) *http.Response {
	if resp.StatusCode == http.StatusOK && mediaType(resp) == "text/event-stream" {
		t.h.listener.opened = true
		resp.Body = newEventFilter(t.h, nil, resp.Body)
		return resp
	}
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound && t.h.listener.opened {
		t.h.lost(ErrSessionLost)
	}
	return notOffered(req)
}

func notOffered(req *http.Request) *http.Response {
	return &http.Response{
		StatusCode: http.StatusMethodNotAllowed, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: req,
	}
}

// body replaces the body of a response by what mcp-go shall see of it.
func (t *tap) body(resp *http.Response, x *exchange) {
	failed := resp.StatusCode >= http.StatusBadRequest
	switch media := mediaType(resp); {
	case media == "text/event-stream" && !failed:
		resp.Body = newEventFilter(t.h, x, resp.Body)
	case media == "application/json" && x != nil && x.id != "" && (failed || !t.h.sse):
		t.single(resp, x)
	default:
		resp.Body = limitedBody{io.LimitReader(resp.Body, maxOtherBody), resp.Body}
	}
}

// single reads a body that is one message, or a batch. It blocks until the
// server has sent it or the request's context ends.
func (t *tap) single(resp *http.Response, x *exchange) {
	limit := x.limit + envelopeRoom
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	_ = resp.Body.Close()
	switch {
	case err != nil:
		x.note(func(f *facts) { f.err = err })
	case int64(len(data)) > limit:
		x.settle(endpoint.Response{}, &endpoint.TooLarge{Limit: x.limit})
	default:
		t.accept(data, x)
	}
	resp.Header.Del("Content-Encoding")
	resp.Body = io.NopCloser(bytes.NewReader(stub(x.id)))
	resp.ContentLength = -1
}

// accept takes the answer to x out of a body. Its id is not looked at where
// the body is one message: the response answers this request and no other,
// and an error may have none.
func (t *tap) accept(data []byte, x *exchange) {
	var all []jsonrpc.Message
	if !jsonrpc.Scan(data, func(m jsonrpc.Message) { all = append(all, m) }) {
		return
	}
	if len(all) == 1 && all[0].Method == nil && (all[0].Result != nil || all[0].Error != nil) {
		x.settle(response(all[0], nil, x.limit))
		return
	}
	for _, m := range all {
		t.h.message(m)
	}
}

// stub is what mcp-go sees in place of an answer.
func stub(id string) []byte {
	return jsonrpc.AppendResult(nil, quote(id), []byte("{}"))
}

// redirect follows redirects only where nothing changes but the path.
func (h *HTTP) redirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if req.URL.Scheme == h.base.Scheme && req.URL.Host == h.base.Host && req.Method == first.Method && len(via) < 10 {
		return nil
	}
	exchangeOf(req.Context()).note(func(f *facts) { f.err = ErrRedirected })
	return ErrRedirected
}

func mediaType(resp *http.Response) string {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return media
}

func isRefused(err error) bool {
	errno, _ := errors.AsType[syscall.Errno](err)
	return errno == syscall.ECONNREFUSED || errno == errWindowsRefused
}
